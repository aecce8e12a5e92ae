"""The table of job kinds and what does them."""

from core.enums import JobKind
from workers.registry import JOB_TYPES


def test_every_kind_of_job_is_done_by_something() -> None:
    """The runner adds the deliveries, which need its connections."""
    assert {*JOB_TYPES, JobKind.DELIVER} == set(JobKind)
