"""Echoes: sentences of a message that only repeat what is stored.

Agents put recalled memories into the messages of a user, and send those messages back. Such a
sentence is not said anew: it must not make an outdated memory the truth again, and must not renew
one either. The trap is the user who really says the same again: a message that says only this
counts, and so does one that adds no more than a greeting.
"""

from collections.abc import Mapping, Sequence

from core.enums import EntityType, MemoryState
from language.sayings import classify
from language.sentences import sentences
from resolvers.ingestion.deduplication import Draft, may_mean_same_days
from storage.memories.rows import MemoryRow
from storage.memories.uniqueness import text_hash
from storage.transaction import Transaction


def find_echoes(
    tx: Transaction,
    project_id: str,
    names: Mapping[EntityType, str],
    drafts: Sequence[Draft],
) -> dict[int, MemoryRow]:
    """Return the memories that drafts only repeat, by the position of the draft.

    Of several memories with the text, it is the newest that holds, or else the newest.
    """
    # A long message states many facts, and is read once for all of them.
    contents = {draft.turn.content for draft in drafts}
    messages = {content: " ".join(content.split()) for content in contents}
    hashes = {
        position: text_hash(draft.fact.text)
        for position, draft in enumerate(drafts)
        if _is_quoted(draft.fact.text, messages[draft.turn.content])
    }
    if not hashes:
        return {}
    by_hash: dict[str, list[MemoryRow]] = {}
    for row in tx.repeats.find(project_id, set(hashes.values()), names):
        by_hash.setdefault(row.hash, []).append(row)
    said: dict[str, int] = {}
    echoes = {}
    for position, hash in hashes.items():
        draft = drafts[position]
        rows = [row for row in by_hash.get(hash, ()) if may_mean_same_days(row, draft)]
        if not rows:
            continue
        message = draft.turn.content
        if message not in said:
            said[message] = _count_said(message)
        if said[message] > len(sentences(draft.fact.text)):
            active = [row for row in rows if row.state is MemoryState.ACTIVE]
            echoes[position] = (active or rows)[-1]
    return echoes


def _is_quoted(text: str, message: str) -> bool:
    """Return whether the words of a fact stand in its message, among others.

    A chat model words a fact itself, and then it is no quotation. The words of `message` are
    separated by single spaces.
    """
    words = " ".join(text.split())
    return len(message) > len(words) and words in message


def _count_said(message: str) -> int:
    """Return the number of sentences of a message that are more than a greeting or the like."""
    return sum(not classify(each).is_pleasantry for each in sentences(message))
