"""Splits texts into sentences.

Memories are extracted from conversations sentence by sentence, so a sentence cut in the middle
becomes two useless memories. The trap is the full stop: it also ends abbreviations, occurs in
numbers, addresses and ellipses, and is missing where people write in lines, emoji or other scripts.
"""

import re
from collections.abc import Iterator

import regex

_FENCES = ("```", "~~~")
# These patterns never backtrack after a mark. Whether a sentence ends there is decided in code,
# because with lookahead a megabyte of full stops would take hours.
_STOP = regex.compile(
    r"[.!?\u2026\u203D\u2047-\u2049\u3002\uFF01\uFF1F\uFF61\uFF0E\u061F\u06D4\u0964\u0965\u104B"
    r"\u1362\u1367\u055E]++(?:[ \t]++[.!?\u2026]++)*+"
    r"""["'\u201D\u2019\xBB\xAB)\]}*_\u300D\u300F\uFF09\u3011\p{Extended_Pictographic}"""
    r"""\p{Emoji_Modifier}\uFE0F\u200D]*+"""
)
# The same for ASCII texts, twice as fast.
_ASCII_STOP = re.compile(r"""[.!?]++(?:[ \t]++[.!?]++)*+["')\]}*_]*+""")
_WIDE = frozenset("\u3002\uff01\uff1f\uff61\uff0e\u3002\u300d\u300f\uff09\u3011")
_EMOJI = regex.compile(r"[\p{Extended_Pictographic}\p{Emoji_Modifier}\uFE0F\u200D]++")
_CLOSING = frozenset("\"'\u201d\u2019\xbb)]}")
_NEXT_WORD = re.compile(r"\s+[\"'\u201C\u2018(\[*_]*([^\W_]+(?:['\u2019][^\W_]+)*)")
_BULLET = re.compile(
    r"[ \t>]*(?:[-*+\u2022\u2023\u25E6\u2013\u2014\u25AA\u25CF]|\(?\d{1,3}[.)]|\(?[a-zA-Z]\)"
    r"|#{1,6})[ \t]+"
)
_QUOTED = re.compile(
    r"""(?<![^\s(\[])(?:"[^"\n]{1,300}(?<!\s)"|\u201C[^\u201C\u201D]{1,300}\u201D"""
    r"""|\xAB[^\xAB\xBB]{1,300}\xBB|\([^()]{1,300}\))"""
)
# A line this long was broken because it was full, not because a sentence ended.
_FULL_LINE = 50

# After these abbreviations a sentence continues, whatever follows.
_TITLE = """
dr mr mrs ms mx prof st sra sr hon rev gen col capt lt sgt gov sen rep fr pres e.g i.e eg ie
cf vs viz approx ca nr fig figs vol ch pp ed eds al resp incl excl jan feb mar apr jun jul aug
sep sept oct nov dec mon tue tues wed thu thurs fri bzw usw z.b d.h u.a
"""
# After these it continues unless the next word is one that often begins a sentence.
_SHORT_FORM = """
etc inc ltd co corp jr bros dept est assn u.s u.k u.n e.u d.c a.m p.m ph.d b.a m.a b.sc m.sc
n.y l.a no ave blvd rd mt ft oz lb lbs hr hrs min mins sec yr yrs appt apt tel ext
"""
_STARTER = """
i i'm i've i'd i'll my we we're we've our it it's he she they you your this that these those
the a an but and so or then there here what when where who why how which do did does is are
was were can could would will please thanks thank also after before because if in on at maybe
yes no ok okay well yeah
"""
# Words that continue a sentence in lower case.
_LINKS = frozenset(
    ["in", "on", "at", "and", "or", "with", "for", "from", "to", "of", "by", "as", "since", "near"]
)
_BEFORE_SENTENCE = frozenset(".!?\u2026:")
_TITLES, _STARTERS = frozenset(_TITLE.split()), frozenset(_STARTER.split())
_ABBREVIATIONS = _TITLES | frozenset(_SHORT_FORM.split())
# After these the sentence continues even if the next word seems to begin one: "Dr. Will".
_FIRM = frozenset({"dr", "mr", "mrs", "ms", "prof", "e.g", "i.e", "vs", "cf"})
# As in "J. Smith" and "J.R.R. Tolkien", but not in "so am I.".
_INITIAL = re.compile(r"(?:[A-HJ-Z]|(?:[A-Z]\.)+[A-Z])\Z")
# German ordinals: "am 3. Mai".
_ORDINAL = re.compile(r"(?i)\b(?:am|vom|zum|bis|der|den|dem|ab|seit) \d{1,2}\Z")
# Names with a mark at the end, which does not end the sentence if the name goes on or another word
# follows that does not begin a sentence.
_MARKED = """
yahoo wham panic jeopardy help oklahoma airplane kahoot joomla yum ahoy oliver hairspray therapy
mamma
"""
_MARKED_NAMES = frozenset(_MARKED.split())
# Words that have a capital within a sentence only as part of a name: "Panic! At The Disco".
_SMALL_WORDS = frozenset(
    ["the", "a", "an", "at", "in", "on", "of", "and", "you", "me", "it", "to", "for", "us", "my"]
)
_CAPITAL = re.compile(r"(?:^|\s)[\"'\u201c\u2018(*_]*([A-Z][\w'\u2019]*)\Z")
_TWO_WORDS = re.compile(r"\s+([A-Z][\w'\u2019]*)\s+([A-Z][\w'\u2019]*)")
# The row below the heading of a Markdown table.
_RULER = re.compile(r"[ \t>]*\|?(?:[ \t]*:?-+:?[ \t]*\|)+[ \t]*:?-*:?[ \t]*\Z")


