"""Concepts that texts mention: how many are found and rightly, and what must not be taken for one.

The labelled sentences are invented for this test, and each mention counts by itself.
"""

import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from language.concepts import MAX_CONCEPTS, MAX_NAME_LENGTH, concept_key, concepts_in

LABELLED: dict[str, list[str]] = {
    # People.
    "I had coffee with Ingrid before work.": ["Ingrid"],
    "My sister Petra moved in with Tomasz.": ["Petra", "Tomasz"],
    "We asked Dr. Okafor about the rash.": ["Dr. Okafor"],
    "Dr. Okafor said it was nothing.": ["Dr. Okafor"],
    "Aunt Brigitte knits socks for everyone.": ["Aunt Brigitte"],
    "The vet, Mrs. Lindqvist, was very patient.": ["Mrs. Lindqvist"],
    "Anna's dog chewed my boots.": ["Anna"],
    "I borrowed Henrik's ladder and Oda's drill.": ["Henrik", "Oda"],
    "Marta and I are training for a triathlon.": ["Marta"],
    "Jonas and Freya got engaged.": ["Jonas", "Freya"],
    "Freya got engaged. I like Freya a lot.": ["Freya"],
    "My favourite author is Ursula K. Le Guin.": ["Ursula K. Le Guin"],
    "I met J. P. Morgan's biographer.": ["J. P. Morgan"],
    "We saw Vincent van Gogh paintings.": ["Vincent van Gogh"],
    "He studies the works of Ludwig van Beethoven.": ["Ludwig van Beethoven"],
    "My trainer is called Siobhán O'Brien.": ["Siobhán O'Brien"],
    "Jean-Luc taught me to sail.": ["Jean-Luc"],
    "Yesterday Jean-Luc taught me to sail.": ["Jean-Luc"],
    "Hey Ravi, thanks for the plants!": ["Ravi"],
    "Thanks, Ravi! You saved my week.": ["Ravi"],
    "I told Will about the leak.": ["Will"],
    "Will you water my plants?": [],
    "My boss is Mr. Tanaka from the Osaka branch.": ["Mr. Tanaka", "Osaka"],
    "Mom called, and Dad sends his love.": [],
    "I visited Mom and Grandma in hospital.": [],
    "Congrats Nadia, you did it!": ["Nadia"],
    # Places.
    "I moved to New York in the spring.": ["New York"],
    "San Francisco is too expensive for me.": ["San Francisco"],
    "We spent a week in Rome, Naples and Palermo.": ["Rome", "Naples", "Palermo"],
    "We toured the Museum of Modern Art.": ["Museum of Modern Art"],
    "My cousin lives in Rio de Janeiro.": ["Rio de Janeiro"],
    "They hiked from Banff to Lake Louise.": ["Banff", "Lake Louise"],
    "I grew up near the Black Forest.": ["Black Forest"],
    "The Eiffel Tower was closed.": ["Eiffel Tower"],
    "We got married in St. Lucia.": ["St. Lucia"],
    "I swam in the Sea of Galilee.": ["Sea of Galilee"],
    "We sat by the Thames all afternoon.": ["Thames"],
    "On Monday I fly to Helsinki.": ["Helsinki"],
    "In June Helsinki never gets dark.": ["Helsinki"],
    "I live at 12 Baker Street.": ["Baker Street"],
    "The concert was in Levi's Stadium.": ["Levi's Stadium"],
    "Visited Lisbon with my in-laws.": ["Lisbon"],
    "Went to Kyoto, loved it.": ["Kyoto"],
    "He was stationed in the U.S. for years.": ["U.S."],
    "Saint Petersburg was freezing.": ["Saint Petersburg"],
    "I'm from the Isle of Skye.": ["Isle of Skye"],
    # Organizations.
    "I work at Siemens as a welder.": ["Siemens"],
    "She got a grant from NASA.": ["NASA"],
    "NASA turned me down.": ["NASA"],
    "My bank is the Bank of Ireland.": ["Bank of Ireland"],
    "He quit Johnson & Johnson to paint.": ["Johnson & Johnson"],
    "I buy my boots from Under Armour.": ["Under Armour"],
    "We donate to Doctors Without Borders.": ["Doctors Without Borders"],
    "I study at the University of Cape Town.": ["University of Cape Town"],
    "The Beatles are my father's favourites.": ["Beatles"],
    "I volunteer for the Red Cross.": ["Red Cross"],
    "My team at AT&T is remote.": ["AT&T"],
    "I joined the FC Barcelona fan club.": ["FC Barcelona"],
    # Products and techniques.
    "I bought an iPhone 15 yesterday.": ["iPhone 15"],
    "My son wants a PS5 for Christmas.": ["PS5", "Christmas"],
    "We rewrote it from C++ to Node.js.": ["C++", "Node.js"],
    "C++ is my first language.": ["C++"],
    "I ask GPT-4 about recipes.": ["GPT-4"],
    "GitHub was down again.": ["GitHub"],
    "I upload my songs to YouTube and TikTok.": ["YouTube", "TikTok"],
    "My laptop runs macOS and my phone runs Android.": ["macOS", "Android"],
    "The car is a Toyota Corolla.": ["Toyota Corolla"],
    "I had COVID-19 twice.": ["COVID-19"],
    "I fly the F-16 in a simulator.": ["F-16"],
    "We deploy with Kubernetes on AWS.": ["Kubernetes", "AWS"],
    "I drive a Volkswagen ID.3 now.": ["Volkswagen ID.3"],
    "My router is a FritzBox.": ["FritzBox"],
    # Titles.
    'I read "Becoming Nicole" in one night.': ["Becoming Nicole"],
    "I read 'The Left Hand of Darkness' twice.": ["The Left Hand of Darkness"],
    "We watched “Spirited Away” with the kids.": ["Spirited Away"],
    'My favourite song is "a quiet place".': ["a quiet place"],
    'She said "I will be late" and hung up.': [],
    'He shouted "Stop" at the dog.': [],
    'The book "1984" scared me.': ["1984"],
    "I'm halfway through War and Peace.": ["War", "Peace"],
    "I love The Lord of the Rings.": ["Lord of the Rings"],
    'They performed "Swan Lake" in Oslo.': ["Swan Lake", "Oslo"],
    # Handles and addresses.
    "Follow @lena_bakes for cakes.": ["@lena_bakes"],
    "Write to ola.nordmann@example.org about it.": ["ola.nordmann@example.org"],
    "The page is https://example.com/About/Us today.": [],
    "I asked @sam and @kim.": ["@sam", "@kim"],
    # What is no concept.
    "I LOVE IT SO MUCH.": [],
    "This was AMAZING and I want MORE.": [],
    "WE MOVED TO BERLIN LAST YEAR AND IT IS GREAT": [],
    "We eat Italian food on Fridays.": [],
    "I speak French and a little German.": [],
    "My birthday is in August.": [],
    "On Tuesday I swim, on Thursday I row.": [],
    "I'm sure I've seen it, and I'd go again.": [],
    "Happy Birthday to you!": [],
    "Good Morning! How are you?": [],
    "OMG, LOL, that was funny.": [],
    "The house is old. It leaks.": [],
    "Pottery calms me down. Painting does too.": [],
    "Really loving the garden this year.": [],
    "Great idea! Sounds fun.": [],
    "I watch TV at 9 PM.": [],
    "Is that so? Yes. No. Maybe.": [],
    "Shopping List\nBuy Milk\nCall Plumber": [],
    "## Project Goals\n\nwe want to sail to Iceland": ["Iceland"],
    "Note: the key is under the mat.": [],
    "It's raining. That's fine. What's next?": [],
    "😀 Lovely day, isn't it?": [],
    "My blood type is A and my vitamin is D.": [],
    "The battery holds 5 kWh.": [],
    "i live in a small town and i like it": [],
    "Life's hard. Blue's my favourite colour.": [],
    "I got an A in maths.": [],
}


