"""Readers that parse the rest of a sentence after its beginning has given the kind of claim.

Each reader gets the match of the beginning and the words after it, and returns the claim, or None
if a word is left over that it does not recognise. The trap: a reader that ignored such a word would
turn "I bought a bike for my son" into a possession.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from language.claims.phrases import (
    CHANGE_TAIL,
    END_TAIL,
    HAVE_TAIL,
    INSTEAD_TAIL,
    JOB_TAIL,
    KIN,
    ONLY_NOW_TAIL,
    SALE_TAIL,
    SINCE,
    STATE_TAIL,
    USE_TAIL,
    name_in,
    noun_in,
    place_in,
    plain_value,
    strip_tails,
)
from language.places import PlaceKind, kind_of_place
from language.terms import STOP_WORDS


@dataclass(frozen=True, slots=True)
class Claim:
    """The claim that `attribute` of the speaker is `value`, or with `ends` that it no longer is.

    Both are case-folded and without articles. Only a claim with `ends` may have an empty value,
    which stands for any value. `partner` is the name of the person in a claim about a relationship,
    if it has one.
    """

    attribute: str
    value: str
    ends: bool = False
    partner: str = ""


AGE = "age"

Reader = Callable[[re.Match[str], str], Claim | None]


def _home_of(place: str, ends: bool = False) -> Claim:
    """Return the claim to live in a place; the attribute depends on the kind of place.

    So a claim about a city does not contradict one about a country.
    """
    first, *around = place.split(", ")
    kind = kind_of_place(first)
    # "LA" after a comma is a state.
    kinds = [PlaceKind.REGION if len(part) == 2 else kind_of_place(part) for part in around]
    if kind is None and PlaceKind.CITY in kinds:
        # A district does not contradict its city.
        return Claim("home city", ", ".join(around[kinds.index(PlaceKind.CITY) :]), ends)
    if kind is None and any(kinds):
        kind = PlaceKind.CITY
    return Claim(f"home {kind.value if kind else 'place'}", place, ends)


def read_home(found: re.Match[str], rest: str) -> Claim | None:
    """Return the place where the speaker lives."""
    place = place_in(strip_tails(rest, STATE_TAIL))
    return _home_of(place) if place else None


def read_lasting_home(found: re.Match[str], rest: str) -> Claim | None:
    """Return the place where the speaker has lived and still lives."""
    # Without "since" or "for" the sentence is about a former home.
    still = re.search(rf"(?i) {SINCE}(?: now)?$", rest)
    place = place_in(strip_tails(rest[: still.start()], STATE_TAIL)) if still else None
    return _home_of(place) if place else None


_TOWN = re.compile(r"(?:city|town|beach|springs|falls|heights|island|village|county|valley)$")


def read_move(found: re.Match[str], rest: str) -> Claim | None:
    """Return the place where the speaker lives after a move."""
    rest, _, away = strip_tails(rest, CHANGE_TAIL).partition(" from ")
    origin = place_in(found["origin"] or away) if found["origin"] or away else ""
    place = place_in(rest)
    if not place or origin is None:
        return None
    # People also move to Linux, to Slack and to another team.
    sure = found["surely"] or any(
        kind_of_place(part) for known in (place, origin) for part in known.split(", ")
    )
    return _home_of(place) if sure or _TOWN.search(place) else None


def read_former_home(found: re.Match[str], rest: str) -> Claim | None:
    """Return the place where the speaker no longer lives."""
    place = place_in(strip_tails(required_end(found, rest), END_TAIL))
    return _home_of(place, ends=True) if place else None


def required_end(found: re.Match[str], rest: str) -> str:
    """Return the rest of a negated sentence, empty if it does not say "any more".

    Without that, "I don't live in Paris" does not say that the speaker ever did.
    """
    if not found.groupdict().get("dont"):
        return rest
    return rest if re.search(r"(?i) (?:any ?more|any longer)\b", rest) else ""


_NO_EMPLOYER = re.compile(
    r"\b(?:club|gym|party|church|mosque|union|society|group|team|choir|band|orchestra|league|fitness"
    r"|association|class|course|community|forum|server|network|program|programme|army|navy|reserve"
    r"|academy|harvard|stanford|mit|yale|princeton|oxford|eth|school|university|college|facebook|instagram|twitter|x|tiktok|strava|netflix|spotify"
    r"|reddit|discord|linkedin|duolingo|tinder|hinge|bumble|goodreads|whatsapp|telegram|mastodon"
    r"|bluesky|patreon|costco|prime|zoom|peloton|youtube|twitch|steam|snapchat|pinterest|crossfit"
    r"|greenpeace|labour|democrats?|republicans?|greens?|conservatives?|rotary|scouts?|signal|medium"
    r"|substack|threads|quora|github|meetup|airbnb|uber|audible|disney|hulu|kickstarter|yoga|pilates"
    r"|amnesty|mensa|freemasons|anonymous|ymca|watchers|etsy|ebay|slack|notion)\b"
)


def read_employer(found: re.Match[str], rest: str) -> Claim | None:
    """Return the employer of the speaker."""
    name = _employer(strip_tails(rest, JOB_TAIL))
    doubtful = found.groupdict().get("joined") and name and _NO_EMPLOYER.search(name)
    return Claim("employer", name) if name and not doubtful else None


def _employer(text: str) -> str | None:
    """Return an employer as a value, without a town after it; None if it is not a name."""
    name, _, town = text.partition(" in ")
    if town and not place_in(strip_tails(town, JOB_TAIL)):
        return None
    name = name_in(strip_tails(name, JOB_TAIL), 6) or ""
    return re.sub(r",? (?:inc|ltd|llc|gmbh|ag|corp)\.?$", "", name) or None


def read_former_employer(found: re.Match[str], rest: str) -> Claim | None:
    """Return the former employer of the speaker."""
    name = _employer(strip_tails(required_end(found, rest), END_TAIL))
    return Claim("employer", name, ends=True) if name else None


def read_job_loss(found: re.Match[str], rest: str) -> Claim | None:
    """Return the claim that the speaker no longer has an employer, or that employer."""
    rest = strip_tails(rest, END_TAIL)
    if not rest:
        return Claim("employer", "", ends=True)
    at = re.match(r"(?:at|with|from|by) (.+)", rest)
    name = _employer(at[1]) if at else None
    return Claim("employer", name, ends=True) if name else None


_AMERICAN = {"favorite": "favourite", "color": "colour", "movie": "film", "flavor": "flavour"}
_VAGUES = "thing things part parts one ones way memory moment time example bit"
_VAGUE = frozenset(_VAGUES.split())


def read_favourite(found: re.Match[str], rest: str) -> Claim | None:
    """Return the speaker's favourite of a kind."""
    words = strip_tails(plain_value(found["of"]), ONLY_NOW_TAIL).split()
    of = " ".join(_AMERICAN.get(word, word) for word in words)
    value = strip_tails(rest, ONLY_NOW_TAIL).strip(" '\"")
    value_words = value.split()
    if not words or words[-1] in _VAGUE or not 1 <= len(value_words) <= 7:
        return None
    if {*words} & _CLAUSES or re.search(r"(?i)[,?\"]|\band (?:I|my|we)\b", value):
        return None
    # "My favourite colour is blue" names it; "my favourite shirt is blue" only describes it.
    if not ({*of.split()} & _KINDS or value[:1].isupper() or value[:1].isdigit()):
        return None
    return Claim(f"favourite {of}", plain_value(value)) if _is_value(value_words) else None


