"""The commands of `server.py`, and its errors: one line that says what to repair."""

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from harness.process import ROOT, Place, Process, run_command
from harness.settings import settings_for
from resolvers.tenancy.bootstrap import StartError
from server import listen

VIEWER = "{ viewer { account { email } } }"
ADD = """
mutation ($messages: [MessageInput!]!) {
  addMemories(input: {infer: false, userId: "alice", messages: $messages}) {
    memories { id } userErrors { message }
  }
}
"""
SEARCH = """
query ($query: String!) {
  searchMemories(query: $query, topK: 1) { hits { memory { text } score } }
}
"""
COMMANDS = (
    *("serve", "worker", "migrate", "create-api-key", "reindex", "import", "export"),
    "export-schema",
)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder from which all commands run."""
    return tmp_path_factory.mktemp("command_line")


@pytest.fixture(scope="module")
def server(home: Path) -> Iterator[Process]:
    """A server on the folder `data`."""
    with Process(home / "data", warm=True) as process:
        yield process


# ---------------------------------------------------------------- refusals


@dataclass(frozen=True)
class Refusal:
    """Invalid settings, and the words that the error line must contain."""

    case: str
    settings: dict[str, Any]
    words: tuple[str, ...]
    command: str = "serve"


SECRET = "a-secret-that-nobody-may-read"
NOWHERE = "/proc/mnemograph"  # Not even root can make a folder there.

REFUSALS = (
    Refusal("port that is no number", {"port": "abc"}, ("MNEMOGRAPH_PORT",)),
    Refusal("port too high", {"port": 99999}, ("MNEMOGRAPH_PORT", "65535")),
    Refusal("port in use", {"port": "{port}"}, ("MNEMOGRAPH_PORT", "127.0.0.1:{port}")),
    Refusal("host of others", {"host": "192.0.2.1"}, ("MNEMOGRAPH_HOST", "192.0.2.1")),
    Refusal(
        "unknown environment",
        {"environment": "staging"},
        ("MNEMOGRAPH_ENVIRONMENT", "'development' or 'production'"),
    ),
    Refusal("unknown log level", {"log_level": "loud"}, ("MNEMOGRAPH_LOG_LEVEL", "'debug'")),
    Refusal(
        "key too short", {"bootstrap_api_key": SECRET[:23]}, ("MNEMOGRAPH_BOOTSTRAP_API_KEY", "24")
    ),
    Refusal("pepper too short", {"pepper": SECRET[:23]}, ("MNEMOGRAPH_PEPPER", "24")),
    Refusal(
        "no e-mail address", {"bootstrap_email": "nonsense"}, ("MNEMOGRAPH_BOOTSTRAP_EMAIL", "@")
    ),
    Refusal(
        "database of another kind",
        {"database_url": f"mysql://me:{SECRET}@127.0.0.1/x"},
        ("MNEMOGRAPH_DATABASE_URL",),
    ),
    Refusal(
        "database URL that is none",
        {"database_url": f"postgresql://me:{SECRET}@127.0.0.1:port/x"},
        ("MNEMOGRAPH_DATABASE_URL",),
    ),
    Refusal(
        "database that does not answer",
        {"database_url": f"postgresql://me:{SECRET}@127.0.0.1:1/x"},
        ("MNEMOGRAPH_DATABASE_URL", "127.0.0.1:1/x", "refused"),
    ),
    Refusal(
        "database file in no folder",
        {"database_url": f"sqlite:///{NOWHERE}/x.db"},
        ("MNEMOGRAPH_DATABASE_URL", NOWHERE),
    ),
    Refusal("database that is none", {"data_dir": "scrambled"}, ("scrambled/mnemograph.db",)),
    Refusal("database of a later version", {"data_dir": "later"}, ("ffff", "newer")),
    Refusal(
        "another pepper", {"data_dir": "seed", "pepper": SECRET}, ("MNEMOGRAPH_PEPPER", "pepper")
    ),
    Refusal("pepper lost", {"data_dir": "unpeppered"}, ("MNEMOGRAPH_PEPPER", "restore")),
    Refusal(
        "another embedder",
        {"data_dir": "embedded"},
        ("another (3 dimensions)", "all-MiniLM-L6-v2", "reindex --embed"),
    ),
    Refusal("index that is none", {"data_dir": "unindexed"}, ("unindexed/chroma",)),
    Refusal(
        "Chroma that does not answer",
        {"chroma_url": "http://127.0.0.1:1"},
        ("MNEMOGRAPH_CHROMA_URL", "http://127.0.0.1:1"),
    ),
    Refusal(
        "Chroma URL that is none",
        {"chroma_url": "http://127.0.0.1:port"},
        ("MNEMOGRAPH_CHROMA_URL", "http://127.0.0.1:port"),
    ),
    Refusal(
        "data directory in use",
        {"data_dir": "data"},
        ("already in use by process {pid}", "MNEMOGRAPH_CHROMA_URL"),
    ),
    Refusal("data directory that is a file", {"data_dir": "file"}, ("MNEMOGRAPH_DATA_DIR", "file")),
    Refusal("data directory in no folder", {"data_dir": NOWHERE}, ("MNEMOGRAPH_DATA_DIR", NOWHERE)),
    Refusal("worker beside a server", {"data_dir": "data"}, ("MNEMOGRAPH_CHROMA_URL",), "worker"),
    # Such a worker would run the server's index jobs on an index that the server does not use.
    Refusal(
        "worker with an index of its own",
        {"database_url": "sqlite:///data/mnemograph.db", "pepper": "{pepper}"},
        ("MNEMOGRAPH_CHROMA_URL",),
        "worker",
    ),
    Refusal("reindexing beside a server", {"data_dir": "data"}, ("in use",), "reindex"),
    Refusal("migrating with a wrong port", {"port": "abc"}, ("MNEMOGRAPH_PORT",), "migrate"),
    Refusal("migrating a database of a later version", {"data_dir": "later"}, ("ffff",), "migrate"),
)


def make_broken_places(home: Path) -> None:
    """Create the folders that the invalid settings refer to."""
    (home / "file").touch()
    (home / "scrambled").mkdir()
    (home / "scrambled" / "mnemograph.db").write_bytes(b"no database" * 1000)
    assert run_command(home, "create-api-key", data_dir="seed").returncode == 0
    for name in ("later", "unpeppered", "embedded", "unindexed"):
        shutil.copytree(home / "seed", home / name)
    sql(home / "later", "UPDATE alembic_version SET version_num = 'ffff'")
    (home / "unpeppered" / "pepper").unlink()
    sql(
        home / "embedded",
        "INSERT INTO server_state (key, value) VALUES ('embedder', 'another (3 dimensions)')",
    )
    (home / "unindexed" / "chroma").mkdir()
    (home / "unindexed" / "chroma" / "chroma.sqlite3").write_bytes(b"no index" * 1000)


def sql(data_dir: Path, statement: str) -> list[tuple[Any, ...]]:
    return Place(data_dir, f"sqlite:///{data_dir}/mnemograph.db").sql(statement)


@dataclass(frozen=True)
class Refused:
    """The result of a command with invalid settings, and the words its error must contain."""

    ended: subprocess.CompletedProcess[str]
    words: list[str]


@pytest.fixture(scope="module")
def refused(home: Path, server: Process) -> dict[str, Refused]:
    """The results of all refusals; the commands run in parallel, because they start slowly."""
    make_broken_places(home)
    facts = {
        "port": server.url.rsplit(":", 1)[1],
        "pid": (home / "data" / "lock").read_text(),
        "pepper": (home / "data" / "pepper").read_text(),
    }

    def run(refusal: Refusal) -> Refused:
        settings = {"port": 0, "data_dir": f"none-{REFUSALS.index(refusal)}", **refusal.settings}
        for name, value in settings.items():
            settings[name] = str(value).format(**facts)
        ended = run_command(home, refusal.command, seconds=30, **settings)
        return Refused(ended, [word.format(**facts) for word in refusal.words])

    with ThreadPoolExecutor(3) as pool:
        return dict(zip((each.case for each in REFUSALS), pool.map(run, REFUSALS), strict=True))


@pytest.mark.parametrize("case", [refusal.case for refusal in REFUSALS])
def test_a_failed_start_prints_one_line(refused: dict[str, Refused], case: str) -> None:
    ended, words = refused[case].ended, refused[case].words
    assert ended.stderr.startswith("mnemograph: ")
    assert len(ended.stderr.splitlines()) == 1
    assert [word for word in words if word not in ended.stderr] == []
    assert SECRET[:23] not in ended.stderr
    assert ended.stdout == ""
    assert ended.returncode == 1


def test_a_failed_start_changes_nothing(home: Path, refused: dict[str, Refused]) -> None:
    assert (home / "file").read_bytes() == b""
    assert (home / "scrambled" / "mnemograph.db").read_bytes() == b"no database" * 1000
    assert sql(home / "later", "SELECT version_num FROM alembic_version") == [("ffff",)]
    embedder = "SELECT value FROM server_state WHERE key = 'embedder'"
    assert sql(home / "embedded", embedder) == [("another (3 dimensions)",)]


def test_two_simultaneous_servers_cannot_share_a_port(tmp_path: Path) -> None:
    with ExitStack() as stack:
        taken = stack.enter_context(listen(settings_for(tmp_path, port=0)))
        with pytest.raises(StartError, match="MNEMOGRAPH_PORT"):
            stack.enter_context(listen(settings_for(tmp_path, port=taken.getsockname()[1])))


# ---------------------------------------------------------------- settings in a file


def test_environment_variables_override_the_env_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("MNEMOGRAPH_DATA_DIR=from-file\nMNEMOGRAPH_PORT=abc\nOTHER=1\n")
    refused = run_command(tmp_path, "migrate")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "MNEMOGRAPH_PORT" in refused.stderr
    assert run_command(tmp_path, "migrate", port=0).returncode == 0
    assert (tmp_path / "from-file" / "mnemograph.db").is_file()


# ---------------------------------------------------------------- commands


def test_help_names_every_command(home: Path) -> None:
    command = [sys.executable, str(ROOT / "server.py"), "--help"]
    ended = subprocess.run(command, cwd=home, capture_output=True, text=True)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert [command for command in COMMANDS if f" {command} " not in ended.stdout] == []


def test_an_unknown_command_is_rejected(home: Path) -> None:
    ended = run_command(home, "fly")
    assert ended.returncode == 2
    assert "No such command 'fly'" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_export_schema_prints_the_committed_contract(home: Path) -> None:
    contract = (ROOT / "schema" / "schema.graphql").read_text()
    ended = run_command(home, "export-schema")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == contract
    ended = run_command(home, "export-schema", "--output", "contract.graphql")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
    assert (home / "contract.graphql").read_text() == contract


def test_migrate_makes_an_empty_database_and_may_be_repeated(tmp_path: Path) -> None:
    for _ in range(2):
        ended = run_command(tmp_path, "migrate", database_url="sqlite:///deep/down/new.db")
        assert (ended.returncode, ended.stdout) == (0, "The database is up to date.\n")
        assert ended.stderr == ""
    with closing(sqlite3.connect(tmp_path / "deep" / "down" / "new.db")) as database:
        tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master")}
    assert {"memories", "history", "jobs", "alembic_version"} <= tables


def test_create_api_key_beside_a_running_server(home: Path, server: Process) -> None:
    def made(*options: str) -> str:
        ended = run_command(home, "create-api-key", *options, data_dir="data")
        assert (ended.returncode, ended.stderr) == (0, "")
        (line,) = ended.stdout.splitlines()
        return line

    def email(key: str) -> str:
        return server.post(VIEWER, key=key).json()["data"]["viewer"]["account"]["email"]

    assert email(made()) == "admin@localhost"
    assert email(made("--email", "Somebody@Example.com")) == "somebody@example.com"
    reading = made("--name", "For reading", "--permission", "READ")
    hello = [{"role": "user", "content": "hello"}]
    (error,) = server.post(
        "mutation ($messages: [MessageInput!]!) { addMemories(input: {infer: false, "
        'userId: "alice", messages: $messages}) { userErrors { code } } }',
        key=reading,
        messages=hello,
    ).json()["data"]["addMemories"]["userErrors"]
    assert error == {"code": "FORBIDDEN"}


@pytest.mark.parametrize(
    ("options", "code", "word"),
    [
        (["--email", "nonsense"], 1, "email: "),
        (["--name", ""], 1, "name: "),
        (["--permission", "ROOT"], 2, "'ROOT'"),
    ],
    ids=["email", "name", "permission"],
)
def test_create_api_key_refuses(home: Path, options: list[str], code: int, word: str) -> None:
    ended = run_command(home, "create-api-key", *options, data_dir="unused")
    assert (ended.returncode, ended.stdout) == (code, "")
    assert word in ended.stderr
    assert "Traceback" not in ended.stderr


def test_reindex_rebuilds_and_embeds_again(tmp_path: Path) -> None:
    place = Place(tmp_path / "data", f"sqlite:///{tmp_path}/data/mnemograph.db")
    texts = [f"The number {n} is here" for n in range(50)]
    with place.start(warm=True) as server:
        server.do(ADD, messages=[{"role": "user", "content": text} for text in texts])
        server.stop()

    shutil.rmtree(tmp_path / "data" / "chroma")
    ended = run_command(tmp_path, "reindex", data_dir="data")
    assert (ended.returncode, ended.stdout) == (0, "Indexed 50 memories.\n")
    assert place.one("SELECT count(*) FROM jobs") == 0

    place.sql("UPDATE server_state SET value = 'another (3 dimensions)' WHERE key = 'embedder'")
    place.sql("UPDATE memory_vectors SET model = 'another', vector = zeroblob(12)")
    refused = run_command(tmp_path, "reindex", data_dir="data")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "reindex --embed" in refused.stderr
    ended = run_command(tmp_path, "reindex", "--embed", data_dir="data")
    assert (ended.returncode, ended.stdout) == (0, "Indexed 50 memories.\n")
    assert place.sql("SELECT DISTINCT model FROM memory_vectors") == [("all-MiniLM-L6-v2",)]

    place.inflate_memory_counts()
    with place.start(warm=True) as server:
        (hit,) = server.ask(SEARCH, query=texts[7])["searchMemories"]["hits"]
        assert hit["memory"] == {"text": texts[7]}
