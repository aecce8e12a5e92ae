"""Who may import whom, and what must stay behind its fence.

Imports are read with `ast`, wherever in a file they stand: one inside a function, or for the type
checker alone, ties two files together just the same.
"""

import ast
import functools
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LONGEST_FILE = 400

# Each layer may import those before it; the members of one layer never meet.
LAYERS = [
    {"core"},
    {"language"},
    {"storage", "providers", "ranking"},
    {"resolvers"},
    {"schema", "rest", "workers"},
    {"server"},
]
# What stands beside the layers: what it may import, and who may import it.
BESIDE = {
    "logs": ({"core"}, {"server"}),
    "serving": ({"core", "resolvers"}, {"server"}),
    "commands": ({"core", "storage", "resolvers", "workers"}, {"server"}),
}

FENCES = {
    "strawberry": {"schema"},
    "starlette": {"schema", "rest", "server", "serving", "logs"},
    "uvicorn": {"serving"},
    "psycopg": {"storage"},
    "sqlalchemy": {"storage"},
    "sqlmodel": {"storage"},
    "alembic": {"storage"},
    "chromadb": {"storage"},
    "httpcore": {"workers"},
    "jsonschema": {"core"},
    "referencing": {"core"},
    "Stemmer": {"language"},
    "ijson": {"core"},
    "rich": {"commands"},
}

RANKS = {name: rank for rank, layer in enumerate(LAYERS) for name in layer}
OURS = {*RANKS, *BESIDE}


def sources() -> list[Path]:
    """Return the files of the application, tests and benchmarks left out."""
    packages = [path for name in OURS for path in sorted((ROOT / name).rglob("*.py"))]
    modules = [ROOT / f"{name}.py" for name in OURS if (ROOT / f"{name}.py").exists()]
    return packages + modules


def owner_of(path: Path) -> str:
    """Return the package a file belongs to, or the module it is."""
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


@functools.cache
def imports_of(path: Path) -> list[tuple[str, int]]:
    """Return each top-level name that a file imports from, with the line."""
    return list(_imports_of(path))


def _imports_of(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name.split(".")[0], node.lineno
        elif isinstance(node, ast.ImportFrom):
            # A relative import stays in its package here, for packages have one level of names.
            yield owner_of(path) if node.level else str(node.module).split(".")[0], node.lineno


def allowed(importer: str, imported: str) -> bool:
    """Tell whether the import rule lets one of ours import another."""
    if importer == imported:
        return True
    if importer in BESIDE:
        return imported in BESIDE[importer][0]
    if imported in BESIDE:
        return importer in BESIDE[imported][1]
    return RANKS[imported] < RANKS[importer]


def test_the_rule_is_the_one_of_the_design() -> None:
    order = ["core", "storage", "resolvers", "schema", "server"]
    for position, name in enumerate(order):
        assert [other for other in order if allowed(name, other)] == order[: position + 1]
    for left, right in (
        ("storage", "providers"),
        ("storage", "ranking"),
        ("schema", "rest"),
        ("schema", "workers"),
    ):
        assert not allowed(left, right)
        assert not allowed(right, left)


@pytest.mark.parametrize("name", sorted(OURS))
def test_every_part_is_looked_at(name: str) -> None:
    assert [path for path in sources() if owner_of(path) == name]


def test_arrows_never_turn_back_and_siblings_never_meet() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {imported}"
        for path in sources()
        for imported, line in imports_of(path)
        if imported in OURS and not allowed(owner_of(path), imported)
    ]
    assert wrong == []


def test_nothing_of_the_application_needs_its_tests() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {imported}"
        for path in sources()
        for imported, line in imports_of(path)
        if imported in {"tests", "benchmarks", "pytest"}
    ]
    assert wrong == []


@pytest.mark.parametrize("framework", FENCES)
def test_frameworks_stay_behind_their_fences(framework: str) -> None:
    users = {path for path in sources() if framework in dict(imports_of(path))}
    outside = [path for path in users if owner_of(path) not in FENCES[framework]]
    assert [str(path.relative_to(ROOT)) for path in outside] == []
    assert users, f"nobody imports {framework}: is the fence still needed?"


def test_no_file_is_longer_than_400_lines() -> None:
    listed = [ROOT / "tests", ROOT / "benchmarks"]
    paths = sources() + [path for folder in listed for path in folder.rglob("*.py")]
    long = {
        str(path.relative_to(ROOT)): lines
        for path in paths
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > LONGEST_FILE
    }
    assert long == {}
