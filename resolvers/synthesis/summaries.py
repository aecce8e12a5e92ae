"""Summaries of memories: by the chat model, or else the most central of them in their own words.

Nothing of a summary is kept, only that it was asked for.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.enums import OperationStatus, OperationType
from core.errors import AppError, OperationFailed
from core.filters.json_form import filter_to_json
from core.filters.tree import Filter, entities_named
from language.sentences import sentences
from providers.base import ProviderError
from providers.shaping import Shaper, SummaryResult
from ranking.corpus import Floats
from ranking.summary import allot_lines, centrality, select_mmr
from resolvers.context import Context
from resolvers.ingestion.add import LONGEST_WAIT
from resolvers.memories.listing import check_scope, current_memories
from resolvers.operations.records import operation_row, succeeded_operation
from resolvers.search.query import vector_of
from resolvers.synthesis.selection import (
    MOST_CHARACTERS,
    MOST_MEMORIES,
    Newest,
    memories_for_model,
    newest_memories,
)
from storage.memories.rows import MemoryRow
from storage.operations.store import OperationRow
from storage.tenancy.projects import ProjectRow
from storage.transaction import Transaction

MOST_SUMMED = 2_000
LINES, LINES_OF_GROUP = 30, 5
OTHER = "Other"
# Characters of a line; of a longer memory its first sentences are shown.
LONGEST_LINE = 300
_NOTHING = "No memories match."
_LATE = "The chat model took too long."


@dataclass(slots=True)
class Summary:
    """What memories say in all, in Markdown, or why there is no telling; and the operation."""

    operation: OperationRow
    text: str | None = None
    failure: AppError | None = None


async def summarize_memories(
    ctx: Context, project_id: str | None, filter: Filter | None
) -> Summary:
    """Sum up the memories of a project that match and hold true.

    It only reads, so whoever sees the project may do it. When the model fails, so does the
    operation, and that is kept.
    """
    project: ProjectRow = await _project(ctx, ctx.project_id(project_id))
    wanted = current_memories(filter)
    check_scope(wanted, project)
    asked = {} if filter is None else {"filter": filter_to_json(filter)}
    about = entities_named(filter)
    operation = operation_row(ctx, project.id, OperationType.SUMMARY, asked, about)
    selection = wanted.selection(ctx.today())
    shaper = ctx.services.shaper
    if shaper is None:
        known = await newest_memories(ctx, project.id, selection, MOST_SUMMED)
    else:
        known = await newest_memories(ctx, project.id, selection, MOST_MEMORIES, MOST_CHARACTERS)
    if not known.memories:
        return await _recorded(ctx, operation, SummaryResult(""), [_NOTHING])
    if shaper is not None:
        return await _asked(ctx, shaper, operation, known)
    text = await _extracted(ctx, project.id, known.memories)
    return await _recorded(ctx, operation, SummaryResult(text), known.notes)


async def _project(ctx: Context, id: str) -> ProjectRow:
    return await ctx.read(lambda tx: tx.projects.get(id, ctx.actor, "projectId"))


async def _asked(ctx: Context, shaper: Shaper, operation: OperationRow, known: Newest) -> Summary:
    operation.model = shaper.model
    try:
        async with asyncio.timeout(LONGEST_WAIT):
            summarized = await shaper.summarize(memories_for_model(known.memories))
    except ProviderError as error:
        return await _failed(ctx, operation, str(error))
    except TimeoutError:
        return await _failed(ctx, operation, _LATE)
    return await _recorded(ctx, operation, summarized, known.notes)


async def _failed(ctx: Context, operation: OperationRow, reason: str) -> Summary:
    failed = succeeded_operation(
        operation, ctx.now(), status=OperationStatus.FAILED, error=reason, progress=0.0
    )
    await ctx.write(lambda tx: tx.operations.record([failed]))
    return Summary(failed, None, OperationFailed(reason, failed.id))


async def _recorded(
    ctx: Context, operation: OperationRow, summarized: SummaryResult, notes: list[str]
) -> Summary:
    done = succeeded_operation(
        operation,
        ctx.now(),
        notes=notes,
        input_tokens=summarized.input_tokens,
        output_tokens=summarized.output_tokens,
    )
    await ctx.write(lambda tx: tx.operations.record([done]))
    return Summary(done, summarized.text)


async def _extracted(ctx: Context, project_id: str, memories: Sequence[MemoryRow]) -> str:
    """Return the most central of memories, which are oldest first, by their category."""

    def work(tx: Transaction) -> dict[str, bytes]:
        return dict(tx.vectors.in_scope(project_id, None, [memory.id for memory in memories]))

    stored = await ctx.read(work)
    there = [memory for memory in memories if memory.id in stored]
    if not there:
        return ""
    vectors = np.stack([vector_of(stored[memory.id]) for memory in there])
    return await asyncio.to_thread(_summary, there, vectors)


def _summary(memories: Sequence[MemoryRow], vectors: Floats) -> str:
    groups: dict[str, list[int]] = {}
    for row, memory in enumerate(memories):
        name = " ".join(memory.categories[0].split()) if memory.categories else OTHER
        groups.setdefault(name, []).append(row)
    # The largest first, and what belongs nowhere last.
    names = sorted(groups, key=lambda name: (name == OTHER, -len(groups[name]), name))
    given = allot_lines([len(groups[name]) for name in names], LINES_OF_GROUP, LINES)
    central = np.zeros(len(memories), np.float32)
    taken: list[int] = []
    parts: list[str] = []
    for name, limit in zip(names, given, strict=True):
        rows = groups[name]
        central[rows] = centrality(vectors[rows])
        chosen = select_mmr(vectors, central, rows, taken, limit)
        taken += chosen
        if chosen:
            said = sorted(chosen, key=lambda row: (memories[row].happened_at, row))
            parts.append("\n".join([f"## {name}", "", *(_line(memories[row]) for row in said)]))
    return "\n\n".join(parts)


def _line(memory: MemoryRow) -> str:
    """Return a memory as an item of a list: whole, or as many sentences of it as a line holds."""
    text = " ".join(memory.text.split())
    if len(text) > LONGEST_LINE:
        # What comes after a few lines is not shown, so it need not be parted.
        found, text = sentences(text[: 4 * LONGEST_LINE]), ""
        for sentence in found:
            if len(text) + 1 + len(sentence) > LONGEST_LINE:
                break
            text = f"{text} {sentence}".lstrip()
        if not text:
            text = found[0][: LONGEST_LINE - 1].rstrip() + "\N{HORIZONTAL ELLIPSIS}"
    return f"- {text}"