def test_most_concepts_are_found_and_those_found_are_right() -> None:
    found = {text: concepts_in(text) for text in LABELLED}
    right = sum(len(set(names) & set(LABELLED[text])) for text, names in found.items())
    precision = right / sum(map(len, found.values()))
    recall = right / sum(map(len, LABELLED.values()))
    print(f"\n{len(LABELLED)} sentences: precision {precision:.3f}, recall {recall:.3f}")
    for text, names in found.items():
        if names != LABELLED[text]:
            print(f"{text!r}: {names} instead of {LABELLED[text]}")
    assert len(LABELLED) >= 100
    assert precision >= 0.9
    assert recall >= 0.9


def test_concepts_come_in_the_order_of_the_text_and_once() -> None:
    text = 'I read "Dubliners" to @ana in Dublin. In dublin, @Ana and I love Dublin, not Cork.'
    assert concepts_in(text, ["Dublin"]) == ["Dubliners", "@ana", "Dublin", "Cork"]


def test_known_names_are_spelled_as_they_are_known() -> None:
    assert concepts_in("we play table tennis", ["Table Tennis"]) == ["Table Tennis"]
    assert concepts_in("I use Github and node.js", ["GitHub", "Node.js"]) == ["GitHub", "Node.js"]
    assert concepts_in("my zoë and ZOË", ["Zoë"]) == ["Zoë"]


