"""The tests of erasure look into the vector index too, so that it is kept up to date."""

import pytest

from tests.support.servers.deployment import Deployment


@pytest.fixture(scope="session")
def deployment(indexing_deployment: Deployment) -> Deployment:
    """A running server on each kind of database, which keeps its vector index up to date."""
    return indexing_deployment
