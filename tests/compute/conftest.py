"""A cluster of Dask, which the tests of a session share."""

import pytest
from dask_cluster import start_cluster, start_scheduler


@pytest.fixture(scope="session")
def cluster(tmp_path_factory):
    pytest.importorskip("distributed", reason="Dask is not installed: make test-dask")
    with start_cluster(tmp_path_factory.mktemp("dask")) as cluster:
        yield cluster


@pytest.fixture
def idle_scheduler(tmp_path):
    """The address of a scheduler without workers."""
    pytest.importorskip("distributed", reason="Dask is not installed: make test-dask")
    with start_scheduler(tmp_path) as address:
        yield address
