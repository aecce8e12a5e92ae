"""Fixtures of the tests that need a server behind a real socket."""

from collections.abc import Iterator

import pytest

from tests.process import Process


@pytest.fixture(scope="session")
def live_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """A server process: `url` is its address without a path, `key` its first key."""
    with Process(tmp_path_factory.mktemp("live") / "data") as process:
        yield process
