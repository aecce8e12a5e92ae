"""From records of the exchange format to rows: whose ids they get here, and who is there already.

An id that another project has, or that is none of ours, becomes another one that is always the same
for the same project and the same id, so importing a file twice finds the first import. References
become what the memories they name became. Ids of operations and messages are dealt with alike: one
that names something of another project would lead there.
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
    """Return a moment from its checked form."""
    return None if value is None else datetime.fromisoformat(value)


def original_id(record: Record) -> str:
    """Return the id that a memory had where it comes from."""
    found: str = record["memory"]["id"] if record["type"] == "memory" else record["id"]
    return found


def utterance_in(memory: Record) -> Utterance:
    """Return what a memory of a record says, and who says it."""
    names = memory["userId"], memory["agentId"]
    return Utterance(memory["text"], speaker_of(memory["actor"], memory["role"], *names))


def says_nothing(record: Record) -> bool:
    """Tell whether all that is left of a memory is that it was erased where it comes from."""
    if record["type"] == "memory" or record["versions"]:
        return False
    told = ("oldText", "newText", "before", "after")
    return all(event[name] is None for event in record["history"] or () for name in told)


def record_states(record: Record) -> Iterator[Record]:
    """Yield a record's memory, if it was not deleted, and all that it was before."""
    if record["type"] == "memory":
        yield record["memory"]
    yield from record["versions"]


class ImportRows:
    """The rows that some records of memories make in a project, as one transaction sees it."""

    def __init__(self, tx: Transaction, project_id: str, records: Sequence[Record]) -> None:
        self._tx = tx
        self._project_id = project_id
        self._entities: dict[tuple[EntityType, str], str] = {}
        named = {original_id(record) for record in records}
        for record in records:
            for state in record_states(record):
                named.update(state[name] for name in _REFERENCES if state[name])
        self._homes = tx.importing.projects_of_memories(filter(is_uuid7, named))
        self.ids = {original_id(record): self._own_id(record) for record in records}
        self.retained_ids = tx.importing.retained_ids(self.ids.values(), project_id)

    def prepare(self, records: Sequence[Record], moment: datetime) -> None:
        """Make the entities that the records name, and look up which of their ids are taken."""
        wanted: dict[tuple[EntityType, str], EntityRow] = {}
        for record in records:
            for state in record_states(record):
                for name, type in _TYPES.items():
                    at = (type, state[name])
                    if state[name] and at not in wanted:
                        wanted[at] = new_entity(self._project_id, *at, moment)
        self._entities = self._tx.importing.get_or_create_entities(
            self._project_id, list(wanted.values())
        )
        events = [event for record in records for event in record["history"] or ()]
        sources = [row["id"] for record in records for row in record.get("sources", ())]
        importing = self._tx.importing
        self._events = set(importing.projects_of_rows("events", [event["id"] for event in events]))
        self._sources = importing.projects_of_rows("sources", sources)
        operations = [event["operationId"] for event in events if event["operationId"]]
        self._operations = importing.projects_of_rows("operations", operations)

    def memory(self, record: Record, state: Record) -> MemoryRow:
        """Return the row of a memory of a record, or of what it was."""
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
        """Return what a memory was, each with the moment when it ended."""
        return [
            (self.memory(record, state), _moment(state["endedAt"])) for state in record["versions"]
        ]

    def changes(self, record: Record) -> list[Change]:
        """Return a record's part of the log it comes from, in order."""
        return [self._change(record, event) for event in record["history"] or ()]

    def sources(self, record: Record) -> list[SourceRow]:
        """Return the messages that a memory was drawn from."""
        rows = {}
        for row in record["sources"]:
            id = self._mapped(row["id"], self._sources.get(row["id"], self._project_id))
            said, heard = datetime_from_record(row["timestamp"]), _moment(row["createdAt"])
            rows[id] = SourceRow(
                id, self._project_id, row["role"], row["name"], row["content"], said, heard
            )
        return list(rows.values())

    def memory_id(self, id: str | None) -> str | None:
        """Return the id here of a memory that another one names, whether it is there or not."""
        if id is None:
            return None
        if id in self.ids:
            return self.ids[id]
        homes = self._homes.get(id)
        if not homes or self._project_id in homes:
            return id
        return self._mapped(id, min(homes))

    def _own_id(self, record: Record) -> str:
        id = original_id(record)
        if not is_uuid7(id):
            return derived_id(_moment(record["memory"]["createdAt"]), self._project_id, id)
        homes = self._homes.get(id)
        if not homes or self._project_id in homes:
            return id
        return self._mapped(id, min(homes))

    def _mapped(self, id: str, project_id: str) -> str:
        """Return an id as it is here, given the project that has it."""
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
            operation_id = self._mapped(operation_id, owner)
        return Change(
            self._project_id,
            self.ids[original_id(record)],
            event["version"],
            HistoryEventType[event["type"]],
            Author(event["actor"], operation_id),
            _moment(event["createdAt"]),
            old_text=event["oldText"],
            new_text=event["newText"],
            before=self._logged(event["before"]),
            after=self._logged(event["after"]),
            id=id,
        )

    def _logged(self, fields: Record | None) -> Record | None:
        if fields is None:
            return None
        named = {name: fields[name] for name in _REFERENCES if isinstance(fields.get(name), str)}
        return {**fields, **{name: self.memory_id(id) for name, id in named.items()}}


def addition_change(memory: MemoryRow, by: Author, moment: datetime) -> Change:
    """Return the change that a memory without a history of its own begins with."""
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
    """Return what somebody thought of a memory, by column."""
    given = record["feedback"]
    if given is None:
        return None
    return {
        "value": FeedbackValue[given["value"]],
        "reason": given["reason"],
        "updated_at": _moment(given["updatedAt"]),
    }


def _moment(value: str) -> datetime:
    return datetime.fromisoformat(value)
