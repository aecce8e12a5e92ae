"""Short conversations, and what the extractor without a chat model draws from them.

They show its rules one by one; how well the rules do together is another question.
"""

from core.turn import Turn


def user(content: str, name: str | None = None) -> Turn:
    return Turn("user", content, name)


def assistant(content: str, name: str | None = None) -> Turn:
    return Turn("assistant", content, name)


# Turns said formerly, turns, and the texts that are drawn.
DRAWN: dict[str, tuple[list[Turn], list[Turn], list[str]]] = {
    "nothing said": ([], [], []),
    "an empty message": ([], [user("")], []),
    "a statement": ([], [user("I live in Porto.")], ["I live in Porto."]),
    "small talk": ([], [user("Hi! How are you? Thanks, bye!")], []),
    "system messages": ([], [Turn("system", "I am Bo."), Turn("developer", "I am Al.")], []),
    "other roles": ([], [Turn("moderator", "I moved to Porto.")], ["I moved to Porto."]),
    "what was said formerly": (
        [user("I live in Porto.")],
        [user("I like figs.")],
        ["I like figs."],
    ),
    "a sentence that leans": (
        [],
        [user("I adopted a beagle. He barks at the postman.")],
        ["I adopted a beagle. He barks at the postman."],
    ),
    "a verdict": (
        [],
        [user("I went to Oslo. It was great there.")],
        ["I went to Oslo. It was great there."],
    ),
    "a verdict of nothing": ([], [user("It was great.")], []),
    "no more than two sentences before": (
        [],
        [user("I bought a lathe. It hums. It leaks oil. It shook the shelf down.")],
        [
            "I bought a lathe. It hums. It leaks oil.",
            "It hums. It leaks oil. It shook the shelf down.",
        ],
    ),
    "no more than two verdicts": (
        [],
        [user("I went to Oslo. It was great. It was fun. It was nice.")],
        ["I went to Oslo. It was great. It was fun."],
    ),
    "a greeting between": (
        [],
        [user("I adopted a beagle. Haha! He barks at cats.")],
        ["I adopted a beagle. He barks at cats."],
    ),
    "leaning on the turn before": (
        [],
        [user("My mother repairs violins."), assistant("She taught me once.")],
        ["My mother repairs violins."],
    ),
    "nobody speaks with another's words": (
        [],
        [user("I'm allergic to plums.", "Ann"), user("I made it with figs. It rose well.", "Bo")],
        ["I'm allergic to plums."],
    ),
    "leaning on another, yet telling enough": (
        [],
        [
            user("I sing tenor.", "Ann"),
            user("And I play the cello. That reminds me of my first concert in Bergen.", "Bo"),
        ],
        [
            "I sing tenor.",
            "And I play the cello. That reminds me of my first concert in Bergen.",
        ],
    ),
    "leaning past another's cheers": (
        [],
        [user("I bought a lathe.", "Ann"), user("Wow!", "Bo"), user("It leaks oil.", "Ann")],
        ["I bought a lathe. It leaks oil."],
    ),
    "a pleasant remark on the turn before": (
        [],
        [user("My mother repairs violins."), assistant("That is such a lovely craft!", "Bea")],
        ["My mother repairs violins."],
    ),
    "this summer leans on nothing": (
        [],
        [user("I sold the car. This summer we go by train.")],
        ["I sold the car.", "This summer we go by train."],
    ),
    "an answer": (
        [],
        [assistant("Where do you live?"), user("In Paris.")],
        ["Where do you live? In Paris."],
    ),
    "an answer to what was asked formerly": (
        [assistant("Nice to meet you! Where do you live?")],
        [user("Oh, in Paris.")],
        ["Where do you live? Oh, in Paris."],
    ),
    "an answer past a system message": (
        [],
        [assistant("Where do you live?"), Turn("system", "Be brief."), user("In Paris.")],
        ["Where do you live? In Paris."],
    ),
    "only the first sentence answers": (
        [],
        [assistant("Where do you live?"), user("Well! In Paris. Near a park.")],
        ["Where do you live? In Paris."],
    ),
    "an answer that stands alone": (
        [],
        [assistant("Where do you live?"), user("I live in Paris.")],
        ["I live in Paris."],
    ),
    "yes": (
        [],
        [assistant("Do you eat fish?"), user("Yes.")],
        ["Do you eat fish? Yes."],
    ),
    "yes, and more": (
        [],
        [assistant("Do you eat fish?"), user("Yes, I love tuna.")],
        ["Do you eat fish? Yes, I love tuna."],
    ),
    "yes, go on": ([], [assistant("Shall I translate the rest?"), user("Yes.")], []),
    "an answer to small talk": ([], [assistant("What's up?"), user("The usual.")], []),
    "one's own question": ([], [user("Guess what?"), user("In Paris.")], []),
    "a fragment": ([], [user("Blue shoes.")], []),
    "three words": ([], [user("Blue suede shoes.")], ["Blue suede shoes."]),
    "two words that say something": ([], [user("I'm vegetarian.")], ["I'm vegetarian."]),
    "a name and what it is": (
        [],
        [user("Name: Ana\nCity: Porto")],
        ["Name: Ana", "City: Porto"],
    ),
    "a request": ([], [user("Can you summarise this? Please translate the second page.")], []),
    "a request that tells": (
        [],
        [user("Suggest a starter, I'm allergic to nuts.")],
        ["Suggest a starter, I'm allergic to nuts."],
    ),
    "a question that tells": (
        [],
        [user("What should I cook, given that I'm allergic to nuts?")],
        ["What should I cook, given that I'm allergic to nuts?"],
    ),
    "what to bear in mind": ([], [user("Please call me Teo.")], ["Please call me Teo."]),
    "a request is no context": (
        [],
        [user("Translate the page. It belongs to my aunt Ida, who lives in Bonn.")],
        ["It belongs to my aunt Ida, who lives in Bonn."],
    ),
    "code": ([], [user("I wrote a parser:\n```\nI am = my(code)\n```")], ["I wrote a parser:"]),
    "a list": (
        [],
        [user("My favourite dishes:\n- ramen\n- figs\nI cook daily.")],
        ["My favourite dishes:\n- ramen\n- figs", "I cook daily."],
    ),
    "what a colon announces": (
        [],
        [user("My address is:\n12 Elm Street")],
        ["My address is:\n12 Elm Street"],
    ),
    "what a colon does not announce": ([], [user("Here's the error:\nPlease explain.")], []),
    "a list within a request": ([], [user("Translate these:\n- my aunt\n- I am here")], []),
    "items of their own": (
        [],
        [user("- I like figs\n- ok\n2. I hate rain")],
        ["I like figs", "I hate rain"],
    ),
    "an echo": (
        [],
        [user("My rent is 900 euros in Leeds."), assistant("So the rent in Leeds is 900 euros.")],
        ["My rent is 900 euros in Leeds."],
    ),
    "another number": (
        [],
        [user("My rent is 900 euros in Leeds."), assistant("The rent in Leeds is 950 euros.")],
        ["My rent is 900 euros in Leeds.", "The rent in Leeds is 950 euros."],
    ),
    "what the assistant says of itself": (
        [],
        [user("I like figs."), assistant("I like figs too.", "Bea")],
        ["I like figs.", "I like figs too."],
    ),
    "general knowledge": (
        [],
        [assistant("Photosynthesis turns light into chemical energy. You should water the fern.")],
        [],
    ),
    "the transcript's name": ([], [user("Ana: I like figs.", "Ana")], ["I like figs."]),
    "names of those who talk": (
        [],
        [user("Thanks, Bea! Wow, Bea, amazing."), assistant("Bye.", "Bea")],
        [],
    ),
    "other languages": (
        [],
        [user("Ich wohne seit Mai in Hamburg. Wo wohnst du?")],
        ["Ich wohne seit Mai in Hamburg."],
    ),
}
