"""Restores the capitals of names that people type in lower case: "i live in berlin".

Claims recognise names by their capitals. The trap: "i live in hope" has the form of a home too, so
only well-known places and employers get a capital, and only in texts without any.
"""

import re

from language.places import kind_of_place

_EMPLOYER = """
accenture adidas adobe airbnb airbus aldi allianz amazon amd apple asda axa basf bayer bbc bmw
boeing bosch capgemini carrefour cisco citibank cognizant costco dell deloitte dhl disney ebay
epic ericsson facebook fedex ford gitlab github goldman google honda hp hsbc huawei ibm ikea
infosys intel jpmorgan kpmg lenovo lidl lufthansa mcdonalds mckinsey meta microsoft nasa nestle
netflix nike nokia novartis nvidia openai oracle paypal pepsi pfizer philips pwc qualcomm renault
roche salesforce samsung santander sap sainsburys shell shopify siemens skype sony spotify
starbucks stripe subway target tcs tesco tesla thales toyota twitter uber unilever ups verizon
visa vodafone volkswagen volvo walmart wipro zalando zara
"""
_EMPLOYERS = frozenset(_EMPLOYER.split())
_AFTER = re.compile(
    r"\b(?P<of>(?:in|to|from|of|at|for|joined|left|name is|name's) )(?P<words>[^.!?]+)"
)
_NO_NAME = re.compile(
    r"(?:not|now|the|a|an|my|your|mud|long|short|too|very|so|spelled|spelt|written|hard|what|on|in"
    r"|.*(?:ed|ing))\Z"
)


def as_typed(text: str) -> str:
    """Return a text with capitals for its names, or as it is if it has any capital."""
    if text != text.lower():
        return text
    return _AFTER.sub(_with_capitals, text)


def _with_capitals(found: re.Match[str]) -> str:
    words = found["words"].split()
    if found["of"].startswith("name"):
        is_name = len(words) == 1 and words[0].isalpha() and not _NO_NAME.match(words[0])
        return found["of"] + (words[0].capitalize() if is_name else found["words"])
    for count in (3, 2, 1):
        name = " ".join(words[:count]).rstrip(",")
        if len(words) >= count and _is_known(name, found["of"]):
            parts = [word[:1].upper() + word[1:] for word in words[:count]]
            return found["of"] + " ".join([*parts, *words[count:]])
    return found[0]


def _is_known(name: str, of: str) -> bool:
    if of.strip() in ("at", "for", "joined", "left"):
        return name in _EMPLOYERS
    return kind_of_place(name) is not None
