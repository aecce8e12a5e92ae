"""Hand-written files of the exchange format, which use every feature of it."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from core.ids import derived_id, uuid7

BEGAN = datetime(2025, 3, 1, 9, 30, 0, 250_000, tzinfo=UTC)


def at(minutes: float) -> str:
    """Return the moment so many minutes after `BEGAN`, in the format of files."""
    return (
        (BEGAN + timedelta(minutes=minutes))
        .isoformat(timespec="microseconds")
        .replace("+00:00", "Z")
    )


def fresh_id(minutes: float = 0) -> str:
    """Return a unique id with the time so many minutes after `BEGAN`."""
    return derived_id(BEGAN + timedelta(minutes=minutes), uuid7())


def memory(text: str, minutes: float = 0, **others: Any) -> dict[str, Any]:
    """Return a memory in the format of files."""
    return {
        "id": fresh_id(minutes),
        "text": text,
        "userId": "alice",
        "agentId": None,
        "appId": None,
        "runId": None,
        "actor": None,
        "role": "user",
        "metadata": {},
        "categories": [],
        "state": "ACTIVE",
        "immutable": False,
        "version": 1,
        "timestamp": None,
        "timestampUntil": None,
        "timestampPrecision": None,
        "expirationDate": None,
        "previousId": None,
        "successorId": None,
        "extendsId": None,
        "createdAt": at(minutes),
        "updatedAt": at(minutes),
        **others,
    }


def event(
    memory: dict[str, Any], type: str, version: int, minutes: float, **others: Any
) -> dict[str, Any]:
    """Return an event of a memory's history."""
    return {
        "id": fresh_id(minutes),
        "sequence": 1,
        "memoryId": memory["id"],
        "version": version,
        "type": type,
        "oldText": None,
        "newText": memory["text"],
        "before": None,
        "after": {"userId": "alice"},
        "actor": "somebody@example.com",
        "operationId": fresh_id(minutes),
        "createdAt": at(minutes),
        **others,
    }


def line(memory: dict[str, Any], **others: Any) -> dict[str, Any]:
    """Return the line of a memory."""
    return {
        "type": "memory",
        "memory": memory,
        "concepts": [],
        "sources": [],
        "feedback": None,
        **others,
    }


def entity(name: str = "alice", type: str = "USER", **metadata: Any) -> dict[str, Any]:
    """Return the line of an entity."""
    return {
        "type": "entity",
        "entityType": type,
        "name": name,
        "metadata": metadata,
        "createdAt": at(-60),
        "updatedAt": at(-30),
    }


def lines_of(*records: dict[str, Any], history: bool = False) -> list[dict[str, Any]]:
    """Return all lines of a file with these records."""
    counts = [
        sum(record["type"] == kind for record in records)
        for kind in ("entity", "memory", "deletedMemory")
    ]
    project = {"id": uuid7(), "name": "Old"}
    first = {
        "type": "export",
        "format": 1,
        "exportId": uuid7(),
        "project": project,
        "createdAt": at(10_000),
        "includesHistory": history,
    }
    names = ("entities", "memories", "deletedMemories")
    return [first, *records, {"type": "end", **dict(zip(names, counts, strict=True))}]


def encode_lines(lines: list[dict[str, Any]]) -> bytes:
    """Return the bytes of a file with these lines."""
    return b"".join(json.dumps(one).encode() + b"\n" for one in lines)


def file_of(*records: dict[str, Any], history: bool = False) -> bytes:
    """Return a file with these records."""
    return encode_lines(lines_of(*records, history=history))


def life() -> dict[str, dict[str, Any]]:
    """Return named records that use every feature of the format, with histories."""
    source = {
        "id": fresh_id(0),
        "role": "user",
        "name": "Alice",
        "content": "I live in Oslo now.",
        "timestamp": at(-5),
        "createdAt": at(0),
    }
    oslo = memory(
        "Lives in Oslo",
        3,
        previousId=None,
        timestamp=at(-5),
        timestampUntil=at(600),
        timestampPrecision="DAY",
        metadata={"a": [1, 2.5, None]},
        categories=["home"],
        actor="Alice",
    )
    bergen = memory(
        "Lives in Bergen", 1, state="SUPERSEDED", successorId=oslo["id"], version=2, updatedAt=at(3)
    )
    likes = memory("Likes tea a lot", 2, version=2, updatedAt=at(4), previousId=bergen["id"])
    merged = memory(
        "Likes tea",
        2.5,
        state="MERGED",
        successorId=likes["id"],
        version=2,
        updatedAt=at(4),
        extendsId=oslo["id"],
    )
    expired = memory("Has a ticket for today", 5, expirationDate="2025-03-02", runId="trip")
    fixed = memory("Was born in 1990", 6, immutable=True, agentId="butler", appId="home")
    gone = memory("Owes Bob money", 7)
    was_bergen = {
        **bergen,
        "state": "ACTIVE",
        "successorId": None,
        "version": 1,
        "updatedAt": at(1),
        "endedAt": at(3),
    }
    was_likes = {
        **likes,
        "text": "Likes tea much",
        "version": 1,
        "updatedAt": at(2),
        "endedAt": at(4),
    }
    was_merged = {
        **merged,
        "state": "ACTIVE",
        "successorId": None,
        "version": 1,
        "updatedAt": at(2.5),
        "endedAt": at(4),
    }
    return {
        "alice": entity(note="first"),
        "butler": entity("butler", "AGENT"),
        "bergen": line(
            bergen,
            history=[
                event(bergen, "ADD", 1, 1),
                event(
                    bergen,
                    "SUPERSEDE",
                    2,
                    3,
                    oldText=bergen["text"],
                    before={"state": "ACTIVE"},
                    after={"state": "SUPERSEDED", "successorId": oslo["id"]},
                ),
            ],
            versions=[was_bergen],
        ),
        "likes": line(
            likes,
            concepts=["Tea", "Assam"],
            feedback={"value": "POSITIVE", "reason": "so true", "updatedAt": at(20)},
            history=[
                event(likes, "ADD", 1, 2, newText="Likes tea much"),
                event(likes, "UPDATE", 2, 4, oldText="Likes tea much", before={}, after={}),
            ],
            versions=[was_likes],
        ),
        "merged": line(
            merged,
            history=[
                event(merged, "ADD", 1, 2.5),
                event(
                    merged,
                    "MERGE",
                    2,
                    4,
                    oldText=merged["text"],
                    before={"state": "ACTIVE"},
                    after={"state": "MERGED", "successorId": likes["id"]},
                ),
            ],
            versions=[was_merged],
        ),
        "oslo": line(
            oslo,
            sources=[source],
            concepts=["Oslo"],
            history=[event(oslo, "ADD", 1, 3)],
            versions=[],
        ),
        "expired": line(
            expired, sources=[source], history=[event(expired, "ADD", 1, 5)], versions=[]
        ),
        "fixed": line(fixed, history=[event(fixed, "ADD", 1, 6)], versions=[]),
        "gone": {
            "type": "deletedMemory",
            "id": gone["id"],
            "history": [
                event(gone, "ADD", 1, 7),
                event(
                    gone,
                    "DELETE",
                    1,
                    9,
                    oldText=gone["text"],
                    newText=None,
                    before={"userId": "alice"},
                    after=None,
                ),
            ],
            "versions": [{**gone, "endedAt": at(9)}],
        },
    }


def without_history(records: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the records as they are in an export without history."""
    return [
        {name: value for name, value in record.items() if name not in ("history", "versions")}
        for record in records.values()
        if record["type"] != "deletedMemory"
    ]
