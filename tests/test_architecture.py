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
LARGEST_FOLDER = 25

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

# Inside a layer, each package or module may import those that stand before it, and what stands on
# one line never meets. A layer that is not listed has no packages.
PACKAGE_ORDER: dict[str, list[set[str]]] = {
    "core": [
        {"api_keys", "audit", "categories", "enums", "errors", "events", "ids"},
        {"settings", "timestamps", "turn", "version", "webhook_secrets"},
        {"access", "entity_names", "outgoing_urls", "paging", "validation", "webhook_events"},
        {"exchange", "filters", "json_schemas"},
        {"mentions", "schema_fields"},
    ],
    "language": [
        {"concept_words", "dates", "generalities", "places", "sentences", "terms"},
        {"claim_phrases", "concepts", "details", "names", "saying_phrases", "values"},
        {"claim_readers", "likeness", "sayings"},
        {"claims"},
    ],
    "providers": [
        {"base", "dates", "extraction", "prompts", "shaping"},
        {"categories", "keeping_rules", "minilm", "openai", "questions", "replies"},
        {"local", "openai_chat", "openai_embeddings"},
        {"openai_shaper"},
        {"models"},
    ],
    "storage": [
        {"errors", "lock", "pepper"},
        {"tables"},
        {"sql"},
        {"log"},
        {"webhooks"},
        {"search"},
        {"operations"},
        {"memories"},
        {"erasure"},
        {"tenancy"},
        {"exchange"},
        {"nodes", "server_state"},
        {"transaction"},
        {"database"},
        {"migrate", "pg_notify"},
        {"migrations"},
    ],
    "resolvers": [
        {"inputs", "loaders", "runtime"},
        {"context"},
        {"access", "pagination"},
        {"operations"},
        {"erasure"},
        {"tenancy"},
        {"memories"},
        {"search"},
        {"webhooks"},
        {"indexing"},
        {"ingestion"},
        {"exchange"},
        {"synthesis"},
    ],
    "schema": [
        {"enums", "scalars"},
        {"base"},
        {"arguments", "connection"},
        {"types"},
        {"mutations"},
        {"subscriptions"},
        {"contract"},
        {"transport"},
    ],
    "rest": [
        {"answers"},
        {"exports", "framework", "imports"},
        {"mem0"},
        {"app"},
    ],
    "workers": [
        {"egress", "lease", "retention"},
        {"registry", "webhooks"},
        {"runner"},
    ],
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


def unit_of(parts: tuple[str, ...]) -> str:
    """Return the package or module of a layer that a path or a dotted name leads into."""
    return parts[1].removesuffix(".py") if len(parts) > 1 else ""


def units_imported(path: Path, layer: str) -> Iterator[tuple[str, int]]:
    """Yield each unit of a layer that a file imports, with the line."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            whole = node.module == layer
            names = [f"{layer}.{a.name}" for a in node.names] if whole else [node.module]
        for name in names:
            parts = tuple(name.split("."))
            if parts[0] == layer:
                yield unit_of(parts), node.lineno


def units_of(layer: str) -> dict[Path, str]:
    """Return the unit that each file of a layer belongs to; a package's own file has none."""
    files = sorted((ROOT / layer).rglob("*.py"))
    own = ROOT / layer / "__init__.py"
    return {path: unit_of(path.relative_to(ROOT).parts) for path in files if path != own}


@pytest.mark.parametrize("layer", PACKAGE_ORDER)
def test_every_part_of_a_layer_has_its_place_in_the_order(layer: str) -> None:
    listed = [unit for rank in PACKAGE_ORDER[layer] for unit in rank]
    assert sorted(listed) == sorted(set(units_of(layer).values()))


@pytest.mark.parametrize("layer", PACKAGE_ORDER)
def test_imports_inside_a_layer_never_turn_back(layer: str) -> None:
    place = {unit: at for at, units in enumerate(PACKAGE_ORDER[layer]) for unit in units}
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {imported}"
        for path, unit in units_of(layer).items()
        for imported, line in units_imported(path, layer)
        if imported != unit and place[imported] >= place[unit]
    ]
    assert wrong == []


def test_a_layer_with_packages_has_an_order() -> None:
    layers = {path.parent.parent.name for name in OURS for path in (ROOT / name).glob("*/*.py")}
    assert layers <= set(PACKAGE_ORDER)


def test_packages_say_what_lives_in_them_and_export_nothing() -> None:
    wrong = []
    for name in OURS:
        for path in (ROOT / name).rglob("*.py"):
            if not (path.parent / "__init__.py").exists() and "migrations" not in path.parts:
                wrong.append(f"{path.parent.relative_to(ROOT)} has no __init__.py")
        for path in (ROOT / name).rglob("__init__.py"):
            tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
            if not ast.get_docstring(tree) or len(tree.body) > 1:
                wrong.append(f"{path.relative_to(ROOT)} holds more or less than a docstring")
    assert wrong == []


def test_no_folder_has_more_than_25_files() -> None:
    folders: dict[str, int] = {}
    for path in sources() + list((ROOT / "benchmarks").rglob("*.py")):
        if path.parent != ROOT:
            folder = str(path.parent.relative_to(ROOT))
            folders[folder] = folders.get(folder, 0) + 1
    assert {name: count for name, count in folders.items() if count > LARGEST_FOLDER} == {}
