"""SIGKILL of the collector, again and again while readings flow."""

import asyncio

import pytest

from tests.end_to_end.faults.books import Books
from tests.end_to_end.faults.scene import Scene
from tests.end_to_end.faults.size import SIZE


def test_a_collector_that_is_killed_loses_nothing(stage: Scene, undisturbed: Books) -> None:
    [collector] = stage.collectors
    stage.send()
    for _ in stage.shares():
        collector.kill()
        collector.start()
        asyncio.run(collector.ready())
    stage.finish()
    stage.expect(f"{SIZE.deaths} kills of the collector", undisturbed)


@pytest.mark.parametrize("stage", [2], indirect=True)
def test_one_of_two_collectors_that_dies_strands_nothing(stage: Scene, undisturbed: Books) -> None:
    """Both share one subscription; what was dealt to the dead one waits in its session."""
    dying, _ = stage.collectors
    stage.send()
    for _ in stage.shares():
        dying.kill()
        dying.start()
        asyncio.run(dying.ready())
    stage.finish()
    stage.expect(f"{SIZE.deaths} kills of one of two collectors", undisturbed)
