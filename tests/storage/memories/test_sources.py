"""The times of messages, which decide which claim supersedes another."""

import pytest

from storage.memories.sources import SourceRow
from storage.transaction import Transaction
from tests.support.fixtures.memory_fixture import MemoryFixture, at

pytestmark = pytest.mark.every_database


def test_the_last_message_of_a_memory_counts(store: MemoryFixture) -> None:
    """Its time is its timestamp, or else its creation time."""
    one, other, none = (store.put(text, 0) for text in "abc")
    project = store.tenant.project_id
    messages = [
        SourceRow(f"{project[:-1]}{n}", project, "user", None, "x", said and at(said), at(stored))
        for n, (said, stored) in enumerate(((5, 90), (None, 7), (3, 8)))
    ]
    dated, undated, earlier = (message.id for message in messages)
    links = [(one, dated), (one, earlier), (other, dated), (other, undated)]

    def work(tx: Transaction) -> object:
        tx.sources.add(messages, links)
        return tx.sources.last_message_times([one, other, none])

    assert store.db.write_now(work) == {one: at(5), other: at(7)}
    assert store.db.read_now(lambda tx: tx.sources.last_message_times([])) == {}
