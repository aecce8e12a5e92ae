"""Statistics of projects, counted in a fixed number of statements for any number of projects."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Connection, FromClause, Select, func, select

from core.enums import EntityType, FeedbackValue, JobKind, MemoryState
from storage.sql.id_arrays import id_array_parameter, ids_as_table
from storage.tables.fields import table_of
from storage.tables.graph import Entity
from storage.tables.memory import Memory
from storage.tables.platform import MemoryFeedback
from storage.tables.work import Job

_MEMORIES = table_of(Memory)
_ENTITIES = table_of(Entity)
_FEEDBACK = table_of(MemoryFeedback)
_JOBS = table_of(Job)


@dataclass(slots=True)
class StatisticsRow:
    """The counts of one project. A memory counts in each of its categories.

    `index_lag` is the number of memories that wait to be added to the vector index or removed.
    """

    by_state: dict[MemoryState, int] = field(default_factory=dict)
    by_category: dict[str, int] = field(default_factory=dict)
    by_type: dict[EntityType, int] = field(default_factory=dict)
    by_feedback: dict[FeedbackValue, int] = field(default_factory=dict)
    index_lag: int = 0


class StatisticsStore:
    """Counts rows of projects; the caller has checked that the viewer can see the projects."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def of_projects(self, project_ids: Sequence[str]) -> dict[str, StatisticsRow]:
        """Return the statistics of each project by id; of an empty one, a row without counts."""
        statistics: defaultdict[str, StatisticsRow] = defaultdict(StatisticsRow)
        for id, state, count in self._counts(_MEMORIES, _MEMORIES.c.state, project_ids):
            statistics[id].by_state[state] = count
        for id, category, count in self._by_category(project_ids):
            statistics[id].by_category[category] = count
        for id, type, count in self._counts(_ENTITIES, _ENTITIES.c.type, project_ids):
            statistics[id].by_type[type] = count
        for id, value, count in self._counts(_FEEDBACK, _FEEDBACK.c.value, project_ids):
            statistics[id].by_feedback[value] = count
        for id, kind, count in self._counts(_JOBS, _JOBS.c.kind, project_ids):
            if kind is JobKind.INDEX:
                statistics[id].index_lag = count
        return statistics

    def _counts(
        self, table: FromClause, by: ColumnElement[Any], project_ids: Sequence[str]
    ) -> Sequence[Any]:
        return self._grouped(select(table.c.project_id, by, func.count()), table, by, project_ids)

    def _by_category(self, project_ids: Sequence[str]) -> Sequence[Any]:
        on_postgresql = self._connection.dialect.name == "postgresql"
        each = func.jsonb_array_elements_text if on_postgresql else func.json_each
        rows = each(_MEMORIES.c.categories).table_valued("value", joins_implicitly=True)
        counts = select(_MEMORIES.c.project_id, rows.c.value, func.count())
        return self._grouped(counts, _MEMORIES, rows.c.value, project_ids)

    def _grouped(
        self,
        counts: Select[Any],
        table: FromClause,
        by: ColumnElement[Any],
        project_ids: Sequence[str],
    ) -> Sequence[Any]:
        given, _, id = ids_as_table(self._connection.dialect.name)
        in_projects = table.c.project_id.in_(select(id).select_from(given))
        statement = counts.where(in_projects).group_by(table.c.project_id, by).order_by(by)
        values = {"given": id_array_parameter(self._connection, project_ids)}
        return self._connection.execute(statement, values).all()
