"""The long-running commands of `server.py`, with a progress bar on standard error.

The option `--version` of the program is here too.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Annotated, BinaryIO

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from core.access import Actor, ApiKeyPermission, ApiKeyReach
from core.enums import OperationStatus
from core.errors import OperationFailed
from core.ids import now, uuid7
from core.version import current_version
from resolvers.context import Context, Services
from resolvers.exchange.download import open_stream
from resolvers.exchange.upload import receive
from resolvers.indexing.index import embed_again, rebuild_indexes
from resolvers.tenancy.bootstrap import StartError, check_embedder
from storage.database import Database
from storage.exchange.exports import ExportRow
from storage.operations.store import OperationRow
from storage.tenancy.projects import ProjectRow
from storage.transaction import Transaction
from workers.runner import Runner

_PIECE = 65_536
_POLL_SECONDS = 0.2


def print_version(is_set: bool) -> None:
    """Print the program's name and version and exit, if the option is set."""
    if is_set:
        typer.echo(f"mnemograph {current_version()}")
        raise typer.Exit


VersionOption = Annotated[
    bool,
    typer.Option("--version", callback=print_version, is_eager=True, help="Print the version."),
]


def actor_of(tx: Transaction, email: str) -> Actor:
    """Return an actor with all rights of an account, whose default project is its oldest.

    Raises `StartError` if the account does not exist yet.
    """
    account = tx.accounts.by_email(email)
    if account is None:
        raise StartError(f"There is no account {email} yet: start the server once.")
    organization_id, project_id = tx.members.oldest(account.id)
    return Actor(
        account.id,
        account.email,
        "",
        "",
        ApiKeyPermission.ADMIN,
        ApiKeyReach.ACCOUNT,
        project_id,
        organization_id,
    )


async def export_project(
    database: Database, email: str, project_id: str | None, output: Path | None, history: bool
) -> int:
    """Write an export of a project to a file or to standard output; return its memory count.

    An existing file is replaced only after the export is complete. Raises `ExportExpired` if the
    history is pruned during the export: then the last line is missing from standard output.
    """

    def load_project(tx: Transaction) -> tuple[Actor, ProjectRow]:
        actor = actor_of(tx, email)
        id = project_id or actor.default_project_id or ""
        return actor, tx.projects.get(id, actor, "--project")

    actor, project = await database.read(load_project)
    export = ExportRow(
        id=uuid7(),
        project_id=project.id,
        operation_id="",
        json_schema=None,
        filter=None,
        instructions=None,
        include_history=history,
        sequence=project.sequence,
        data=None,
        created_at=now(),
        completed_at=None,
    )
    written = 0

    def count(memories: int) -> None:
        nonlocal written
        written += memories
        bar.advance(task, memories)

    with _bar() as bar:
        task = bar.add_task("Memories", total=project.total_memories)
        chunks = await open_stream(database, actor, export, count)
        if output is None or output == Path("-"):
            await _write(chunks, sys.stdout.buffer)
        else:
            part = output.with_name(f"{output.name}.part")
            try:
                with part.open("wb") as file:
                    await _write(chunks, file)
                part.replace(output)
            except BaseException:
                part.unlink(missing_ok=True)
                raise
        bar.update(task, total=written)
    return written


async def _write(chunks: AsyncIterator[bytes], file: BinaryIO) -> None:
    async for chunk in chunks:
        file.write(chunk)
    file.flush()


async def import_file(
    services: Services, email: str, project_id: str | None, path: str
) -> OperationRow:
    """Import a file, or standard input for `-`; return the finished operation.

    A file whose name ends in .json is a response of mem0. Raises `OperationFailed` if the import
    fails.
    """
    ctx = Context(await services.db.read(lambda tx: actor_of(tx, email)), services)
    target = ctx.project_id(project_id, "--project")
    media_type = "application/json" if path.endswith(".json") else "application/x-ndjson"
    with _bar() as bar, closing(_opened(path)) as file:
        size = None if path == "-" else Path(path).stat().st_size
        reading = bar.add_task("Reading", total=size)

        async def body() -> AsyncIterator[bytes]:
            while piece := await asyncio.to_thread(file.read, _PIECE):
                yield piece
                bar.advance(reading, len(piece))

        operation = await receive(ctx, target, media_type, body())
        storing = bar.add_task("Storing", total=1.0)
        work = asyncio.create_task(Runner(services).drain())
        while not work.done():
            await asyncio.wait([work], timeout=_POLL_SECONDS)
            operation = await _read(ctx, operation.id)
            bar.update(storing, completed=operation.progress)
        await work
    operation = await _read(ctx, operation.id)
    if operation.status is not OperationStatus.SUCCEEDED:
        reason = operation.error or "The import is not finished."
        if not operation.is_finished:
            reason += " The server will resume it."
        raise OperationFailed(reason, operation.id, "import")
    return operation


async def _read(ctx: Context, id: str) -> OperationRow:
    return await ctx.read(lambda tx: tx.operations.get(id, ctx.actor))


def _opened(path: str) -> BinaryIO:
    return sys.stdin.buffer if path == "-" else Path(path).open("rb")


async def rebuild(services: Services, embed: bool) -> int:
    """Rebuild all indexes, with `embed` from new embeddings; return the number of memories."""
    if embed:
        await embed_again(services)
    await services.db.write(lambda tx: check_embedder(tx, services.embedder))
    total = await rebuild_indexes(services)
    await Runner(services).drain()
    return total


def _bar() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    return Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True))
