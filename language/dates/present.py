"""Detects sentences in the present that are about a coming day: "My parcel ships on Friday."

Used where no other verb tells the tense. The trap is a state or a liking, which has no direction in
time ("I like the sea in May"), and a verb whose past has the form of its present ("I put").
"""

import re

_REACH = 240
_SENTENCE_END = re.compile(r"[.!?;](?= )")
# Verbs without a direction in time, verbs whose present and past are the same word, and those past
# forms that `tenses` does not know.
_NO_DIRECTION = """
like likes love loves hate hates prefer prefers know knows think thinks believe believes want wants
need needs enjoy enjoys dislike dislikes remember remembers miss misses understand understands feel
feels seem seems mean means own owns belong belongs wish wishes say says
put puts cut cuts hit let lets set shut hurt cost costs quit read beat bet split spread cast burst
stole swept fled froze shook struck blew flung hung laid lay lit rose sank stuck swore tore wove
bent bled burnt crept dreamt fed knelt leapt overcame shone shrank slid spilt sprang strode
swung wept slung sought stung strove wound awoke begot bore clung dove forbade forgave foresaw
mistook outgrew overslept partook rang shed slew spun swelled undertook upset withdrew withstood
"""
_UNDIRECTED = frozenset(_NO_DIRECTION.split())
# Words of other kinds that follow a pronoun or end in "s".
_OTHER_KINDS = """
always also often never usually sometimes really just still only even already almost perhaps
and or but who that which with from for in on at to of the a an this his its ours yours hers
theirs yes thus plus less unless across towards besides news series us as is was has does were had
did not all both each
"""
_NO_VERBS = frozenset(_OTHER_KINDS.split())
_ADVERB = r"(?:(?:always|also|often|usually|really|just|still|only|already|finally|all|both) )?"
_OF_NOUN = (
    "(?:my|our|your|his|her|their|the|this|these|a|an"
    "|My|Our|Your|His|Her|Their|The|This|These|A|An)"
)
_PRESENT = re.compile(
    # "I fly", "we leave".
    rf"\b(?:I|we|they|you|We|They|You) {_ADVERB}(?P<plain>[a-z]{{2,20}})\b"
    # "My parents visit".
    rf"|\b{_OF_NOUN} [a-z]{{2,20}}s {_ADVERB}(?P<plural>[a-z]{{2,20}}[a-rt-z])\b"
    # "She arrives", "Anna visits", "my parcel ships", "the shop in Porto opens".
    rf"|\b(?:he|she|it|He|She|It|(?!{_OF_NOUN}\b)[A-Z][\w'-]{{1,30}}"
    rf"|{_OF_NOUN}(?: [\w'-]{{1,30}}){{1,4}}?) {_ADVERB}(?P<third>[a-z]{{2,20}}s)\b(?! of\b)"
    # "The exam is", "there's", "my exams are".
    r"|(?P<be>\b(?:is|are|am)\b|(?<=\w)'(?:s|re|m)\b)"
)
# "I am tired", "is called": a state.
_STATE = re.compile(r" (?:[a-z]{2,20} )?[a-z]{2,20}ed\b")


def looks_ahead(text: str, start: int, end: int) -> bool:
    """Return whether the sentence around a phrase is in the present and about an event.

    The text has single spaces and its original letter case. The nearest verb before the phrase
    decides, or else the first one after it.
    """
    begin = max(0, start - _REACH)
    for stop in _SENTENCE_END.finditer(text, begin, start):
        begin = stop.end()
    stop_after = _SENTENCE_END.search(text, end, end + _REACH)
    limit = stop_after.start() if stop_after else min(len(text), end + _REACH)
    last = None
    for verb in _PRESENT.finditer(text, begin, start):
        if _is_verb(verb):
            last = verb
    if last is None:
        last = next(filter(_is_verb, _PRESENT.finditer(text, end, limit)), None)
    if last is None:
        return False
    if last["be"]:
        return _STATE.match(text, last.end()) is None
    return _word(last) not in _UNDIRECTED


def _is_verb(match: re.Match[str]) -> bool:
    word = _word(match)
    is_other = word.endswith(("ss", "ed")) or (word.endswith("ly") and len(word) > 3)
    return bool(match["be"]) or not (word in _NO_VERBS or is_other)


def _word(match: re.Match[str]) -> str:
    return match["plain"] or match["plural"] or match["third"] or ""
