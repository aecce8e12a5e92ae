"""Summaries of memories: by the chat model, or without one the most central memories, verbatim.

A summary is not stored, only the operation with its parameters.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.access import Permission
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
# The maximum length of a line in characters; a longer memory is cut to its first sentences.
LONGEST_LINE = 300
_NOTHING = "No memories match."
_LATE = "The chat model took too long."


@dataclass(slots=True)
class Summary:
    """A summary in Markdown, or the error if it failed, and the operation."""

    operation: OperationRow
    text: str | None = None
    failure: AppError | None = None


async def summarize_memories(
    ctx: Context, project_id: str | None, filter: Filter | None
) -> Summary:
    """Return a summary of the current memories of a project that match a filter.

    The key needs WRITE permission, because a chat model may be asked. If it fails, the operation is
    recorded as failed and the summary has the error. Raises `InvalidInput` for a filter that the
    project does not allow, `NotFound` when the actor cannot see the project, and
    `PermissionDenied`.
    """
    project: ProjectRow = await _project(ctx, ctx.project_id(project_id))
    ctx.actor.require(Permission.ASK_MODEL, project.viewer_role)
    scope = current_memories(filter)
    await check_scope(ctx, scope, project)
    parameters = {} if filter is None else {"filter": filter_to_json(filter)}
    about = entities_named(filter)
    operation = operation_row(ctx, project.id, OperationType.SUMMARY, parameters, about)
    selection = scope.selection(ctx.today())
    shaper = ctx.services.shaper
    if shaper is None:
        newest = await newest_memories(ctx, project.id, selection, MOST_SUMMED)
    else:
        newest = await newest_memories(ctx, project.id, selection, MOST_MEMORIES, MOST_CHARACTERS)
    if not newest.memories:
        return await _record(ctx, operation, SummaryResult(""), [_NOTHING])
    if shaper is not None:
        return await _summarize_with_model(ctx, shaper, operation, newest)
    text = await _extract(ctx, project.id, newest.memories)
    return await _record(ctx, operation, SummaryResult(text), newest.notes)


async def _project(ctx: Context, id: str) -> ProjectRow:
    return await ctx.read(lambda tx: tx.projects.get(id, ctx.actor, "projectId"))


async def _summarize_with_model(
    ctx: Context, shaper: Shaper, operation: OperationRow, newest: Newest
) -> Summary:
    operation.model = shaper.model
    try:
        async with asyncio.timeout(LONGEST_WAIT):
            summarized = await shaper.summarize(memories_for_model(newest.memories))
    except ProviderError as error:
        return await _record_failure(ctx, operation, str(error))
    except TimeoutError:
        return await _record_failure(ctx, operation, _LATE)
    return await _record(ctx, operation, summarized, newest.notes)


async def _record_failure(ctx: Context, operation: OperationRow, reason: str) -> Summary:
    failed = succeeded_operation(
        operation, ctx.now(), status=OperationStatus.FAILED, error=reason, progress=0.0
    )
    await ctx.write(lambda tx: tx.operations.record([failed]))
    return Summary(failed, None, OperationFailed(reason, failed.id))


async def _record(
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


async def _extract(ctx: Context, project_id: str, memories: Sequence[MemoryRow]) -> str:
    """Return the most central memories by category, in Markdown; `memories` are oldest first."""

    def work(tx: Transaction) -> dict[str, bytes]:
        return dict(tx.vectors.in_scope(project_id, None, [memory.id for memory in memories]))

    stored = await ctx.read(work)
    embedded = [memory for memory in memories if memory.id in stored]
    if not embedded:
        return ""
    vectors = np.stack([vector_of(stored[memory.id]) for memory in embedded])
    return await asyncio.to_thread(_summary, embedded, vectors)


def _summary(memories: Sequence[MemoryRow], vectors: Floats) -> str:
    groups: dict[str, list[int]] = {}
    for row, memory in enumerate(memories):
        name = " ".join(memory.categories[0].split()) if memory.categories else OTHER
        groups.setdefault(name, []).append(row)
    # The largest group comes first, and the memories without a category last.
    names = sorted(groups, key=lambda name: (name == OTHER, -len(groups[name]), name))
    limits = allot_lines([len(groups[name]) for name in names], LINES_OF_GROUP, LINES)
    central = np.zeros(len(memories), np.float32)
    taken: list[int] = []
    parts: list[str] = []
    for name, limit in zip(names, limits, strict=True):
        rows = groups[name]
        central[rows] = centrality(vectors[rows])
        chosen = select_mmr(vectors, central, rows, taken, limit)
        taken += chosen
        if chosen:
            ordered = sorted(chosen, key=lambda row: (memories[row].happened_at, row))
            parts.append("\n".join([f"## {name}", "", *(_line(memories[row]) for row in ordered)]))
    return "\n\n".join(parts)


def _line(memory: MemoryRow) -> str:
    """Return a memory as a list item: in full, or as many of its sentences as fit in a line."""
    text = " ".join(memory.text.split())
    if len(text) > LONGEST_LINE:
        # Only the first sentences are shown, so the rest need not be split.
        found, text = sentences(text[: 4 * LONGEST_LINE]), ""
        for sentence in found:
            if len(text) + 1 + len(sentence) > LONGEST_LINE:
                break
            text = f"{text} {sentence}".lstrip()
        if not text:
            text = found[0][: LONGEST_LINE - 1].rstrip() + "\N{HORIZONTAL ELLIPSIS}"
    return f"- {text}"
