"""Readers of claims about what changes in a life: boss, car, pay, weight, children, allergies.

They follow the rules of `claim_readers`: what is not understood to its last word is not a claim.
"""

import re

from language.claims.phrases import (
    AGO,
    CHANGE_TAIL,
    END_TAIL,
    NOW,
    ONLY_NOW_TAIL,
    SINCE,
    STATE_TAIL,
    name_in,
    noun_in,
    strip_tails,
    tails,
)
from language.claims.readers import AGES, Claim, required_end
from language.terms import terms

_LIFE_TAIL = tails(NOW, SINCE, AGO)
_BRAND = """
acura alfa audi bentley bmw buick byd cadillac chevrolet chevy chrysler citroen citro\u00ebn cupra
dacia dodge ferrari fiat ford genesis gmc honda hyundai infiniti jaguar jeep kia lada lamborghini
lancia lexus lincoln lotus maserati mazda mercedes mg mini mitsubishi nissan opel peugeot polestar
porsche ram renault rivian saab seat skoda \u0161koda smart subaru suzuki tesla toyota vauxhall
volkswagen volvo vw
"""
_ADJECTIVE = """
african american arab argentinian asian australian austrian belgian brazilian british bulgarian
canadian chilean chinese colombian croatian cuban czech danish dutch egyptian english ethiopian
european filipino finnish french german ghanaian greek hungarian icelandic indian indonesian iranian
iraqi irish israeli italian jamaican japanese kenyan korean latvian lebanese lithuanian malaysian
mexican moroccan nigerian norwegian pakistani peruvian polish portuguese romanian russian scottish
serbian singaporean slovak slovenian spanish swedish swiss syrian taiwanese thai tunisian turkish
ukrainian vietnamese welsh buddhist catholic christian hindu jewish muslim protestant sikh
"""
_ADJECTIVES = frozenset(_ADJECTIVE.split())
_BRANDS = frozenset(_BRAND.split())
# Words after which a number is not a salary or a weight.
_UNITS = {"kg": "kg", "kgs": "kg", "kilo": "kg", "kilos": "kg", "kilogram": "kg",
          "kilograms": "kg", "lb": "lb", "lbs": "lb", "pound": "lb", "pounds": "lb",
          "stone": "stone"}  # fmt: skip
_CURRENCIES = {"$": "dollars", "\u20ac": "euros", "\u00a3": "pounds", "usd": "dollars",
               "eur": "euros", "gbp": "pounds", "dollar": "dollars", "euro": "euros",
               "pound": "pounds", "bucks": "dollars", "chf": "francs"}  # fmt: skip
_PERIODS = {"year": "year", "annum": "year", "annually": "year", "yearly": "year", "month": "month",
            "monthly": "month", "week": "week", "weekly": "week", "hour": "hour",
            "hourly": "hour", "day": "day"}  # fmt: skip
_AMOUNT = re.compile(
    r"(?i)(?P<sign>[$\u20ac\u00a3])?(?P<number>\d{1,3}(?:,\d{3})+|\d+(?:\.\d+)?)(?P<kilo>k)?"
    r"(?: ?(?P<unit>[$\u20ac\u00a3]|[a-z]{2,9}(?<!year)))??"
    r"(?:(?: (?:an?|per|each|every) |/| )(?P<period>year|annum|annually|yearly|month|monthly|week"
    r"|weekly|hour|hourly|day))?(?: (?:before|after) tax(?:es)?| gross| net)?"
)


def read_boss(found: re.Match[str], rest: str) -> Claim | None:
    """Return the name of the speaker's boss."""
    rest = strip_tails(rest, _LIFE_TAIL)
    who = found.groupdict().get("who")
    name = name_in(who or rest, 4)
    # "My boss is Swedish" describes the boss.
    if not name or (who and rest) or not _ADJECTIVES.isdisjoint(name.split()):
        return None
    return Claim("boss", name)


