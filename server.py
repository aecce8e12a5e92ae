"""The composition root and the command line: they build a running server from the settings.

Only this module imports every package. An error that prevents the start is printed in one line, and
the exit code is 1.
"""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import structlog
import typer
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles

from commands import VersionOption, export_project, import_file, rebuild
from core.access import ApiKeyPermission
from core.errors import AppError
from core.ids import now
from core.paging import Cursors
from core.settings import Environment, Settings
from core.validation import check_text
from logs import RequestLog, configure_logging
from protection import KnownHosts, SecurityHeaders
from providers.base import ProviderError
from providers.models import make_models
from resolvers.context import Services
from resolvers.memories.embedding import renew_keywords
from resolvers.runtime.connections import LiveConnections
from resolvers.runtime.feeds import Feeds
from resolvers.runtime.notifications import Notifications
from resolvers.runtime.pending import Pending
from resolvers.runtime.rates import Rates
from resolvers.runtime.refusals import Refusals
from resolvers.runtime.search_cache import SearchCache
from resolvers.runtime.search_recorder import SearchRecorder
from resolvers.runtime.slots import Slots
from resolvers.runtime.token_cache import TokenCache
from resolvers.runtime.usage_recorder import UsageRecorder
from resolvers.tenancy.bootstrap import (
    StartError,
    bootstrap,
    check_embedder,
    check_pepper,
    issue_key,
)
from resolvers.tenancy.emails import check_email
from rest import app as rest
from rest.health import health_routes
from schema.contract import print_schema
from schema.transport.credentials import Origins
from schema.transport.graphiql import page
from schema.transport.http import GraphQLEndpoint
from schema.transport.live import Live
from schema.transport.websocket import WebSocketEndpoint
from serving import listen, run
from storage.database import Database, DatabaseUnavailable, check_reachable
from storage.lock import DataDirUnavailable, lock_data_dir
from storage.migrate import DatabaseTooNew, migrate
from storage.pepper import load_or_create_pepper
from storage.search.chroma import IndexUnavailable, VectorIndex
from workers.runner import running_workers

log = structlog.get_logger(__name__)

HERE = Path(__file__).parent
ASSETS = HERE / "assets"
NO_CHAT_MODEL = (
    "No chat model is configured (MNEMOGRAPH_CHAT_MODEL): local rules extract memories from "
    "conversations. They keep people's own words and cannot follow custom instructions."
)
_EXPECTED = (
    DatabaseUnavailable,
    DatabaseTooNew,
    DataDirUnavailable,
    IndexUnavailable,
    ProviderError,
    StartError,
)


def pepper_of(settings: Settings) -> bytes:
    """Return the pepper of the settings, or that of the data directory, created if missing."""
    if settings.pepper is not None:
        return settings.pepper.get_secret_value().encode()
    return load_or_create_pepper(settings.data_dir)


def open_database(settings: Settings) -> Database:
    """Return the migrated database.

    Raises `DatabaseUnavailable` if it cannot be reached, and `DatabaseTooNew` if a newer version
    has migrated it.
    """
    database = Database(settings.sql_url)
    check_reachable(database)
    migrate(database)
    return database