_KIND = """
colour food dish meal fruit drink beverage animal season sport hobby activity pastime subject
language genre flower day month number flavour cuisine snack dessert vegetable instrument game word
spice herb tea coffee cheese breakfast lunch dinner cake soup pasta pizza topping weather holiday
tree bird material exercise workout dance stroke style editor shell database framework distribution
browser font soda beer wine cocktail juice sauce bread nut berry fish meat sweet treat candy
"""
_KINDS = frozenset(_KIND.split())
_CLAUSES = frozenset(
    ["is", "are", "was", "that", "which", "who", "when", "i", "we", "my", "because"]
)
_NO_VALUE = """
never always since because unless tomorrow whatever anything everything hard difficult missing
broken wrong gone great good nice amazing boring better best worse ready late back dead dying lost
open opening closed closing sold cancelled coming playing starting ending getting waiting winning
losing watching reading listening
"""
_NO_VALUES = STOP_WORDS - {"of", "the", "a", "an", "and", "with", "in", "on"} | set(
    _NO_VALUE.split()
)


def _is_value(words: list[str]) -> bool:
    plain = [word.casefold() for word in words]
    if all(word[0].isupper() or word in STOP_WORDS for word in words) and words[-1][0].isupper():
        return words[0][0].isupper()  # A title, which may consist of any words.
    # "Fish and chips" is one dish, "blue and I love it" is more than a colour.
    joined = "and" not in plain or plain.index("and") == len(plain) - 2
    return joined and plain[0] not in ("in", "on", "with") and not {*plain} & _NO_VALUES


