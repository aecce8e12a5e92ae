"""From records of the exchange format to rows: the ids that they get, and which exist already.

An id that belongs to another project, or that is not a UUIDv7, is replaced. The replacement depends
only on the project and the id, so importing a file twice finds the first import. References are
replaced like the ids of the memories that they name. So are the ids of operations and messages:
otherwise they could refer to rows of another project.
"""

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Any

from core.enums import EntityType, FeedbackValue, MemoryState
from core.events import HistoryEventType
from core.exchange.lines import NAMES
from core.ids import derived_id, is_uuid7, uuid7, uuid7_milliseconds
from language.dates.moments import Precision
from storage.exchange.importing import new_entity
from storage.log.history import Author, Change
from storage.memories.entities import EntityRow
from storage.memories.rows import MemoryRow, logged_values
from storage.memories.sources import SourceRow
from storage.memories.uniqueness import text_hash
from storage.search.documents import Utterance, speaker_of
from storage.transaction import Transaction

Record = dict[str, Any]

_TYPES = dict(
    zip(NAMES, (EntityType.USER, EntityType.AGENT, EntityType.APP, EntityType.RUN), strict=True)
)
_REFERENCES = ("previousId", "successorId", "extendsId")


def datetime_from_record(value: str | None) -> datetime | None:
    """Return the time that a checked record states in ISO 8601, None for null."""
    return None if value is None else datetime.fromisoformat(value)


def original_id(record: Record) -> str:
    """Return the id that a memory has in the file."""
    id: str = record["memory"]["id"] if record["type"] == "memory" else record["id"]
    return id


def utterance_in(memory: Record) -> Utterance:
    """Return the text and the speaker of a memory of a record."""
    names = memory["userId"], memory["agentId"]
    return Utterance(memory["text"], speaker_of(memory["actor"], memory["role"], *names))


def record_states(record: Record) -> Iterator[Record]:
    """Yield the memory of a record, unless it was deleted, and then its past versions."""
    if record["type"] == "memory":
        yield record["memory"]
    yield from record["versions"]


