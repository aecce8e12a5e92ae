"""The table of job kinds and their functions."""

from core.enums import JobKind
from workers.registry import JOB_TYPES


def test_every_job_kind_has_a_function() -> None:
    """The runner adds the deliveries, which need its connections."""
    assert {*JOB_TYPES, JobKind.DELIVER} == set(JobKind)