@contextlib.contextmanager
def open_services(settings: Settings) -> Iterator[Services]:
    """Yield the services of a process, and close them in reverse order at the end."""
    with contextlib.ExitStack() as stack:
        if settings.chroma_url is None:
            stack.enter_context(lock_data_dir(settings.data_dir))
        database = open_database(settings)
        stack.callback(database.close)
        pepper = pepper_of(settings)
        database.write_now(lambda tx: check_pepper(tx, pepper))
        if settings.chroma_url is not None:
            index = VectorIndex(url=settings.chroma_url)
        else:
            index = VectorIndex(path=settings.data_dir / "chroma")
        stack.callback(index.close)
        models = make_models(settings)
        stack.callback(models.close)
        embedder = models.embedder
        days = settings.history_retention_days
        cache_bytes = settings.search_cache_mb * 2**20
        notifications = Notifications()
        database.on_commit(notifications.notify_commit)
        yield Services(
            db=database,
            index=index,
            embedder=embedder,
            extractor=models.extractor,
            shaper=models.shaper,
            cursors=Cursors(pepper),
            pepper=pepper,
            allowed_hosts=frozenset(settings.private_hosts),
            search_cache=SearchCache(
                embedder.dimension, cache_bytes, cache_bytes // 4, embedder.known_share
            ),
            token_cache=TokenCache(models.reader, cache_bytes // 4),
            usage_recorder=UsageRecorder(database, now),
            search_recorder=SearchRecorder(database),
            ingest_limit=settings.ingest_limit,
            invitation_lifetime=timedelta(days=settings.invitation_days),
            retention=None if days is None else timedelta(days=days),
            notifications=notifications,
            feeds=Feeds(database, notifications),
            connections=LiveConnections(database, now, settings.live_limit, settings),
            limits=settings,
            rates=Rates(settings, enabled=settings.limits_rates),
            slots=Slots(settings),
            pending=Pending(settings),
            refusals=Refusals(),
            suggests=settings.environment is Environment.DEVELOPMENT,
        )


def create_app(services: Services, settings: Settings) -> Starlette:
    """Return the ASGI application; its lifespan runs the workers."""

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with running_workers(services):
            yield

    development = settings.environment is Environment.DEVELOPMENT
    html = page(ASSETS) if development else None
    origins, operations = Origins(settings.origins, loopback=development), Live(services)
    routes: list[BaseRoute] = [
        *health_routes(services),
        Route("/graphql", GraphQLEndpoint(operations, html)),
        WebSocketRoute("/graphql", WebSocketEndpoint(operations, origins)),
        *rest.routes(services, is_open=development),
    ]
    if html is not None and ASSETS.is_dir():
        routes.insert(0, Mount("/graphql/assets", StaticFiles(directory=ASSETS)))
    hosts = Middleware(KnownHosts, settings.hosts, loopback=settings.is_local)
    cors = Middleware(CORSMiddleware, **origins.cors)
    middleware = [Middleware(RequestLog), Middleware(SecurityHeaders), hosts, cors]
    return Starlette(routes=routes, lifespan=lifespan, middleware=middleware)


def first_start(services: Services, settings: Settings) -> list[str]:
    """Create the first API key if there is none; return the lines to print about it."""
    secret = settings.bootstrap_api_key.get_secret_value() if settings.bootstrap_api_key else None
    email = check_email(settings.bootstrap_email, "MNEMOGRAPH_BOOTSTRAP_EMAIL")
    created = services.db.write_now(
        lambda tx: bootstrap(tx, email, secret, services.pepper, services.clock())
    )
    if created is None:
        return []
    shown = "the one in MNEMOGRAPH_BOOTSTRAP_API_KEY" if secret else created.secret
    return [
        f"Created account {created.email} with an organization and a project, both named Default.",
        f"API key, shown this once: {shown}",
    ]


cli = typer.Typer(
    help="Mnemograph, the memory server for AI agents.",
    pretty_exceptions_enable=False,
    add_completion=False,
)


@contextlib.contextmanager
def errors_in_one_line() -> Iterator[None]:
    """Print an expected error in one line and exit with code 1."""
    try:
        yield
    except ValidationError as error:
        problems = (
            f"MNEMOGRAPH_{'_'.join(str(at) for at in problem['loc']).upper()}: {problem['msg']}"
            for problem in error.errors()
        )
        fail("; ".join(problems))
    except AppError as error:
        fail(f"{'.'.join(error.path)}: {error.message}")
    except _EXPECTED as error:
        fail(str(error))
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}")


def fail(message: str) -> None:
    """Print a line to standard error and exit with code 1."""
    typer.echo(f"mnemograph: {message}", err=True)
    raise typer.Exit(1)


@cli.callback(invoke_without_command=True)
def default(context: typer.Context, version: VersionOption = False) -> None:
    """Run `serve` if no command is named."""
    if context.invoked_subcommand is None:
        serve()


@cli.command()
def serve() -> None:
    """Migrate the database, create the first API key if there is none, and start the server."""
    with errors_in_one_line():
        settings = Settings()
        configure_logging(settings)
        with listen(settings) as sock, open_services(settings) as services:
            services.db.write_now(lambda tx: check_embedder(tx, services.embedder))
            asyncio.run(renew_keywords(services))
            lines = [NO_CHAT_MODEL] if settings.chat_model is None else []
            lines += first_start(services, settings)
            host = f"[{settings.host}]" if ":" in settings.host else settings.host
            typer.echo(f"Mnemograph: http://{host}:{sock.getsockname()[1]}/graphql")
            for line in lines:
                typer.echo(line)
            run(create_app(services, settings), sock, services)