class ImportRows:
    """The rows of some memory records in a project, as one transaction sees it.

    `ids` maps the ids in the file to those in this database. `retained_ids` are those of them that
    exist already, if only in the history.
    """

    def __init__(
        self, tx: Transaction, project_id: str, records: Sequence[Record], importer: str
    ) -> None:
        """`importer` is the e-mail address of the account that imports the records."""
        self._tx = tx
        self._importer = importer
        self._project_id = project_id
        self._entities: dict[tuple[EntityType, str], str] = {}
        named = {original_id(record) for record in records}
        for record in records:
            for state in record_states(record):
                named.update(state[name] for name in _REFERENCES if state[name])
            for event in record["history"] or ():
                for side in filter(None, (event["before"], event["after"])):
                    found = (side.get(name) for name in _REFERENCES)
                    named.update(id for id in found if isinstance(id, str))
        self._owners = tx.importing.projects_of_memories(filter(is_uuid7, named))
        self.ids = {original_id(record): self._own_id(record) for record in records}
        self.retained_ids = tx.importing.retained_ids(self.ids.values(), project_id)

    def prepare(self, records: Sequence[Record], moment: datetime) -> None:
        """Create the entities that the records name, and read which projects own their ids."""
        entities: dict[tuple[EntityType, str], EntityRow] = {}
        for record in records:
            for state in record_states(record):
                for name, type in _TYPES.items():
                    at = (type, state[name])
                    if state[name] and at not in entities:
                        entities[at] = new_entity(self._project_id, *at, moment)
        self._entities = self._tx.importing.get_or_create_entities(
            self._project_id, list(entities.values())
        )
        events = [event for record in records for event in record["history"] or ()]
        sources = [row["id"] for record in records for row in record.get("sources", ())]
        importing = self._tx.importing
        self._events = set(importing.projects_of_rows("events", [event["id"] for event in events]))
        self._sources = importing.projects_of_rows("sources", sources)
        operations = [event["operationId"] for event in events if event["operationId"]]
        self._operations = importing.projects_of_rows("operations", operations)

    def memory(self, record: Record, state: Record) -> MemoryRow:
        """Return the row of a record's memory, or of a past version of it."""
        created, timestamp = _moment(state["createdAt"]), datetime_from_record(state["timestamp"])
        user, agent, app, run = (
            self._entities[type, state[name]] if state[name] else None
            for name, type in _TYPES.items()
        )
        precision, expires = state["timestampPrecision"], state["expirationDate"]
        return MemoryRow(
            id=self.ids[original_id(record)],
            project_id=self._project_id,
            text=state["text"],
            hash=text_hash(state["text"]),
            user_key=user,
            agent_key=agent,
            app_key=app,
            run_key=run,
            user_id=state["userId"],
            agent_id=state["agentId"],
            app_id=state["appId"],
            run_id=state["runId"],
            actor=state["actor"],
            role=state["role"],
            metadata=state["metadata"],
            categories=state["categories"],
            state=MemoryState[state["state"]],
            immutable=state["immutable"],
            version=state["version"],
            timestamp=timestamp,
            timestamp_until=datetime_from_record(state["timestampUntil"]),
            timestamp_precision=None if precision is None else Precision[precision],
            happened_at=timestamp or created,
            expiration_date=None if expires is None else date.fromisoformat(expires),
            previous_id=self.memory_id(state["previousId"]),
            successor_id=self.memory_id(state["successorId"]),
            extends_id=self.memory_id(state["extendsId"]),
            created_at=created,
            updated_at=_moment(state["updatedAt"]),
        )

    def versions(self, record: Record) -> list[tuple[MemoryRow, datetime]]:
        """Return the past versions of a memory, each with the time at which it ended."""
        return [
            (self.memory(record, state), _moment(state["endedAt"])) for state in record["versions"]
        ]

    def changes(self, record: Record) -> list[Change]:
        """Return the history of a record as changes of the log, in order."""
        return [self._change(record, event) for event in record["history"] or ()]

    def sources(self, record: Record) -> list[SourceRow]:
        """Return the source messages of a memory."""
        rows = {}
        for row in record["sources"]:
            id = self._map_id(row["id"], self._sources.get(row["id"], self._project_id))
            said_at, received_at = datetime_from_record(row["timestamp"]), _moment(row["createdAt"])
            rows[id] = SourceRow(
                id=id,
                project_id=self._project_id,
                role=row["role"],
                name=row["name"],
                content=row["content"],
                timestamp=said_at,
                created_at=received_at,
                utc_offset_minutes=row["utcOffsetMinutes"],
            )
        return list(rows.values())

    def memory_id(self, id: str | None) -> str | None:
        """Return the local id of a memory that another one names, even if it does not exist."""
        if id is None:
            return None
        if id in self.ids:
            return self.ids[id]
        owners = self._owners.get(id)
        if not owners or self._project_id in owners:
            return id
        return self._map_id(id, min(owners))

    def _own_id(self, record: Record) -> str:
        id = original_id(record)
        if not is_uuid7(id):
            return derived_id(_moment(record["memory"]["createdAt"]), self._project_id, id)
        owners = self._owners.get(id)
        if not owners or self._project_id in owners:
            return id
        return self._map_id(id, min(owners))

    def _map_id(self, id: str, project_id: str) -> str:
        """Return the local form of an id, given the project that owns it."""
        if project_id == self._project_id:
            return id
        return derived_id(uuid7_milliseconds(id), self._project_id, id)

    def _change(self, record: Record, event: Record) -> Change:
        id, operation_id = event["id"], event["operationId"]
        if id in self._events:
            id = uuid7()
        self._events.add(id)
        if operation_id is not None:
            owner = self._operations.get(operation_id, self._project_id)
            operation_id = self._map_id(operation_id, owner)
        return Change(
            self._project_id,
            self.ids[original_id(record)],
            event["version"],
            HistoryEventType[event["type"]],
            Author(event["actor"], operation_id, self._importer),
            _moment(event["createdAt"]),
            old_text=event["oldText"],
            new_text=event["newText"],
            before=self._with_local_ids(event["before"]),
            after=self._with_local_ids(event["after"]),
            id=id,
        )

    def _with_local_ids(self, fields: Record | None) -> Record | None:
        if fields is None:
            return None
        named = {name: fields[name] for name in _REFERENCES if isinstance(fields.get(name), str)}
        return {**fields, **{name: self.memory_id(id) for name, id in named.items()}}


def addition_change(memory: MemoryRow, by: Author, moment: datetime) -> Change:
    """Return the ADD event of a memory that comes without a history."""
    return Change(
        memory.project_id,
        memory.id,
        memory.version,
        HistoryEventType.ADD,
        by,
        moment,
        new_text=memory.text,
        after=logged_values(memory),
    )


def entity_from_record(project_id: str, record: Record) -> EntityRow:
    """Return the entity that a record describes."""
    type, created = EntityType[record["entityType"]], _moment(record["createdAt"])
    row = new_entity(project_id, type, record["name"], created)
    row.metadata, row.updated_at = record["metadata"], _moment(record["updatedAt"])
    return row


def feedback_columns(record: Record) -> dict[str, Any] | None:
    """Return the columns of a record's feedback, or None if it has none."""
    feedback = record["feedback"]
    if feedback is None:
        return None
    return {
        "value": FeedbackValue[feedback["value"]],
        "reason": feedback["reason"],
        "updated_at": _moment(feedback["updatedAt"]),
    }


def _moment(value: str) -> datetime:
    return datetime.fromisoformat(value)
