"""Memories through the front door."""

from tests.factories import Tenant

MEMORY = "query ($id: ID!) { memory(id: $id) { id text version user { name totalMemories } } }"


async def test_an_added_memory_can_be_read(tenant: Tenant) -> None:
    (added,) = await tenant.add("I love hiking")
    data = await tenant.owner.ask(MEMORY, id=added["id"])
    assert data["memory"] == {
        "id": added["id"],
        "text": "I love hiking",
        "version": 1,
        "user": {"name": "alice", "totalMemories": 1},
    }
