"""The rules of `conftest.py`: the databases of each test, and the groups of tests."""

import pytest

from tests.conftest import group_of
from tests.support.servers.deployment import REQUIRE_ALL

CONFTEST = """
import pytest
from tests.conftest import BACKENDS, pytest_collection_modifyitems

@pytest.fixture(scope="session", params=BACKENDS)
def database(request):
    return request.param
"""
MARKED_MODULE = """
import pytest
pytestmark = pytest.mark.every_database
def test_it(database): ...
"""
MIXED_MODULE = """
import pytest

def test_plain(database): ...

@pytest.mark.every_database
def test_marked(database): ...

@pytest.mark.parametrize("who", [
    pytest.param("owner", marks=pytest.mark.every_database), "reader"
])
def test_by(database, who): ...

@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_named(kind): ...

def test_without_a_database(): ...
"""
BY_DEFAULT = {
    "test_marked_module.py::test_it[sqlite]",
    "test_marked_module.py::test_it[postgresql]",
    "test_mixed.py::test_plain[sqlite]",
    "test_mixed.py::test_marked[sqlite]",
    "test_mixed.py::test_marked[postgresql]",
    "test_mixed.py::test_by[sqlite-owner]",
    "test_mixed.py::test_by[postgresql-owner]",
    "test_mixed.py::test_by[sqlite-reader]",
    "test_mixed.py::test_named[sqlite]",
    "test_mixed.py::test_without_a_database",
}
OTHERS = {
    "test_mixed.py::test_plain[postgresql]",
    "test_mixed.py::test_by[postgresql-reader]",
    "test_mixed.py::test_named[postgresql]",
}


def collected(pytester: pytest.Pytester) -> set[str]:
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(test_marked_module=MARKED_MODULE, test_mixed=MIXED_MODULE)
    ran = pytester.runpytest_inprocess(
        *("--collect-only", "-q", "-p", "no:xdist", "-p", "no:asyncio"),
        *("-W", "ignore::pytest.PytestUnknownMarkWarning"),
    )
    assert ran.ret == 0
    return {line for line in ran.outlines if "::" in line}


def test_only_marked_tests_run_on_postgresql(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(REQUIRE_ALL, raising=False)
    assert collected(pytester) == BY_DEFAULT


def test_all_tests_run_on_both_databases_if_required(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(REQUIRE_ALL, "1")
    assert collected(pytester) == BY_DEFAULT | OTHERS


@pytest.mark.parametrize(
    ("nodeid", "group"),
    [
        ("tests/core/test_a.py::test_b", "tests/core/test_a.py"),
        ("tests/core/test_a.py::test_b[c]", "tests/core/test_a.py"),
        ("tests/schema/test_a.py::test_b[sqlite]", "tests/schema/test_a.py sqlite"),
        ("tests/schema/test_a.py::test_b[sqlite-c d]", "tests/schema/test_a.py sqlite"),
        ("tests/schema/test_a.py::test_b[c-postgresql]", "tests/schema/test_a.py postgresql"),
        ("tests/mem0/test_a.py::test_b[2.2.1-sync]", "tests/mem0"),
    ],
)
def test_tests_that_share_fixtures_run_in_one_process(nodeid: str, group: str) -> None:
    assert group_of(nodeid) == group
