"""When messages were said, which decides what contradicts what."""

import pytest

from storage.memories.sources import SourceRow
from storage.transaction import Transaction
from tests.support.fixtures.shelf import MemoryFixture, at

pytestmark = pytest.mark.every_database


def test_the_last_message_of_a_memory_counts(shelf: MemoryFixture) -> None:
    """By when it was said, or else by when it was stored."""
    one, other, none = (shelf.put(text, 0) for text in "abc")
    project = shelf.tenant.project_id
    messages = [
        SourceRow(f"{project[:-1]}{n}", project, "user", None, "x", said and at(said), at(stored))
        for n, (said, stored) in enumerate(((5, 90), (None, 7), (3, 8)))
    ]
    dated, undated, earlier = (message.id for message in messages)
    links = [(one, dated), (one, earlier), (other, dated), (other, undated)]

    def work(tx: Transaction) -> object:
        tx.sources.add(messages, links)
        return tx.sources.last_message_times([one, other, none])

    assert shelf.db.write_now(work) == {one: at(5), other: at(7)}
    assert shelf.db.read_now(lambda tx: tx.sources.last_message_times([])) == {}
