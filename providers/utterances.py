"""Reads a turn into utterances: its sentences, with lists and tables joined with their heading.

The trap: an item or a row means little without its heading, and a heading nothing without them.
"""

from collections.abc import Collection, Iterator
from dataclasses import replace

from core.turn import Turn
from language.asides import is_announcement, without_requests
from language.names import without_speaker
from language.outline import label_of
from language.sayings import Saying, classify
from language.sentences import (
    is_code,
    is_item,
    is_table,
    sentences,
    table_rows,
    without_bullet,
)
from providers.keeping_rules import COLONS, Utterance
from providers.prompt_echoes import is_from_prompt

MAX_LIST_LENGTH = 1_000  # Characters; a longer list becomes one fact per item with the heading.
MAX_HEADING_LENGTH = 300  # Characters; a longer sentence does not count as a heading.
MAX_TITLE_LENGTH = 80  # The same for a line without a colon above a table.
_STOPS = (".", "!", "?", "\u3002", "\uff01", "\uff1f")


def utterances_of(position: int | None, turn: Turn, names: Collection[str]) -> Iterator[Utterance]:
    """Yield the sentences of a turn; a list or a table is one of them, with its heading.

    A long list or table is one utterance per item or row, each with the heading.
    """
    spoken = sentences(without_speaker(turn.content, turn.name))
    pieces = [piece for piece in spoken if not is_from_prompt(piece)]
    at = 0
    while at < len(pieces):
        heading, at = pieces[at], at + 1
        first = at
        if is_table(heading):
            yield from _of_table("", heading, position, turn, names)
            continue
        if at < len(pieces) and is_table(pieces[at]) and _is_title(heading):
            yield from _of_table(heading, pieces[at], position, turn, names)
            at += 1
            continue
        if heading.endswith(COLONS) and len(heading) <= MAX_HEADING_LENGTH:
            while at < len(pieces) and is_item(pieces[at]):
                at += 1
            if first == at < len(pieces) and _is_announced(pieces[at], names):
                at += 1
        heading, items = without_bullet(heading), pieces[first:at]
        if not items:
            heading = without_requests(heading)
        whole = "\n".join([heading, *items])
        if items and len(whole) > MAX_LIST_LENGTH and is_announcement(heading):
            # What was pasted is one memory: what it is, and the names of what it lists.
            labels = list(dict.fromkeys(label for item in items if (label := label_of(item))))
            whole = f"{heading} {', '.join(labels)}"[:MAX_LIST_LENGTH]
        if not items or len(whole) <= MAX_LIST_LENGTH:
            yield Utterance(whole, classify(whole, names), position, turn)
            continue
        asks = classify(heading, names)
        for item in items:
            text = f"{heading} {without_bullet(item)}"
            # Items of "Translate these:" are part of the request.
            saying = classify(text if asks.is_request or asks.is_question else item, names)
            yield Utterance(text, saying, position, turn)


def _is_title(line: str) -> bool:
    """Return whether the line before a table may be its heading."""
    if line.endswith(COLONS):
        return len(line) <= MAX_HEADING_LENGTH
    return len(line) <= MAX_TITLE_LENGTH and not line.endswith(_STOPS) and not is_code(line)


def _of_table(
    heading: str, table: str, position: int | None, turn: Turn, names: Collection[str]
) -> Iterator[Utterance]:
    title = without_bullet(heading)
    above = f"{title}\n" if title else ""
    columns, rows = table_rows(table)
    if not rows:
        return
    parts = (
        [table]
        if len(above) + len(table) <= MAX_LIST_LENGTH
        else ([f"{columns}\n{row}" for row in rows])
    )
    asks = classify(title, names) if title else None
    for part in parts:
        text = f"{above}{part}"
        saying = asks if asks and (asks.is_request or asks.is_question) else _stated(text, names)
        yield Utterance(text, saying, position, turn)


def _stated(table: str, names: Collection[str]) -> Saying:
    """Return the traits of a table, which is a statement and needs no other sentence."""
    return replace(
        classify(table, names),
        is_question=False,
        is_request=False,
        is_pleasantry=False,
        is_judgement=False,
        is_clause=True,
        depends_on_context=False,
        begins_with_reference=False,
        contains_reference=False,
        is_encouragement=False,
        is_general=False,
    )


def _is_announced(sentence: str, names: Collection[str]) -> bool:
    """Return whether a sentence on the line after a colon may belong to the heading."""
    saying = classify(sentence, names)
    asks = saying.is_question or saying.is_request
    return not (asks or saying.is_pleasantry or is_code(sentence))
