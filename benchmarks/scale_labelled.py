"""Invented memories and questions, with the memories that answer each question.

A scene is what one user has stored. Even scenes fit the scale of the score and odd ones check it,
so neighbouring scenes are of one style but about other things. A line is a memory, then `=` and the
questions that it answers; an indented line continues the one before it. A question without a memory
is unrelated to all of its scene. Memories that begin with the same `[tag]` are related: none of
them counts as unrelated to the questions of another.
"""

from dataclasses import dataclass

# How many turns before and after an answer in a chat may be about the same thing.
_AROUND = 2


@dataclass(frozen=True)
class Question:
    """A question, and the positions of the memories that answer it.

    `related` are those that must not count as unrelated to it, including the answers.
    """

    text: str
    answers: frozenset[int]
    related: frozenset[int]


@dataclass(frozen=True)
class Scene:
    """The memories of one user as pairs (speaker, text), and questions.

    If `is_chat`, the memories are the turns of one conversation; otherwise each was stored by
    itself, by a speaker without a name.
    """

    style: str
    memories: list[tuple[str, str]]
    questions: list[Question]

    @property
    def is_chat(self) -> bool:
        """Whether the memories are the turns of a conversation."""
        return self.style == "chat"


_SCENES = [
    (
        "first person",
        """
I live in Utrecht, near the cathedral. = Where do I live? | What is my home town?
I'm allergic to shellfish and walnuts. = What am I allergic to? | Which foods must I avoid?
My partner's name is Jonas. = What is my partner called? | Who is my boyfriend?
I work night shifts as a paramedic. = What is my job? | What do I do for a living?
I drive a green Skoda Octavia. = Which car do I own? | car
Our beagle is called Truffle. = What is my dog's name? | Do I have any pets?
I play the cello in an amateur orchestra. = Which instrument do I play? | musical hobbies
I was born on 14 February 1991. = When is my birthday? | How old am I?
My favourite colour is burgundy. = What colour do I like best?
I quit smoking two years ago. = Do I still smoke?
I'm learning Turkish with a tutor on Mondays. = Which language am I studying? | When are my lessons?
I take metformin for my diabetes. = What medication do I take? | health conditions
My sister Petra runs a flower shop. = What does my sister do? | flowers for a bouquet
I want to run the Rotterdam marathon in under four hours. = What are my fitness goals?
I prefer oat milk in my coffee. = How do I take my coffee? | What should be in my cappuccino?
= How tall is the Eiffel tower?
= Who won the chess tournament?
= When does the library close?
= What is the capital of Mongolia?
= Explain how a transistor works.
""",
    ),
    (
        "first person",
        """
My flat is on Calle Olmo in Madrid. = In which city do I live? | What is my address?
Peanuts give me a rash, so I never eat them. = Do I have food allergies? | Can I eat satay sauce?
I'm married to Lucía, we met at university. = Who is my wife? | Am I single?
I teach physics at a secondary school. = What is my profession? | Where do I work?
I sold my car and now cycle everywhere. = How do I get around? | Do I have a car?
We have two cats, Miso and Tofu. = What are my cats called? | pets
I paint watercolours on Sunday mornings. = What do I do on weekends? | art
I turn forty on the third of June. = When was I born? | birthday
I can't stand coriander. = Which herb do I dislike? | Should the salsa have coriander?
I'm vegetarian since last year. = Do I eat meat? | What is my diet?
I speak Spanish, Catalan and some German. = Which languages do I know?
I broke my left wrist skiing in Andorra. = Which injuries have I had? | skiing accident
My brother Nacho lives in Oslo with his two sons. = Where does my brother live? | Do I have nephews?
I'm saving for a trip to Patagonia. = What am I saving money for? | travel plans
I go to bed at ten and get up at six. = When do I wake up? | What is my sleep schedule?
= How do I compile a kernel module?
= What is the boiling point of ethanol?
= Who painted the ceiling of the chapel?
= Is the stock market open today?
= Summarise the plot of Hamlet.
""",
    ),
    (
        "about the user",
        """
User prefers window seats on flights. = Which seat should I book? | seat preference
User's name is Farah Idris. = What is my name? | Who am I?
Likes spicy ramen and dumplings. = What food do I like? | Where should we eat tonight?
[work] Works at a logistics start-up as a data analyst. = What does the user do for work?
[work] Reports to Henrik, head of analytics. = Who is my boss? | manager
Has a peanut-coloured hamster named Biscuit. = What pet does the user have?
User is training for a triathlon in August. = Which sport event is coming up? | exercise
Dislikes phone calls; prefers email. = How should I be contacted? | communication preferences
User lives in Glasgow with two flatmates. = Where is the user based? | living situation
Moved from Kuala Lumpur in 2016. = Where does the user come from originally?
User uses Neovim on Arch Linux. = Which editor do I use? | development setup
Wears size 38 shoes. = What is my shoe size?
Anniversary with Callum is on 9 October. = When is our anniversary?
User has asthma and carries an inhaler. = Any medical conditions? | breathing problems
Wants to read more non-fiction this year. = What are my reading goals? | books
= What will the weather be in Lima?
= How many moons has Jupiter?
= Give me a recipe for hollandaise.
= When was the printing press invented?
= What is our refund policy?
""",
    ),
    (
        "about the user",
        """
User always travels with hand luggage only. = Should I check in a suitcase? | luggage
The user is called Tomasz Wilk. = What's the user's name? | name
Loves Thai curries but hates olives. = Which cuisine do I enjoy? | What should not be on my pizza?
[work] Employed as a nurse at a children's hospital. = What is the user's occupation?
[work] Shares the ward with a colleague named Ebba. = Who does the user work with?
Keeps bees on the roof of the house. = What animals does the user keep? | beekeeping
User climbs indoors twice a week. = How does the user stay fit? | sport
Wants answers to be short and without emojis. = How should replies be written? | tone
Rents a studio apartment in Ghent. = Where does the user live? | housing
Grew up on a farm in Podlasie. = What was the user's childhood like?
Owns a ThinkPad running Fedora. = Which laptop do I have? | operating system
User is 1.92 m tall. = How tall am I? | height
The wedding is planned for May next year. = When do I get married? | wedding
Cannot tolerate lactose. = Is milk a problem for me? | dietary restrictions
Hopes to learn to sail this summer. = What new skill does the user want? | sailing
= How do vaccines work?
= What is the exchange rate of the yen?
= Translate 'good morning' into Finnish.
= Who wrote the Odyssey?
= Why is the build failing on Windows?
""",
    ),
    (
        "named people",
        """
Marta plays the violin in a string quartet. = Which instrument does Marta play?
[ola] Ola started a bakery in Bergen. = What business did Ola start? | Where is Ola's bakery?
[ola] Ola sells cardamom buns on Saturdays. = What does Ola sell?
Marta is afraid of heights. = What is Marta scared of?
Marta's daughter Noor goes to kindergarten. = Who is Noor? | Does Marta have children?
Dr. Achterberg prescribed new glasses for Noor. = Who is the eye doctor? | Does Noor need glasses?
Ola ran for the city council and lost by nine votes. = Did Ola win the election? | politics
Marta adopted a greyhound from a shelter. = What kind of dog did Marta adopt?
Marta moved from Lyon to Bergen for love. = Why did Marta move? | Where did Marta live before?
Ola collects vintage typewriters. = What does Ola collect? | hobby of Ola
Noor loves dinosaurs and glitter. = What present would Noor like? | gift ideas for Noor
Marta drinks green tea in the afternoon. = What does Marta drink? | tea
= What is the speed of sound?
= How is cheese made?
= Who is the president of Peru?
= Which port does Redis use?
""",
    ),
    (
        "named people",
        """
Sanjay works as an architect in Pune. = What is Sanjay's job? | Where does Sanjay work?
[freya] Freya won a scholarship for marine biology. = What did Freya win? | What does Freya study?
[freya] Freya dives with seals off Orkney. = Where does Freya dive?
Sanjay proposed to Elin under the northern lights. = How did Sanjay propose? | Who is Elin?
Sanjay's grandfather carved chess sets. = What did Sanjay's grandfather make?
Elin is deaf in one ear. = Does Elin have hearing problems?
Freya volunteers at a soup kitchen. = What volunteering does Freya do? | charity
Sanjay is building a wooden canoe in the garage. = What is Sanjay building? | DIY project
Elin hates surprise parties. = Would Elin enjoy a surprise party?
Freya's flat was flooded in November. = What happened to Freya's home? | water damage
Sanjay swims a mile before breakfast. = What exercise does Sanjay get?
Elin speaks fluent Icelandic. = Which languages does Elin speak? | Icelandic
= How do I file a tax return?
= What causes thunder?
= Where can I buy cheap toner?
= Which year did the war end?
""",
    ),
    (
        "work",
        """
The staging database runs PostgreSQL 16. = Which database does staging use? | Postgres version
Deployments happen on Tuesdays after ten. = When do we deploy? | release day
The API gateway limits clients to 50 requests per second. = What is the rate limit?
Ingrid approves all changes to billing. = Who reviews billing changes?
We chose Kafka over RabbitMQ for events. = Which message broker do we use? | Kafka
The mobile app must support Android 10 and newer. = What is the oldest Android we support?
Customer Halvorsen has a contract until 2027. = When does the Halvorsen contract end?
Backups are kept for 35 days. = How long do we keep backups? | retention
Use tabs, not spaces, in Go files. = What is the indentation style? | formatting of Go code
The quarterly budget for ads is 12,000 euros. = How much may we spend on advertising? | budget
The office wifi password is on the whiteboard. = Where do I find the wifi password?
Incidents are announced in the #fire channel. = Where are outages reported? | incidents
= What is my favourite film?
= How do I get to the beach?
= When is grandma's birthday?
= Which wine goes with salmon?
""",
    ),
    (
        "work",
        """
Production is hosted in the Frankfurt region. = Where do our servers run? | hosting
The stand-up is at 9:15 every morning. = When is the daily meeting? | standup
Sessions expire after thirty minutes. = How long does a login last? | session timeout
Yusuf owns the search service. = Who is responsible for search?
We migrated from Jenkins to GitHub Actions. = Which CI system do we use? | CI
The website must work in Firefox ESR. = Which browsers do we support?
The supplier Maruyama delivers within six weeks. = What is Maruyama's lead time?
Logs are deleted after two weeks. = How long are logs stored? | log retention
Write commit messages in the imperative. = How should I phrase commit messages? | git conventions
The hiring freeze lasts until October. = Can we hire someone? | recruitment
The spare key is in the drawer of the reception. = Where is the spare key?
Expenses above 500 euros need a signature. = Do I need approval for a purchase? | expenses
= Do I like mushrooms?
= How did the football match end?
= What is my daughter's school called?
= Which trees lose their needles?
""",
    ),
    (
        "chat",
        """
ann: Hey, long time no see! How was your summer?
bert: Wonderful, we rented a houseboat in Friesland for two weeks. = What did Bert do in summer?
ann: Lovely! Did the kids enjoy it?
bert: Finn fell into the canal twice, but he can swim now. = Can Finn swim? | Who fell into the
  water?
ann: Ha! I started pottery classes in September. = What course did Ann begin? | pottery
bert: Cool, what are you making?
ann: Mostly crooked mugs. My teacher says I have heavy hands. = What does Ann make? | mugs
bert: By the way, I got the job at the observatory. = Where does Bert work? | Bert's new job
ann: Congratulations! When do you start?
bert: On the first of November, right after the move. = When does Bert start his new job?
ann: Let's celebrate with fondue on Friday. = What are the plans for Friday? | fondue
bert: Great, see you then!
= How do I reset my router?
= What is the population of Chile?
= Which font does the logo use?
""",
    ),
    (
        "chat",
        """
cleo: Good morning! You look tired.
dimitri: The baby kept us awake, she's teething. = Why is Dimitri tired? | How is the baby?
cleo: Oh no. Try a cold spoon, that helped my nephew. = What did Cleo recommend for teething?
dimitri: Thanks, I'll try. How is the thesis?
cleo: Finished! I defend it on the twelfth of March. = When does Cleo defend the thesis? | thesis
dimitri: Wow. What was it about again?
cleo: Moss on roof tiles, and what it does to the temperature. = What is Cleo's thesis about? | moss
dimitri: My mother would love that, she is a roofer. = What does Dimitri's mother do?
cleo: Really? I need someone to fix my chimney. = What needs fixing at Cleo's house? | chimney
dimitri: I'll give you her number tomorrow.
cleo: Perfect. I bought a second-hand tandem, by the way. = What did Cleo buy? | tandem
dimitri: Then we can ride along the river on Sunday. = What do they plan for Sunday?
= What is the price of copper?
= How do I sharpen a chisel?
= When did the dinosaurs die out?
""",
    ),
    (
        "long",
        """
Yesterday was the strangest day of the whole trek. We left the hut at five because the guide
  wanted to cross the snowfield before the sun softened it, and for two hours nobody spoke. At the
  pass we found a wedding ring in the gravel, engraved with a date from 1974, and Samira insisted
  on carrying it down to the police. The descent took longer than planned since my left boot came
  apart at the heel, and I walked the last kilometres with tape around it. In the valley an old
  farmer gave us buttermilk and bread and would not take any money. = What did we find at the
  pass? | What happened to my boot?
Here is a plan for the kitchen. Start with the electrics, because the old cables behind the stove
  carry too much load, and ask Mr. Lindqvist for an offer before the plasterer comes. The worktop
  should be oak, oiled and not varnished; the sink goes under the window, and the dishwasher to
  its left. Keep the blue tiles, they are from the fifties and in good shape. The whole budget is
  nine thousand, of which the appliances take more than half. If the floor turns out to be uneven,
  level it with dry screed and expect a delay of a week. = What is the budget for the kitchen? |
  Which wood should the worktop be? | renovation
Thank you for asking about sourdough. Feed the starter twice a day with equal parts of rye flour
  and water, and use it when it has doubled. Mix the dough in the evening, fold it four times
  within two hours, and let it rest in the fridge overnight. In the morning preheat the oven with
  a cast iron pot inside, score the loaf, and bake it for twenty-five minutes with the lid on and
  twenty without. If the crumb is gummy, the oven was too cold or you cut the bread while it was
  still warm. Whole grain flour needs more water than you would think. = How often do I feed the
  starter? | Why is my bread gummy?
= Who composed the film music?
= How many players are on a hockey team?
= What is my blood type?
""",
    ),
    (
        "long",
        """
The first week at the new school went better than I feared. The headmistress, Mrs. Okafor, showed
  me around in person and gave me the key to the ceramics room, which has a kiln from the eighties
  that only the caretaker dares to switch on. My class has twenty-six children, three of whom
  joined from abroad in summer and speak hardly any English. On Wednesday we made a map of
  everybody's way to school, and it turned out that two of them take a ferry. The staff room is
  loud, the coffee is terrible, and everyone is kind. I am worried about the inspection in
  November. = Who is the headmistress? | How many children are in my class? | When is the
  inspection?
To prepare the garden for winter, work from the top to the bottom. Prune the apple trees only when
  the leaves have fallen, never in frost. Dig up the dahlias, let the tubers dry for some days,
  and store them in sand in the cellar. The roses get a heap of compost around their stems, and
  the lavender wants to be left alone. Empty the rain barrels and turn them over, otherwise the
  ice cracks them, as it did last year. The hedgehogs live under the pile of branches by the
  fence, so do not burn it. Order the tulip bulbs before the end of September. = How do I store
  the dahlias? | Why should I not burn the branches? | gardening
After the accident the insurance asked for a report, so here it is. I was driving north on the
  ring road at about sixty when a delivery van changed lanes without a signal and touched my right
  front wing. Nobody was hurt. The driver of the van, a Mr. Castellano, admitted his fault before
  a witness and gave me his papers. The headlight is broken, the wing is bent, and the garage
  estimates two thousand one hundred for the repair, with a rental car for four days. The police
  came but did not take a statement. The claim number is on the first page of the folder. = Who
  drove the van? | How much does the repair cost?
= How do I train a puppy?
= Which museum shows the dinosaur?
= What does our team use for logging?
""",
    ),
    (
        "few words",
        """
Blood type: O negative = What is my blood type? | blood type
Vegan = Do I eat cheese? | What is my diet? | vegan
Nut allergy = Am I allergic to anything? | allergies
Name: Priscilla = What is my name?
Timezone Europe/Riga = Which timezone am I in? | timezone
Left-handed = Which hand do I write with?
Dark mode everywhere = Which theme do I like? | dark mode
Two kids, Ada and Linus = What are my children called? | kids
Hates cilantro = Which herb do I hate?
Piano lessons Thursday = When is my piano lesson? | piano
= How deep is the ocean?
= Who discovered penicillin?
= What does a plumber earn?
= train to Hamburg
""",
    ),
    (
        "few words",
        """
Shoe size: 44 = What is my shoe size? | shoes
Gluten-free diet = Can I eat wheat? | What should my bread be like? | gluten
Fear of spiders = What am I afraid of? | phobia
Nickname: Bo = What do friends call me?
Currency: Swiss francs = Which currency do I use? | currency
Early riser = Am I a morning person?
Metric units only = Should you use miles or kilometres? | units
One daughter, Ines = What is my daughter's name? | daughter
Allergic to bees = Are bee stings dangerous for me?
Choir practice Monday = When do I sing? | choir
= Where is the nearest petrol station?
= What is a hash function?
= Who invented the zip?
= flight status
""",
    ),
]


def scenes() -> list[Scene]:
    """Return all scenes; those at even positions are for fitting, the others for checking."""
    return [_scene(style, text.strip().replace("\n  ", " ")) for style, text in _SCENES]


def _scene(style: str, text: str) -> Scene:
    memories: list[tuple[str, str]] = []
    tags: list[str] = []
    answers: dict[str, set[int]] = {}
    for line in text.splitlines():
        said, _, questions = (part.strip() for part in line.partition("= "))
        if said:
            tag, _, said = said[1:].partition("] ") if said.startswith("[") else ("", "", said)
            speaker, _, said = said.partition(": ") if style == "chat" else ("", "", said)
            memories.append((speaker.capitalize(), said))
            tags.append(tag)
        for question in filter(None, map(str.strip, questions.split("|"))):
            answers.setdefault(question, set()).update({len(memories) - 1} if said else ())
    asked = []
    for question, right in answers.items():
        named = {tags[at] for at in right} - {""}
        related = {at for at, tag in enumerate(tags) if tag in named} | right
        if style == "chat":
            steps = range(-_AROUND, _AROUND + 1)
            related |= {at + step for at in right for step in steps}
        asked.append(Question(question, frozenset(right), frozenset(related)))
    return Scene(style, memories, asked)
