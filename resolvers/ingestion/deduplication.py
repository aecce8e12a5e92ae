"""Near duplicates: which facts repeat an existing memory or an earlier fact.

The trap is that two texts can be similar and say opposite things. So texts never count as
duplicates if their numbers, names or negation differ, or the days that they mean.
"""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

import numpy as np

from core.entity_names import ENTITY_FIELDS
from core.enums import EntityType
from core.turn import Turn
from language.dates.identity import days_of
from language.likeness import number_forms, same_details
from language.names import without_speaker
from providers.extraction import Fact, VerdictKind
from ranking.corpus import Floats
from resolvers.context import Services
from resolvers.ingestion.insertion import is_conversation
from resolvers.ingestion.known_memories import is_current, scopes_of
from resolvers.memories.creation import speaker_of_turn
from resolvers.memories.embedding import embed_drawn
from resolvers.runtime.search_cache import ScopeKey
from storage.memories.rows import MemoryRow
from storage.memories.uniqueness import days_of_memory
from storage.search.documents import Utterance
from storage.search.origins import EmbeddedText
from storage.transaction import Transaction

# The minimum cosine similarity of near duplicates.
NEAR = 0.95
# How many memories of a scope are compared with each fact, and their minimum cosine similarity by
# stored vectors. It is lower because stored vectors include the words of a neighbour, so they are
# further apart than the texts.
_NEIGHBORS, _LEAST_COSINE = 16, 0.7
_ROWS_AT_ONCE = 256


@dataclass(frozen=True, slots=True)
class Draft:
    """A fact to be stored, with its embedding and the turn that states it, at `position`.

    `said_at` is when it was said, `days` are the days that it means, as `days_of` returns them.
    `verdict` is the model's verdict on `judged_memory`, a memory that it was shown. `duplicate_of`
    is a memory that says the same, `repeats_draft` the position of an earlier draft that does.
    """

    fact: Fact
    turn: Turn
    names: Mapping[EntityType, str]
    embedded: EmbeddedText
    position: int = 0
    verdict: VerdictKind | None = None
    judged_memory: MemoryRow | None = None
    duplicate_of: MemoryRow | None = None
    repeats_draft: int | None = None
    said_at: datetime | None = None
    days: str = ""

    @property
    def vector(self) -> bytes:
        """The embedding of its text alone."""
        return (self.embedded.alone or self.embedded).vector

    @property
    def speaker(self) -> str | None:
        """The name of the speaker."""
        return speaker_of_turn(self.turn, self.names)


async def build_drafts(
    services: Services,
    said: Sequence[Turn],
    names: Mapping[EntityType, str],
    observed_at: datetime,
    facts: Sequence[Fact],
    shown: Sequence[MemoryRow],
    former: Sequence[Turn] = (),
) -> list[Draft]:
    """Return one draft per fact, with the model's verdict on one of the `shown` memories.

    `said` are the turns of the request, `observed_at` is when those without a timestamp were said.
    Each draft is about all entities of the request, `names`; its turn says who stated it. Facts are
    embedded with the message that they come from, and this with the one before it where they are
    a conversation; `former` are the turns before the request.
    """
    positions = [_position_of(fact, said) for fact in facts]
    items = []
    for fact, position in zip(facts, positions, strict=True):
        speaker = speaker_of_turn(said[position], names)
        message = Utterance(said[position].content, speaker)
        before = _before(position, said, former, names)
        items.append((Utterance(fact.text, speaker), message, before))
    embedded = await embed_drawn(services, items) if facts else []
    drafts = []
    for fact, position, vector in zip(facts, positions, embedded, strict=True):
        turn = said[position]
        said_at = turn.timestamp or observed_at
        days = days_of(fact.text, fact.happened, said_at)
        drafts.append(Draft(fact, turn, names, vector, position, said_at=said_at, days=days))
    return [_with_verdict(draft, shown) for draft in drafts]


def _position_of(fact: Fact, said: Sequence[Turn]) -> int:
    """Return the position of the turn that states a fact.

    It is the last one of its speaker: the others may be what it answers.
    """
    own = [at for at in fact.turns if said[at].speaker is fact.speaker]
    return (own or list(fact.turns))[-1]


def _before(
    position: int, said: Sequence[Turn], former: Sequence[Turn], names: Mapping[EntityType, str]
) -> Utterance | None:
    """Return what was said before a turn of a conversation."""
    spoken = [turn for turn in (*former, *said[:position]) if not turn.is_context]
    if not spoken or not is_conversation(names, [*spoken, said[position]]):
        return None
    return Utterance(spoken[-1].content, speaker_of_turn(spoken[-1], names))


def _with_verdict(draft: Draft, shown: Sequence[MemoryRow]) -> Draft:
    verdict = draft.fact.verdict
    if verdict is None or not 0 <= verdict.known < len(shown):
        return draft
    return replace(draft, verdict=verdict.kind, judged_memory=shown[verdict.known])


