"""The import rules of the packages, and the limits on the sizes of files and folders.

Imports are read with `ast` anywhere in a file. An import inside a function or under `TYPE_CHECKING`
couples two files like any other import.
"""

import ast
import functools
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LONGEST_FILE = 400
LARGEST_FOLDER = 25

# A layer may import the layers before it. The members of one layer may not import each other.
LAYERS = [
    {"core"},
    {"language"},
    {"storage", "providers", "ranking"},
    {"resolvers"},
    {"schema", "rest", "workers"},
    {"server"},
]
# Modules outside the layers: what each may import, and what may import it.
OUTSIDE_LAYERS = {
    "logs": ({"core"}, {"server"}),
    "connections": ({"core", "resolvers"}, {"serving"}),
    "protection": ({"core"}, {"server"}),
    "serving": ({"connections", "core", "resolvers"}, {"server"}),
    "commands": ({"core", "storage", "resolvers", "workers"}, {"server"}),
}

# The packages that may import a third-party library.
FENCES = {
    "strawberry": {"schema"},
    "starlette": {"schema", "rest", "server", "serving", "protection", "logs"},
    "uvicorn": {"connections", "serving"},
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
    "json_repair": {"providers"},
}

# Inside a layer, a package or module may import those in earlier sets, but none in its own set. A
# layer that is not listed has no packages.
PACKAGE_ORDER: dict[str, list[set[str]]] = {
    "core": [
        {
            "api_keys",
            "audit",
            "categories",
            "enums",
            "errors",
            "events",
            "ids",
            "json_bodies",
            "text_forms",
        },
        {"limits"},
        {"settings", "timestamps", "turn", "version", "webhook_secrets"},
        {"access", "entity_names", "outgoing_urls", "paging", "validation", "webhook_events"},
        {"exchange", "filters", "json_schemas"},
        {"mentions", "schema_fields"},
    ],
    "language": [
        {
            "concept_words",
            "dates",
            "folding",
            "generalities",
            "places",
            "query_intent",
            "recalled",
            "sentences",
            "terms",
        },
        {"concepts", "details", "names", "outline", "saying_phrases", "signs", "states", "values"},
        {"foreign_words", "loose_terms", "request_phrases"},
        {"claims", "likeness", "sayings"},
        {"answers", "asides"},
    ],
    "providers": [
        {"base", "dates", "extraction", "json_values", "prompts", "shaping"},
        {"completions", "fact_shapes", "prompt_echoes"},
        {"categories", "minilm", "openai", "questions", "replies"},
        {"foreign", "request_options"},
        {"keeping_rules"},
        {"answers", "fact_drafts", "utterances"},
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
        {"enums", "execution", "prices", "scalars"},
        {"base"},
        {"arguments", "connection"},
        {"types"},
        {"mutations"},
        {"subscriptions"},
        {"contract"},
        {"documents"},
        {"transport"},
    ],
    "rest": [
        {"answers"},
        {"exports", "framework", "health", "imports"},
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
APPLICATION = {*RANKS, *OUTSIDE_LAYERS}
# The code that is not part of the application: what each package may import of the others.
TOOLS: dict[str, set[str]] = {
    "harness": set(),
    "benchmarks": {"harness"},
    "supply_chain": set(),
    "tests": {"benchmarks", "harness", "supply_chain"},
}
# Libraries that only tests may import, because they are installed for tests alone.
TEST_LIBRARIES = {
    "_pytest",
    "allpairspy",
    "gql",
    "hypothesis",
    "hypothesis_graphql",
    "openapi_spec_validator",
    "pytest",
    "pytest_asyncio",
    "requests",
    "schemathesis",
    "selenium",
    "xdist",
}


def sources() -> list[Path]:
    """Return the files of the application, without tests, benchmarks and their harness."""
    packages = [path for name in APPLICATION for path in sorted((ROOT / name).rglob("*.py"))]
    modules = [ROOT / f"{name}.py" for name in APPLICATION if (ROOT / f"{name}.py").exists()]
    return packages + modules


def tool_sources() -> list[Path]:
    """Return the files of the tests, the benchmarks and their harness."""
    return [path for name in TOOLS for path in sorted((ROOT / name).rglob("*.py"))]


def owner_of(path: Path) -> str:
    """Return the name of the package that contains a file, or of the file's module."""
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


@functools.cache
def imports_of(path: Path) -> list[tuple[str, int]]:
    """Return the top-level packages that a file imports from, each with the line."""
    return list(_imports_of(path))


def _imports_of(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name.split(".")[0], node.lineno
        elif isinstance(node, ast.ImportFrom):
            # A relative import stays inside the package of its file.
            yield owner_of(path) if node.level else str(node.module).split(".")[0], node.lineno


def allowed(importer: str, imported: str) -> bool:
    """Return whether one package of the application may import another."""
    if importer == imported:
        return True
    if importer in OUTSIDE_LAYERS:
        return imported in OUTSIDE_LAYERS[importer][0]
    if imported in OUTSIDE_LAYERS:
        return importer in OUTSIDE_LAYERS[imported][1]
    return RANKS[imported] < RANKS[importer]


def test_the_import_rule_matches_the_design() -> None:
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


@pytest.mark.parametrize("name", sorted(APPLICATION))
def test_every_package_is_checked(name: str) -> None:
    assert [path for path in sources() if owner_of(path) == name]


def test_layers_import_only_earlier_layers() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {imported}"
        for path in sources()
        for imported, line in imports_of(path)
        if imported in APPLICATION and not allowed(owner_of(path), imported)
    ]
    assert wrong == []


def test_the_application_imports_no_tests_or_benchmarks() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {imported}"
        for path in sources()
        for imported, line in imports_of(path)
        if imported in {*TOOLS, *TEST_LIBRARIES}
    ]
    assert wrong == []


def test_benchmarks_import_no_tests() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {imported}"
        for path in tool_sources()
        for imported, line in imports_of(path)
        if imported in TOOLS
        and imported != owner_of(path)
        and imported not in TOOLS[owner_of(path)]
    ]
    assert wrong == []


