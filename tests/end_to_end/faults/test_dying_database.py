"""PostgreSQL stops without a checkpoint, or its postmaster is killed, while it is written to."""

import signal
from collections.abc import Callable

import pytest

from deploy.local.postgres import Cluster
from tests.end_to_end.faults.books import Books
from tests.end_to_end.faults.scene import Scene
from tests.end_to_end.faults.size import SIZE


def stop_at_once(cluster: Cluster) -> None:
    """What `pg_ctl stop -m immediate` does."""
    cluster.stop("immediate")


def kill(cluster: Cluster) -> None:
    """The backends are orphans then; the next start waits until the last of them is gone."""
    cluster._program.signal(signal.SIGKILL)


@pytest.mark.parametrize("end", [stop_at_once, kill])
def test_a_database_that_dies_loses_nothing(
    stage: Scene, undisturbed: Books, end: Callable[[Cluster], None]
) -> None:
    stage.send()
    for _ in stage.shares():
        end(stage.cluster)
        stage.cluster.start()
    stage.finish()
    stage.expect(f"{SIZE.deaths} times {end.__name__} of PostgreSQL", undisturbed)