def read_name(found: re.Match[str], rest: str) -> Claim | None:
    """Return a name of the speaker."""
    name = name_in(strip_tails(rest, ONLY_NOW_TAIL), 4)
    return Claim(f"{found['kind']} name".strip().casefold(), name) if name else None


def read_nickname(found: re.Match[str], rest: str) -> Claim | None:
    """Return the name by which the speaker wants to be called."""
    # An attribute of its own: Elizabeth is still her name after "call me Liz".
    name = name_in(strip_tails(rest, ONLY_NOW_TAIL), 4)
    return Claim("called", name) if name else None


_ONES = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
_TEEN = "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
_TEENS = _TEEN.split()
_TEN = "twenty thirty forty fifty sixty seventy eighty ninety"
_TENS = _TEN.split()
AGES = {word: n for n, word in enumerate(_ONES + _TEENS)} | {
    f"{ten}{end}": 20 + 10 * i + j
    for i, ten in enumerate(_TENS)
    for j, end in enumerate(["", *(f"-{one}" for one in _ONES[1:])])
}


def read_age(found: re.Match[str], rest: str) -> Claim | None:
    """Return the speaker's age in years, in digits."""
    words = (found["age"] or found["years"]).casefold()
    age = int(words) if words.isascii() and words.isdigit() else AGES.get(words)
    return None if age is None or strip_tails(rest, CHANGE_TAIL) else Claim(AGE, str(age))


# An engaged person may still say "in a relationship", so that value is a subset of the others.
BONDS = {
    "single": "single", "divorced": "single", "widowed": "single", "a widow": "single",
    "a widower": "single", "in a relationship": "taken", "engaged": "taken engaged",
    "married": "taken married",
}  # fmt: skip
DIETS = {"vegetarian": "vegetarian", "vegan": "vegan", "pescatarian": "pescatarian",
          "pescetarian": "pescatarian", "meat": "meat", "an omnivore": "meat"}  # fmt: skip


_TO_WHOM = re.compile(
    rf"^(?:to|from) (?:my (?:\w+ )?(?:{KIN})|(?P<name>[A-Z][\w'-]+))(?: [A-Z][\w'-]+)?"
)


def read_relationship(found: re.Match[str], rest: str) -> Claim | None:
    """Return the speaker's relationship status, a value of `BONDS`."""
    whom = _TO_WHOM.match(rest)
    rest = rest[whom.end() :] if whom else rest
    over = strip_tails(rest, CHANGE_TAIL) and strip_tails(rest, STATE_TAIL)
    partner = (whom["name"] or "").casefold() if whom else ""
    bond = BONDS[found["bond"].casefold()]
    return None if over else Claim("relationship", bond, partner=partner)


def read_diet(found: re.Match[str], rest: str) -> Claim | None:
    """Return the speaker's diet, a value of `DIETS`."""
    over = strip_tails(rest, CHANGE_TAIL) and strip_tails(rest, STATE_TAIL)
    return None if over else Claim("diet", DIETS[found["diet"].casefold()])


