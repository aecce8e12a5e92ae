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
    hashes = {
        position: text_hash(draft.fact.text)
        for position, draft in enumerate(drafts)
        if _is_quoted(draft)
    }
    if not hashes:
        return {}
    by_hash: dict[str, list[MemoryRow]] = {}
    for row in tx.repeats.find(project_id, set(hashes.values()), names):
        by_hash.setdefault(row.hash, []).append(row)
    echoes = {}
    for position, hash in hashes.items():
        draft = drafts[position]
        rows = [row for row in by_hash.get(hash, ()) if may_mean_same_days(row, draft)]
        if rows and is_within_more(draft.fact.text, draft.turn.content):
            active = [row for row in rows if row.state is MemoryState.ACTIVE]
            echoes[position] = (active or rows)[-1]
    return echoes


def _is_quoted(draft: Draft) -> bool:
    """Return whether the words of a draft stand in its message, among others.

    A chat model words a fact itself, and then it is no quotation.
    """
    text, message = (" ".join(each.split()) for each in (draft.fact.text, draft.turn.content))
    return len(message) > len(text) and text in message


def is_within_more(text: str, message: str) -> bool:
    """Return whether a message says more than a text, apart from greetings and the like."""
    said = [each for each in sentences(message) if not classify(each).is_pleasantry]
    return len(said) > len(sentences(text))
