"""Facts beside the memories that are there already: which of them say the same.

The trap is that two texts may be near in meaning and say opposite things, so nothing counts as the
same whose numbers, names or negation differ.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from core.entity_names import ENTITY_FIELDS
from core.enums import EntityType
from core.turn import Speaker, Turn
from language.likeness import same_details
from language.names import without_speaker
from providers.extraction import Fact, VerdictKind
from ranking.corpus import Floats
from resolvers.context import Services
from resolvers.ingestion.known_memories import is_current, scopes_of
from resolvers.ingestion.requests import AddRequest
from resolvers.memories.creation import speaker_of_turn
from resolvers.memories.embedding import embed_texts
from resolvers.runtime.search_cache import ScopeKey
from storage.memories.rows import MemoryRow
from storage.memories.store import EmbeddedText
from storage.search.documents import Utterance
from storage.transaction import Transaction

# From this cosine on two texts may say the same.
NEAR = 0.95
# How many of a scope's memories are looked at for each fact, and from which cosine of the vectors
# that are kept: with a neighbour's words in them, these are further apart than the texts are.
_LOOKED_AT, _LOOKED_AT_FROM = 16, 0.7
_OTHER = {Speaker.USER: EntityType.AGENT, Speaker.ASSISTANT: EntityType.USER}


@dataclass(frozen=True, slots=True)
class Draft:
    """A fact on its way, with what was derived of it and the turn it was drawn from.

    `verdict` is the model's about `judged_memory`, one that it was shown. `duplicate_of` is a
    memory that says the same, `repeats_draft` the position of an earlier draft that does.
    """

    fact: Fact
    turn: Turn
    names: Mapping[EntityType, str]
    embedded: EmbeddedText
    verdict: VerdictKind | None = None
    judged_memory: MemoryRow | None = None
    duplicate_of: MemoryRow | None = None
    repeats_draft: int | None = None

    @property
    def speaker(self) -> str | None:
        """Who says it, by name."""
        return speaker_of_turn(self.turn, self.names)


def names_for(fact: Fact, request: AddRequest) -> dict[EntityType, str]:
    """Return the entities that a fact is about, by name.

    What a user says is about the user and not the agent, and the other way round; app and run go on
    all. Where only one of both is given, everything is about that one.
    """
    names = dict(request.new.entities)
    if EntityType.USER in names and EntityType.AGENT in names:
        del names[_OTHER[fact.speaker]]
    return names


async def build_drafts(
    services: Services, request: AddRequest, facts: Sequence[Fact], shown: Sequence[MemoryRow]
) -> list[Draft]:
    """Return facts as drafts. A fact stands alone, so it is embedded without context."""
    turns = [_turn_of(fact, request) for fact in facts]
    names = [names_for(fact, request) for fact in facts]
    said = [
        Utterance(fact.text, speaker_of_turn(turn, about))
        for fact, turn, about in zip(facts, turns, names, strict=True)
    ]
    derived = await embed_texts(services, [(each, None) for each in said]) if said else []
    drafts = [Draft(*parts) for parts in zip(facts, turns, names, derived, strict=True)]
    return [_judged(draft, shown) for draft in drafts]


def _turn_of(fact: Fact, request: AddRequest) -> Turn:
    """Return the turn that says a fact: the last of its speaker's, after whatever it answers."""
    turns = [request.turns[position] for position in fact.turns]
    said = [turn for turn in turns if turn.speaker is fact.speaker]
    return (said or turns)[-1]


def _judged(draft: Draft, shown: Sequence[MemoryRow]) -> Draft:
    verdict = draft.fact.verdict
    if verdict is None or not 0 <= verdict.known < len(shown):
        return draft
    return replace(draft, verdict=verdict.kind, judged_memory=shown[verdict.known])


async def with_duplicates(
    services: Services, project_id: str, drafts: Sequence[Draft]
) -> list[Draft]:
    """Return drafts with the memories and the earlier drafts that say the same."""
    if not drafts:
        return []
    today = services.clock().date()

    near = await services.db.read(lambda tx: _near(services, tx, project_id, drafts, today))
    texts = sorted(
        {_words(row, draft) for rows, draft in zip(near, drafts, strict=True) for row in rows}
    )
    embedded = await services.embedder.embed(texts) if texts else []
    vectors = {text: _numbers(vector) for text, vector in zip(texts, embedded, strict=True)}
    # A conversation of a thousand facts would hold up the event loop.
    return await asyncio.to_thread(_marked, drafts, near, vectors)


def _marked(
    drafts: Sequence[Draft], near: Sequence[Sequence[MemoryRow]], vectors: Mapping[str, Floats]
) -> list[Draft]:
    own = np.stack([_numbers(draft.embedded.vector) for draft in drafts])
    found = []
    for position, (draft, rows) in enumerate(zip(drafts, near, strict=True)):
        cosines = [(float(vectors[_words(row, draft)] @ own[position]), row) for row in rows]
        best = max(cosines, key=lambda pair: (pair[0], pair[1].id), default=None)
        same = best[1] if best is not None and best[0] >= NEAR else None
        repeated = None if same else _repeated_draft(drafts, own, position)
        found.append(replace(draft, duplicate_of=same, repeats_draft=repeated))
    return found


def _near(
    services: Services, tx: Transaction, project_id: str, drafts: Sequence[Draft], today: date
) -> list[list[MemoryRow]]:
    """Return for each draft the memories of the same entities and speaker that may say the same."""
    scopes: dict[tuple[tuple[EntityType, str], ...], list[ScopeKey]] = {}
    ids: list[list[str]] = []
    for draft in drafts:
        about = tuple(draft.names.items())
        if about not in scopes:
            scopes[about] = scopes_of(tx, project_id, draft.names)
        ids.append([])
        for key in scopes[about]:
            with services.search_cache.vectors(tx, key) as vectors:
                near = vectors.cosines(_numbers(draft.embedded.vector), _LOOKED_AT)
            ids[-1] += [id for id, cosine in near if cosine >= _LOOKED_AT_FROM]
    rows = tx.memories.get_unscoped({id for some in ids for id in some})
    return [
        [rows[id] for id in some if id in rows and _may_be_same(draft, rows[id], today)]
        for draft, some in zip(drafts, ids, strict=True)
    ]


def _may_be_same(draft: Draft, memory: MemoryRow, today: date) -> bool:
    return (
        is_current(memory, today)
        and not memory.immutable
        and is_about(memory, draft.names)
        and memory.speaker == draft.speaker
        and same_details(memory.text, draft.fact.text)
    )


def _repeated_draft(drafts: Sequence[Draft], vectors: Floats, position: int) -> int | None:
    """Return the first earlier draft that says the same, by its position."""
    draft = drafts[position]
    near = np.flatnonzero(vectors[:position] @ vectors[position] >= NEAR)
    for earlier in near.tolist():
        other = drafts[earlier]
        if (
            other.names == draft.names
            and other.speaker == draft.speaker
            and same_details(other.fact.text, draft.fact.text)
        ):
            return int(earlier)
    return None


def is_about(memory: MemoryRow, names: Mapping[EntityType, str]) -> bool:
    """Tell whether a memory is about just these entities."""
    theirs = (memory.user_id, memory.agent_id, memory.app_id, memory.run_id)
    return theirs == tuple(names.get(type) for type in ENTITY_FIELDS)


def _words(memory: MemoryRow, draft: Draft) -> str:
    return without_speaker(memory.text, draft.speaker)


def _numbers(vector: bytes) -> Floats:
    return np.frombuffer(vector, "<f4")