def read_car(found: re.Match[str], rest: str) -> Claim | None:
    """Return the car that the speaker drives, recognisable by its make."""
    thing = strip_tails(rest, _LIFE_TAIL)
    value = noun_in(thing, 4)
    known = value and (any(word in _BRANDS for word in re.split(r"[ -]", value)))
    return Claim("car", value) if value and known else None


def read_salary(found: re.Match[str], rest: str) -> Claim | None:
    """Return the speaker's pay, a number of a currency; its period belongs to the attribute."""
    amount = _AMOUNT.fullmatch(strip_tails(rest, _LIFE_TAIL))
    if not amount:
        return None
    unit = (amount["sign"] or amount["unit"] or "").casefold()
    if unit and unit not in _CURRENCIES and unit not in _CURRENCIES.values():
        return None
    number = float(amount["number"].replace(",", "")) * (1000 if amount["kilo"] else 1)
    period = _PERIODS.get((amount["period"] or "").casefold(), "")
    return Claim(f"salary {period}".strip(), f"{number:g} {_CURRENCIES.get(unit, unit)}".strip())


def read_weight(found: re.Match[str], rest: str) -> Claim | None:
    """Return the speaker's weight; its unit belongs to the attribute."""
    said = re.fullmatch(r"(?i)(\d+(?:\.\d+)?) ?([a-z]+)", strip_tails(rest, _LIFE_TAIL))
    unit = _UNITS.get(said[2].casefold()) if said else None
    return Claim(f"weight in {unit}", f"{float(said[1]):g}") if said and unit else None


_CHILDREN = {"children": "children", "child": "children", "kids": "children", "kid": "children",
             "sons": "sons", "son": "sons", "daughters": "daughters",
             "daughter": "daughters"}  # fmt: skip


def read_children(found: re.Match[str], rest: str) -> Claim | None:
    """Return how many children, sons or daughters the speaker has."""
    if strip_tails(rest, _LIFE_TAIL):
        return None
    count = found["count"].casefold()
    number = (
        {"a": 1, "no": 0}.get(count, AGES.get(count, -1)) if not count.isdigit() else int(count)
    )
    return Claim(_CHILDREN[found["who"].casefold()], str(number)) if 0 <= number < 30 else None


def _allergy(text: str, ends: bool) -> Claim | None:
    thing = noun_in(text)
    key = " ".join(terms(thing or ""))
    return Claim(f"allergic to {key}", key, ends) if key else None


def read_allergy(found: re.Match[str], rest: str) -> Claim | None:
    """Return what the speaker is allergic to, as stems."""
    return _allergy(found.groupdict().get("thing") or strip_tails(rest, STATE_TAIL), False)


def read_former_allergy(found: re.Match[str], rest: str) -> Claim | None:
    """Return what the speaker is no longer allergic to, as stems."""
    thing = found.groupdict().get("thing")
    if thing is None:
        return _allergy(strip_tails(required_end(found, rest), END_TAIL), True)
    over = strip_tails(required_end(found, f" {rest}") if found["dont"] else rest, END_TAIL)
    if over or (found["dont"] and not required_end(found, f" {rest}")):
        return None
    return _allergy(thing, True)


def read_separation(found: re.Match[str], rest: str) -> Claim | None:
    """Return the claim that the speaker is single, and who the speaker has left."""
    over = strip_tails(rest, CHANGE_TAIL) and strip_tails(rest, END_TAIL)
    partner = name_in(found.groupdict().get("partner") or "", 2) or ""
    return None if over else Claim("relationship", "single", partner=partner)


def read_divorce(found: re.Match[str], rest: str) -> Claim | None:
    """Return the same of a sentence in which the person follows: "I divorced Tom"."""
    who = strip_tails(strip_tails(rest, CHANGE_TAIL), ONLY_NOW_TAIL)
    kin = re.fullmatch(r"(?i)my (?:\w+ )?(?:wife|husband|spouse|partner|boyfriend|girlfriend)", who)
    name = name_in(who, 2)
    return Claim("relationship", "single", partner=name or "") if kin or name else None
