"""Every process of PostgreSQL stands still for longer than a collector waits, then goes on."""

import time

from tests.end_to_end.faults.books import Books
from tests.end_to_end.faults.scene import Scene, stalled
from tests.end_to_end.faults.size import SIZE


def test_a_database_that_stalls_loses_nothing(stage: Scene, undisturbed: Books) -> None:
    assert SIZE.stall_s > SIZE.store_timeout_s
    stage.send()
    for _ in stage.shares(1):
        with stalled(stage.cluster):
            time.sleep(SIZE.stall_s)  # this is the fault
    stage.finish()
    stage.expect(f"database stalled for {SIZE.stall_s:.0f} s", undisturbed)