async def with_duplicates(
    services: Services, project_id: str, drafts: Sequence[Draft]
) -> list[Draft]:
    """Return drafts with `duplicate_of` and `repeats_draft` set."""
    if not drafts:
        return []
    today = services.clock().date()

    near = await services.db.read(lambda tx: _candidates(services, tx, project_id, drafts, today))
    texts = sorted(
        {_statement(row, draft) for rows, draft in zip(near, drafts, strict=True) for row in rows}
    )
    embedded = await services.embedder.embed(texts) if texts else []
    vectors = {text: _vector(vector) for text, vector in zip(texts, embedded, strict=True)}
    # A conversation of a thousand facts would block the event loop.
    return await asyncio.to_thread(_with_matches, drafts, near, vectors)


def _with_matches(
    drafts: Sequence[Draft], near: Sequence[Sequence[MemoryRow]], vectors: Mapping[str, Floats]
) -> list[Draft]:
    own = np.stack([_vector(draft.vector) for draft in drafts])
    earlier = comparable_earlier([draft.fact.text for draft in drafts], own)
    matched = []
    for position, (draft, rows) in enumerate(zip(drafts, near, strict=True)):
        cosines = [(float(vectors[_statement(row, draft)] @ own[position]), row) for row in rows]
        best = max(cosines, key=lambda pair: (pair[0], pair[1].id), default=None)
        duplicate = best[1] if best is not None and best[0] >= NEAR else None
        repeated = None if duplicate else _repeated_draft(drafts, earlier[position], position)
        matched.append(replace(draft, duplicate_of=duplicate, repeats_draft=repeated))
    return matched


def _candidates(
    services: Services, tx: Transaction, project_id: str, drafts: Sequence[Draft], today: date
) -> list[list[MemoryRow]]:
    """Return for each draft the possible duplicates with the same entities and speaker."""
    scopes: dict[tuple[tuple[EntityType, str], ...], list[ScopeKey]] = {}
    ids: list[list[str]] = []
    for draft in drafts:
        about = tuple(draft.names.items())
        if about not in scopes:
            scopes[about] = scopes_of(tx, project_id, draft.names)
        ids.append([])
        for key in scopes[about]:
            with services.search_cache.vectors(tx, key) as vectors:
                near = vectors.cosines(_vector(draft.vector), _NEIGHBORS)
            ids[-1] += [id for id, cosine in near if cosine >= _LEAST_COSINE]
    rows = tx.memories.get_unscoped({id for some in ids for id in some})
    return [
        [rows[id] for id in some if id in rows and _may_be_duplicate(draft, rows[id], today)]
        for draft, some in zip(drafts, ids, strict=True)
    ]


def _may_be_duplicate(draft: Draft, memory: MemoryRow, today: date) -> bool:
    return (
        is_current(memory, today)
        and not memory.immutable
        and is_about(memory, draft.names)
        and memory.speaker == draft.speaker
        and same_details(memory.text, draft.fact.text)
        and may_mean_same_days(memory, draft)
    )


def may_mean_same_days(memory: MemoryRow, draft: Draft) -> bool:
    """Return whether a memory and a draft mean the same days, as far as both depend on a day."""
    days = days_of_memory(memory) if draft.days else ""
    return not days or days == draft.days


def comparable_earlier(texts: Sequence[str], vectors: Floats) -> list[list[int]]:
    """Return for each text the positions of the earlier ones that are near and may say the same.

    Texts with other numbers never do (`same_details`), so that a long list of similar facts about
    different numbers does not cost a comparison of each with each.
    """
    by_numbers: defaultdict[tuple[str, ...], list[int]] = defaultdict(list)
    for position, text in enumerate(texts):
        by_numbers[tuple(sorted(number_forms(text)))].append(position)
    found: list[list[int]] = [[] for _ in texts]
    for positions in by_numbers.values():
        if len(positions) > 1:
            for position, near in zip(positions, near_earlier(vectors[positions]), strict=True):
                found[position] = [positions[at] for at in near]
    return found


def near_earlier(vectors: Floats) -> list[list[int]]:
    """Return for each vector the positions of the earlier ones that are near."""
    found: list[list[int]] = [[] for _ in vectors]
    # Many rows at once: one by one, each would read all vectors from memory again.
    for start in range(0, len(vectors), _ROWS_AT_ONCE):
        rows = vectors[start : start + _ROWS_AT_ONCE]
        near = np.tril(rows @ vectors[: start + len(rows)].T >= NEAR, start - 1)
        for row, earlier in zip(*(each.tolist() for each in np.nonzero(near)), strict=True):
            found[start + row].append(earlier)
    return found


def _repeated_draft(drafts: Sequence[Draft], near: Sequence[int], position: int) -> int | None:
    """Return the position of the first of the near earlier drafts that says the same, or None."""
    draft = drafts[position]
    for earlier in near:
        other = drafts[earlier]
        if (
            other.names == draft.names
            and other.speaker == draft.speaker
            and same_details(other.fact.text, draft.fact.text)
            and (other.days == draft.days or not (other.days and draft.days))
        ):
            return earlier
    return None


def is_about(memory: MemoryRow, names: Mapping[EntityType, str]) -> bool:
    """Return whether a memory is about exactly these entities."""
    actual = (memory.user_id, memory.agent_id, memory.app_id, memory.run_id)
    return actual == tuple(names.get(type) for type in ENTITY_FIELDS)


def _statement(memory: MemoryRow, draft: Draft) -> str:
    return without_speaker(memory.text, draft.speaker)


def _vector(vector: bytes) -> Floats:
    return np.frombuffer(vector, "<f4")