@pytest.mark.parametrize(
    ("text", "known", "found"),
    [
        ("Ingrid called.", "Ingrid", ["Ingrid"]),
        ("Ingrid called.", "ingrid berg", []),
        ("Hope you are well.", "Hope", []),
        ("I told Hope about it.", "Hope", ["Hope"]),
        ("I hope so.", "Hope", []),
        ("Will it rain?", "Will", []),
        ("It was Will.", "Will", ["Will"]),
        ("Let us know.", "US", []),
        ("i like apple pie", "Apple", []),
        ("my pottery class", "pottery", ["pottery"]),
        ("at work", "work", []),
        ("we use c++.", "C++", ["C++"]),
        ("the letter c", "C++", []),
        ("Visited Rome today.", "Rome", ["Rome"]),
        ("The New York Times is late.", "New York", ["New York Times"]),
        ("i love rock climbing!", "rock climbing", ["rock climbing"]),
        ("rock's climbing", "rock climbing", []),
        ("on the rock, climbing", "rock climbing", []),
        ("rock climbing's risks", "rock climbing", ["rock climbing"]),
        ("at levi's stadium", "Levi's Stadium", ["Levi's Stadium"]),
        ("We ate at Trader Joe's.", "Trader Joe's", ["Trader Joe's"]),
        ("(becoming nicole)", '"Becoming Nicole"', ['"Becoming Nicole"']),
        ("Anything at all.", "  ", []),
    ],
)
def test_a_known_name_counts_where_it_can_be_nothing_else(
    text: str, known: str, found: list[str]
) -> None:
    assert concepts_in(text, [known]) == found


def test_of_known_names_the_longest_counts() -> None:
    known = ["San", "san francisco", "San Francisco Bay"]
    assert concepts_in("Near San Francisco Bay I sail.", known) == ["San Francisco Bay"]
    assert concepts_in("In san francisco I sail.", known) == ["san francisco"]


def test_the_speaker_is_no_concept() -> None:
    text = "As Lena said, Lena Berg and Otto agree."
    assert concepts_in(text) == ["Lena", "Lena Berg", "Otto"]
    assert concepts_in(text, (), "lena") == ["Lena Berg", "Otto"]
    assert concepts_in(text, ["Lena"], "Lena Berg") == ["Otto"]


def test_curly_marks_are_kept_and_do_not_matter() -> None:
    assert concepts_in("We saw Levi\u2019s Stadium and O\u2019Hara\u2019s farm.") == [
        "Levi\u2019s Stadium",
        "O\u2019Hara",
    ]
    assert concept_key("Levi\u2019s") == concept_key("LEVI'S")


def test_there_are_no_more_than_32_and_none_too_long() -> None:
    text = "I know " + ", ".join(f"Person{number}" for number in range(100))
    assert concepts_in(text) == [f"Person{number}" for number in range(MAX_CONCEPTS)]
    assert concepts_in(
        f"I know {'A' + 'a' * MAX_NAME_LENGTH} and A{'a' * (MAX_NAME_LENGTH - 1)}."
    ) == ["A" + "a" * (MAX_NAME_LENGTH - 1)]


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("  New \n York ", "new york"),
        ('"Becoming Nicole"', "becoming nicole"),
        ("\u201cDune\u201d,", "dune"),
        ("\uff2e\uff21\uff33\uff21", "nasa"),
        ("Stra\u00dfe", "strasse"),
        ("C++", "c++"),
        ("@Ana", "@ana"),
        ("Node.js", "node.js"),
        ("U.S.", "u.s"),
        ("'\"!", ""),
        ("", ""),
    ],
)
def test_the_identity_of_a_name(name: str, key: str) -> None:
    assert concept_key(name) == key
    assert concept_key(key) == key


_PIECES = (
    "I Anna Ben's New York of the and & Dr. A. B. \" ' “ ” @ana a@b.co C++ iPhone 15 Node.js , . ! "
    "- \n : Will will HELLO Monday The Art http://x.y É ß İ 😀 ( )"
)
_TEXTS = st.lists(st.sampled_from(_PIECES.split(" ")), max_size=20).map(" ".join)


@settings(max_examples=300, deadline=None)
@given(
    st.one_of(_TEXTS, st.text(string.printable), st.text()),
    st.lists(st.one_of(st.sampled_from(_PIECES.split()), st.text(max_size=9)), max_size=5),
    st.one_of(st.none(), st.text(max_size=5), st.just("Anna")),
)
def test_any_text_has_few_short_concepts_each_once(
    text: str, known: list[str], speaker: str | None
) -> None:
    found = concepts_in(text, known, speaker)
    assert found == concepts_in(text, known, speaker)
    assert len(found) <= MAX_CONCEPTS
    keys = [concept_key(name) for name in found]
    assert len(set(keys)) == len(keys)
    assert all(keys)
    for name in found:
        assert len(name) <= MAX_NAME_LENGTH or name in known
        assert name in text or name in known
    if speaker:
        assert concept_key(speaker) not in keys


@pytest.mark.parametrize(
    "piece",
    [
        "Aa ",
        "Aa. ",
        "A of the ",
        "Anna's ",
        '"A',
        " 'Aa b",
        "@a ",
        "a@",
        "Ab\n",
        "x",
        "\n",
        "É ",
        "A1-",
    ],
)
def test_hostile_texts_are_read_to_their_end(piece: str) -> None:
    text = (piece * 65536)[:65536]
    known = ["Aa Bb", "C++", "x", "Anna"]
    # Whatever takes the square of their length does not come to an end here.
    assert len(concepts_in(text, known, "Aa")) <= 32
