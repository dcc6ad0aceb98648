"""A gateway's clock jumps: what it stamps wrongly is refused by name, then stored once mended.

The collector compares a stamp with its own clock, so a jump of the collector's clock is the same
jump the other way round; only the difference counts, and it is made here at the gateway.
"""

import json
from datetime import UTC, datetime, timedelta

import pytest

from tests.end_to_end.faults import readings
from tests.end_to_end.faults.books import Books
from tests.end_to_end.faults.scene import Scene

COUNT = 90


@pytest.mark.parametrize(
    ("clock", "code"),
    [
        pytest.param(datetime.now(UTC) + timedelta(hours=1), "future_time", id="ahead"),
        pytest.param(datetime(1970, 1, 1, tzinfo=UTC), "before_service", id="its battery is empty"),
    ],
)
def test_readings_of_a_wrong_clock_are_refused_and_stored_once_it_is_mended(
    stage: Scene, undisturbed: Books, clock: datetime, code: str
) -> None:
    gateway = stage.gateways[0]
    wrong = [json.loads(line) for line in readings.halves(readings.PLANTS[0])[1][:COUNT]]
    for number, item in enumerate(wrong):
        item["at"] = (clock + timedelta(seconds=number)).isoformat()
    gateway.bring([json.dumps(item).encode() for item in wrong], "wrong")
    gateway.start()
    gateway.finish()
    refused = gateway.refused()
    assert {reason["code"] for kept in refused for reason in kept["reasons"]} == {code}
    assert [item for kept in refused for item in kept["readings"]] == wrong
    stage.send()
    stage.finish()
    stage.expect(f"{COUNT} readings of a wrong clock ({code})", undisturbed, rejected=True)