def sentences(text: str) -> list[str]:
    """Return the sentences of a text, in order, without the white space around them.

    Only white space is dropped. A line break ends a sentence, unless the line before was full and
    the next one begins in lower case. Each list item is a sentence with its bullet. A fenced code
    block is one sentence, and so is a Markdown table.
    """
    found: list[str] = []
    for block in _blocks(text):
        if is_code(block.lstrip()) or is_table(block.strip()):
            found.append(block.strip())
            continue
        start = 0
        for end in _ends(block):
            if piece := block[start:end].strip():
                found.append(piece)
            start = end
    return found


def _blocks(text: str) -> Iterator[str]:
    """Yield the parts of a text that no sentence crosses: wrapped lines and code blocks."""
    fence = ""
    length = 0  # Of the previous line, zero if the next line begins a block.
    start = position = 0
    lines = text.splitlines(keepends=True)
    in_table = False
    for at, line in enumerate(lines):
        stripped = line.strip()
        bare = stripped.lstrip("> \t")
        mark = bare[:3] if bare.startswith(_FENCES) else ""
        full = length >= _FULL_LINE and stripped[:1].islower()
        has_row = "|" in stripped and not fence
        follows = in_table and has_row
        begins = has_row and at + 1 < len(lines) and _RULER.match(lines[at + 1].strip())
        in_table = follows or bool(begins)
        wrapped = full and not mark and not in_table and not _BULLET.match(line)
        goes_on = fence or not stripped or follows or wrapped
        if not goes_on:
            if start < position:
                yield text[start:position]
            start = position
        position += len(line)
        length = len(stripped)
        if fence:
            if mark == fence:
                fence, length = "", 0
        else:
            fence = mark
    yield text[start:]


def _ends(block: str) -> list[int]:
    """Return the end positions of the sentences of a block, including its own end."""
    last = len(block)
    marks = _marks(block)
    if not marks:
        return [last]
    quoted = [match.span() for match in _QUOTED.finditer(block)]
    inside = 0
    bullet = _BULLET.match(block)
    first = bullet.end() if bullet else 0
    ends: list[int] = []
    for match in marks:
        start, end = match.span()
        while inside < len(quoted) and quoted[inside][1] < end:
            inside += 1
        # A closing mark that is part of the stop ends the quotation together with the sentence.
        within = inside < len(quoted) and quoted[inside][0] < start < end < quoted[inside][1]
        if first < end < last and not within and _ends_sentence(block, match[0], start, end):
            ends.append(end)
    return [*ends, last]