def test_benchmarks_need_no_test_libraries() -> None:
    paths = [path for path in tool_sources() if owner_of(path) != "tests"]
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {imported}"
        for path in paths
        for imported, line in imports_of(path)
        if imported in TEST_LIBRARIES
    ]
    assert paths
    assert wrong == []


@pytest.mark.parametrize("framework", FENCES)
def test_frameworks_stay_behind_their_fences(framework: str) -> None:
    users = {path for path in sources() if framework in dict(imports_of(path))}
    outside = [path for path in users if owner_of(path) not in FENCES[framework]]
    assert [str(path.relative_to(ROOT)) for path in outside] == []
    assert users, f"no file imports {framework}: is the fence still needed?"


def test_no_file_is_longer_than_400_lines() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in sources() + tool_sources()
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > LONGEST_FILE
    }
    assert long == {}


def unit_of(parts: tuple[str, ...]) -> str:
    """Return the package or module of a layer that a path or a dotted name belongs to."""
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
    """Return the unit of each file of a layer, without the layer's own `__init__.py`."""
    files = sorted((ROOT / layer).rglob("*.py"))
    own = ROOT / layer / "__init__.py"
    return {path: unit_of(path.relative_to(ROOT).parts) for path in files if path != own}


@pytest.mark.parametrize("layer", PACKAGE_ORDER)
def test_every_unit_of_a_layer_is_in_the_order(layer: str) -> None:
    listed = [unit for rank in PACKAGE_ORDER[layer] for unit in rank]
    assert sorted(listed) == sorted(set(units_of(layer).values()))


@pytest.mark.parametrize("layer", PACKAGE_ORDER)
def test_units_of_a_layer_import_only_earlier_units(layer: str) -> None:
    place = {unit: at for at, units in enumerate(PACKAGE_ORDER[layer]) for unit in units}
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {imported}"
        for path, unit in units_of(layer).items()
        for imported, line in units_imported(path, layer)
        if imported != unit and place[imported] >= place[unit]
    ]
    assert wrong == []


def test_a_layer_with_packages_has_an_order() -> None:
    layers = {
        path.parent.parent.name for name in APPLICATION for path in (ROOT / name).glob("*/*.py")
    }
    assert layers <= set(PACKAGE_ORDER)


def test_package_files_contain_only_a_docstring() -> None:
    wrong = []
    for name in APPLICATION:
        for path in (ROOT / name).rglob("*.py"):
            if not (path.parent / "__init__.py").exists() and "migrations" not in path.parts:
                wrong.append(f"{path.parent.relative_to(ROOT)} has no __init__.py")
        for path in (ROOT / name).rglob("__init__.py"):
            tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
            if not ast.get_docstring(tree) or len(tree.body) > 1:
                wrong.append(f"{path.relative_to(ROOT)} must contain a docstring and nothing else")
    assert wrong == []


def test_no_folder_has_more_than_25_files() -> None:
    folders: dict[str, int] = {}
    tools = [path for path in tool_sources() if owner_of(path) != "tests"]
    for path in sources() + tools:
        if path.parent != ROOT:
            folder = str(path.parent.relative_to(ROOT))
            folders[folder] = folders.get(folder, 0) + 1
    assert {name: count for name, count in folders.items() if count > LARGEST_FOLDER} == {}