@cli.command()
def worker() -> None:
    """Run background jobs in a separate process; this requires a Chroma server."""
    with errors_in_one_line():
        settings = Settings()
        configure_logging(settings)
        if settings.chroma_url is None:
            raise StartError(
                "A worker must share a Chroma server with the servers: set MNEMOGRAPH_CHROMA_URL. "
                "Without a Chroma server, the server itself runs all background jobs."
            )
        with open_services(settings) as services:
            services.db.write_now(lambda tx: check_embedder(tx, services.embedder))
            asyncio.run(work_until_stopped(services))


async def work_until_stopped(services: Services) -> None:
    """Run the workers until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with running_workers(services):
        typer.echo("Mnemograph: the worker is running.")
        await stop.wait()


@cli.command("migrate")
def migrate_command() -> None:
    """Migrate the database to the tables of this version."""
    with errors_in_one_line():
        settings = Settings()
        database = open_database(settings)
        database.close()
        typer.echo("The database is up to date.")


@cli.command()
def create_api_key(
    email: Annotated[
        str | None,
        typer.Option(help="The e-mail address of the account; by default the first account."),
    ] = None,
    name: Annotated[str, typer.Option(help="The name of the key.")] = "Command line",
    permission: Annotated[
        ApiKeyPermission, typer.Option(help="The permission of the key.")
    ] = ApiKeyPermission.ADMIN,
) -> None:
    """Create an API key and print it; an e-mail address without an account gets one."""
    with errors_in_one_line():
        settings = Settings()
        address = check_email(email or settings.bootstrap_email, "email")
        check_text(name, "name")
        pepper = pepper_of(settings)
        database = open_database(settings)
        database.write_now(lambda tx: check_pepper(tx, pepper))
        secret = database.write_now(
            lambda tx: issue_key(tx, address, name, permission, pepper, now())
        )
        database.close()
        typer.echo(secret)


@cli.command()
def reindex(
    embed: Annotated[
        bool,
        typer.Option("--embed", help="Also recompute all embeddings with the configured model."),
    ] = False,
) -> None:
    """Rebuild the vector index from the database. Searches stay complete during the rebuild."""
    with errors_in_one_line():
        settings = Settings()
        configure_logging(settings)
        with open_services(settings) as services:
            total = asyncio.run(rebuild(services, embed))
            typer.echo(f"Indexed {total:,} memories.")


@cli.command("import")
def import_command(
    file: Annotated[
        str,
        typer.Argument(help="An export, a .json file from mem0, or - for standard input."),
    ],
    project: Annotated[
        str | None,
        typer.Option(help="The project's id; by default the first account's first project."),
    ] = None,
) -> None:
    """Import memories from a file. To import into a running server, POST the file to it."""
    with errors_in_one_line():
        settings = Settings()
        configure_logging(settings)
        email = check_email(settings.bootstrap_email, "MNEMOGRAPH_BOOTSTRAP_EMAIL")
        try:
            with open_services(settings) as services:
                services.db.write_now(lambda tx: check_embedder(tx, services.embedder))
                operation = asyncio.run(import_file(services, email, project, file))
        except DataDirUnavailable as error:
            fail(f"{error} To import into a running server, POST the file to /projects/ID/import.")
        typer.echo(" ".join(operation.notes))


@cli.command()
def export(
    project: Annotated[
        str | None,
        typer.Option(help="The project's id; by default the first account's first project."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="The file to write; by default, or for -, standard output.")
    ] = None,
    history: Annotated[
        bool, typer.Option("--history", help="Include the history, also that of deleted memories.")
    ] = False,
) -> None:
    """Export all memories of a project as JSON Lines. A server may be running."""
    with errors_in_one_line():
        settings = Settings()
        configure_logging(settings)
        email = check_email(settings.bootstrap_email, "MNEMOGRAPH_BOOTSTRAP_EMAIL")
        database = open_database(settings)
        total = asyncio.run(export_project(database, email, project, output, history))
        database.close()
        typer.echo(f"Exported {total:,} memories.", err=True)


@cli.command()
def export_schema(
    output: Annotated[
        Path | None, typer.Option(help="The file to write; by default standard output.")
    ] = None,
) -> None:
    """Print the GraphQL schema."""
    if output is None:
        typer.echo(print_schema(), nl=False)
    else:
        output.write_text(print_schema())


if __name__ == "__main__":
    cli()