def read_former_diet(found: re.Match[str], rest: str) -> Claim | None:
    """Return the diet that the speaker has given up."""
    known = found["more"] or required_end(found, f" {rest}")
    over = not known or strip_tails(rest, END_TAIL)
    return None if over else Claim("diet", DIETS[found["diet"].casefold()], ends=True)


def read_contact(found: re.Match[str], rest: str) -> Claim | None:
    """Return a phone number, an e-mail address or a postal address of the speaker."""
    kind = re.sub(r"\b(?:new|current)\b", "", (found["kind"] or "").casefold())
    kind = " ".join(kind.split())
    value = strip_tails(rest, ONLY_NOW_TAIL)
    way = found["way"].casefold()
    if "mail" in way:
        contact = value.casefold() if re.fullmatch(r"[^\s@,]+@[^\s@,]+\.\w+", value) else ""
        sort = "e-mail"
    elif "address" in way:
        contact = value.casefold() if _ADDRESS.fullmatch(value) else ""
        sort, kind = "address", kind.replace("home", "")
    else:
        digits = re.sub(r"[+ /.-]", "", value)
        contact = digits.lstrip("0") if re.fullmatch(r"\d{6,15}", digits) else ""
        sort = "phone"
    return Claim(f"{kind} {sort}".strip(), contact) if contact else None


_ADDRESS = re.compile(
    r"(?i)(?=.*\d)(?=.*[a-z])(?!.*\b(?:is|are|and|but|i|my|not|in|from|with)\b)[\w.,' /#-]+"
)


def read_possession(found: re.Match[str], rest: str) -> Claim | None:
    """Return a possession of the speaker."""
    thing = noun_in(strip_tails(rest, HAVE_TAIL))
    return Claim(f"owns {thing}", thing) if thing else None


def read_former_possession(found: re.Match[str], rest: str) -> Claim | None:
    """Return a former possession of the speaker."""
    thing = noun_in(strip_tails(required_end(found, rest), SALE_TAIL))
    return Claim(f"owns {thing}", thing, ends=True) if thing else None


def read_use(found: re.Match[str], rest: str) -> Claim | None:
    """Return something the speaker uses or consumes."""
    thing = noun_in(strip_tails(rest, USE_TAIL))
    return Claim(f"uses {thing}", thing) if thing else None


def read_smoking(found: re.Match[str], rest: str) -> Claim | None:
    """Return the claim that the speaker smokes."""
    left = strip_tails(rest, USE_TAIL).casefold()
    return Claim("uses smoking", "smoking") if left in ("", "cigarettes") else None


def read_former_smoking(found: re.Match[str], rest: str) -> Claim | None:
    """Return the claim that the speaker no longer smokes."""
    left = (
        strip_tails(required_end(found, f" {rest}"), END_TAIL)
        if found["dont"]
        else strip_tails(rest, END_TAIL)
    )
    if found["dont"] and not required_end(found, f" {rest}"):
        return None
    return None if left else Claim("uses smoking", "smoking", ends=True)


def read_former_use(found: re.Match[str], rest: str) -> Claim | None:
    """Return something the speaker no longer uses or consumes."""
    thing = noun_in(strip_tails(required_end(found, rest), END_TAIL))
    if thing == "meat":
        return Claim("diet", thing, ends=True)
    return Claim(f"uses {thing}", thing, ends=True) if thing else None


def read_replacement(found: re.Match[str], rest: str) -> Claim | None:
    """Return something the speaker has replaced with something else."""
    rest = strip_tails(rest, INSTEAD_TAIL)
    former, latter = (
        found.groupdict().get("former") or rest,
        found.groupdict().get("latter") or rest,
    )
    thing = noun_in(former)
    return Claim(f"uses {thing}", thing, ends=True) if thing and noun_in(latter) else None


def trade_reader(ends: bool) -> Reader:
    """Return a reader of the speaker's occupation, or with `ends` of the former one."""

    def read(found: re.Match[str], rest: str) -> Claim | None:
        rest = required_end(found, rest) if ends else rest
        trade = noun_in(strip_tails(rest, END_TAIL if ends else JOB_TAIL), 4)
        return Claim(f"works as {trade}", trade, ends) if trade else None

    return read