def _marks(block: str) -> list[re.Match[str]]:
    """Return the stops of a block, and the emoji that may replace one, in order."""
    if block.isascii():
        return list(_ASCII_STOP.finditer(block))
    stops = list(_STOP.finditer(block))
    # Emoji right after a stop belong to it.
    ends = {match.end() for match in stops}
    emoji = [match for match in _EMOJI.finditer(block) if match.end() not in ends]
    return sorted(stops + emoji, key=lambda match: match.start()) if emoji else stops


def _ends_sentence(block: str, marks: str, start: int, end: int) -> bool:
    """Return whether a sentence ends with these marks."""
    if not block[end].isspace():
        # "3.5", "example.com", "really?yes": a mark within a word is part of it.
        return not _WIDE.isdisjoint(marks)
    if marks == "!" and _is_in_name(block, start, end):
        return False
    before = ""
    if marks == ".":
        words = block[start - 20 if start > 20 else 0 : start].rsplit(maxsplit=1)
        before = words[-1].lstrip("([\"'\u201c\u2018*_") if words else ""
        if _ORDINAL.search(block[start - 20 if start > 20 else 0 : start]):
            return False
        if before.lower() not in _ABBREVIATIONS and not _INITIAL.match(before):
            return True
    found = _NEXT_WORD.match(block, end)
    word = found[1].replace("\u2019", "'") if found else ""
    starts = word[:1].isupper() and word.lower() in _STARTERS
    if before:
        return not _goes_on(before.lower(), word, starts)
    if word[:1].islower() and (marks[-1] in _CLOSING or marks.startswith(("...", "\u2026"))):
        # 'Wow!" she said' and "well... maybe" continue in lower case.
        return False
    return starts or not _EMOJI.match(marks)


def _is_in_name(block: str, start: int, end: int) -> bool:
    """Return whether an exclamation mark belongs to a name: "Yahoo! in London"."""
    near = block[start - 60 if start > 60 else 0 : start]
    found = _CAPITAL.search(near)
    lead = near[: found.start()].rstrip()[-1:] if found else ""
    if not found or not lead or lead in _BEFORE_SENTENCE:
        return False  # "Great! In The Hague it rained."
    is_marked = found[1].lower() in _MARKED_NAMES
    following = _NEXT_WORD.match(block, end)
    word = following[1] if following else ""
    if word[:1].islower():
        # "I love Rome! my cat too": a clause may begin in lower case, but not with "in".
        return is_marked or word in _LINKS
    after = _TWO_WORDS.match(block, end)
    if after and after[2].lower() in _SMALL_WORDS:
        return True
    if word.lower() in _STARTERS:
        return False
    # "Godspeed You! Black Emperor"
    within = found[1].lower() in _SMALL_WORDS and lead.isalnum()
    return bool(word) and (within or is_marked)


def _goes_on(before: str, following: str, starts: bool) -> bool:
    """Return whether a sentence continues after an abbreviation and its full stop."""
    if before in _TITLES:
        # "We met in Jan. The weather was fine": months and days may end a sentence.
        return not starts or before in _FIRM
    if before == "no":
        return following[:1].isdigit()
    return not starts and bool(following)


def without_bullet(sentence: str) -> str:
    """Return a sentence without the bullet or number of a list item."""
    mark = _BULLET.match(sentence)
    return sentence[mark.end() :] if mark and mark.end() < len(sentence) else sentence


def is_item(sentence: str) -> bool:
    """Return whether a sentence is a list item."""
    return _BULLET.match(sentence) is not None


def is_code(sentence: str) -> bool:
    """Return whether a sentence is a fenced code block, which may be quoted."""
    return sentence.lstrip("> \t").startswith(_FENCES)


def is_table(sentence: str) -> bool:
    """Return whether a sentence is a Markdown table."""
    lines = sentence.split("\n", 2)
    return len(lines) > 1 and "|" in lines[0] and _RULER.match(lines[1].strip()) is not None


def table_rows(table: str) -> tuple[str, list[str]]:
    """Return the heading of a Markdown table, with the row below it, and its rows."""
    heading, ruler, *rows = table.splitlines()
    return f"{heading}\n{ruler}", [row for row in rows if row.strip()]
