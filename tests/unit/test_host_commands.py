"""What can be sent to a monitor: every command with a good and a bad example, and its CP."""

from typing import Any

import pytest

from schemas.commands import COMMANDS, OPEN, Kind, State, Unfit, check, masked, render
from schemas.host_commands import PARAMETERS, Confidence

PERIOD = {"BeginTime": "20260801000000", "EndTime": "20260802000000"}
FROM_TO = "BeginTime=20260801000000;EndTime=20260802000000"
POL = {"PolId": "a24088"}

# parameters, CP as HJ 212-2017 prints it in appendix C, and parameters that cannot be sent
TABLE: dict[str, tuple[dict[str, Any], str, dict[str, Any]]] = {
    "1000": ({"OverTime": 5, "ReCount": 3}, "OverTime=5;ReCount=3", {"OverTime": 0, "ReCount": 3}),
    "1011": ({"PolId": "w01018"}, "PolId=w01018", {"PolId": "w01018;QN=1"}),
    "1012": (
        {"PolId": "w01018", "SystemTime": "20160801085857"},
        "PolId=w01018;SystemTime=20160801085857",
        {"SystemTime": "20160230000000"},
    ),
    "1014": (
        {"SKCreateTime": "20240601085857223", "NewSK": "0000000000000000"},
        "SKCreateTime=20240601085857223;NewSK=0000000000000000",
        {"SKCreateTime": "20240601085857223", "NewSK": "000000000000000;"},
    ),
    "1061": ({}, "", {"RtdInterval": 30}),
    "1062": ({"RtdInterval": 30}, "RtdInterval=30", {"RtdInterval": 29}),
    "1063": ({}, "", {"MinInterval": 10}),
    "1064": ({"MinInterval": 10}, "MinInterval=10", {"MinInterval": 7}),
    "1072": ({"NewPW": "654321"}, "NewPW=654321", {"NewPW": "65432"}),
    "2011": ({}, "", PERIOD),
    "2012": ({}, "", {"x": 1}),
    "2013": (PERIOD, FROM_TO, {"BeginTime": "20260801000000"}),
    "2021": ({}, "", {"x": 1}),
    "2022": ({}, "", {"x": 1}),
    "2031": (PERIOD, FROM_TO, {**PERIOD, "EndTime": "20260731000000"}),
    "2041": (PERIOD, FROM_TO, {**PERIOD, "EndTime": "20270803000000"}),
    "2051": (PERIOD, FROM_TO, {**PERIOD, "EndTime": "20260902000000"}),
    "2061": (PERIOD, FROM_TO, {**PERIOD, "BeginTime": "2026-08-01T00:00:00+08:00"}),
    "2062": (PERIOD, FROM_TO, {"EndTime": "20260801000000"}),
    "3011": ({**POL, "CalibrationType": 0}, "PolId=a24088;CalibrationType=0", {"PolId": ""}),
    "3012": (POL, "PolId=a24088", {"PolId": 24088}),
    "3013": (POL, "PolId=a24088", {}),
    "3014": (POL, "PolId=a24088", {"PolId": "a24088\n"}),
    "3015": ({}, "", POL),
    "3016": (
        {**POL, "CstartTime": "000000", "CTime": 2},
        "PolId=a24088;CstartTime=000000;CTime=2",
        {**POL, "CstartTime": "240000", "CTime": 2},
    ),
    "3017": (POL, "PolId=a24088", {"polid": "a24088"}),
    "3018": (POL, "PolId=a24088", {"PolId": "a&"}),
    "3019": (POL, "PolId=a24088", {"PolId": ["a24088"]}),
    "3020": (
        {**POL, "InfoId": "i11001", **PERIOD},
        f"PolId=a24088;InfoId=i11001;{FROM_TO}",
        {"InfoId": "i11001", "BeginTime": "20260801000000"},
    ),
    "3021": (
        {"PolId": "w01018", "InfoId": "i13004", "Info": "168.0"},
        "PolId=w01018;InfoId=i13004;i13004-Info=168.0",
        {"InfoId": "i13004", "Info": "1&&"},
    ),
    "3022": (POL, "PolId=a24088", {"PolId": None}),
    "3024": (POL, "PolId=a24088", {"PolId": "ａ24088"}),
}


def test_the_table_has_every_command() -> None:
    assert TABLE.keys() == COMMANDS.keys()


@pytest.mark.parametrize("cn", TABLE)
def test_a_good_one_is_rendered_in_the_order_of_the_standard(cn: str) -> None:
    good, content, _ = TABLE[cn]
    assert render(cn, check(cn, good)) == content
    backwards = dict(reversed(good.items()))
    assert render(cn, check(cn, backwards)) == content


@pytest.mark.parametrize("cn", TABLE)
def test_a_bad_one_is_refused_in_both_languages(cn: str) -> None:
    with pytest.raises(Unfit) as refused:
        check(cn, TABLE[cn][2])
    assert str(refused.value).replace("…", "").isascii()
    assert not refused.value.zh.isascii()


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("OverTime", [0, 100, "5", 5.0, True, -1]),
        ("RtdInterval", [29, 3601, 10**30]),
        ("MinInterval", [0, 7, 60]),
        ("CTime", [0, 25]),
        ("SystemTime", ["", "20261301000000", "20260101240000", "２０２６0101000000"]),
        ("NewPW", ["12345", "1234567", "12345;", "密码密码密码", "12345\x00", "12345\n"]),
        ("Info", ["", "a;b", "a&", "a=b", "a,b", "\x00", "x" * 65, "##"]),
        ("InfoId", ["I13004", "i1300", "i13004-Info=1;x"]),
    ],
)  # fmt: skip
def test_a_value_out_of_bounds_is_refused(name: str, bad: list[object]) -> None:
    cn = next(cn for cn, (good, _, _) in TABLE.items() if name in good)
    for value in bad:
        with pytest.raises(Unfit, match=name):
            check(cn, {**TABLE[cn][0], name: value})


@pytest.mark.parametrize("cn", ["", "9014", "1002", "20 11", "\x00"])
def test_what_is_no_command_is_refused(cn: str) -> None:
    with pytest.raises(Unfit, match="one of"):
        check(cn, {})


def test_the_clock_is_set_to_the_moment_of_sending_unless_a_time_is_given() -> None:
    assert render("1012", check("1012", {})) == ""
    assert render("1012", {"SystemTime": "20260101000000"}) == "SystemTime=20260101000000"


def test_what_moves_an_instrument_or_its_access_is_to_be_confirmed() -> None:
    confirmed = {cn for cn, command in COMMANDS.items() if command.confirm}
    asks_only = {"3017", "3018", "3019", "3020"}
    assert confirmed == {cn for cn in COMMANDS if cn >= "3000"} - asks_only | {"1014", "1072"}


def test_notices_are_those_of_table_9() -> None:
    notices = {cn for cn, command in COMMANDS.items() if command.kind is Kind.NOTICE}
    assert notices == {"2012", "2022"}


def test_what_was_not_read_in_the_standard_is_marked() -> None:
    quoted = {cn for cn, each in COMMANDS.items() if each.confidence is Confidence.QUOTED}
    assert quoted == {"1014", "2013", "2062", "3022", "3024"}
    assert all(COMMANDS[cn].versions == ("2025",) for cn in quoted)


def test_secrets_are_masked() -> None:
    assert masked({"NewPW": "654321", "PolId": "a24088"}) == {"NewPW": "***", "PolId": "a24088"}
    assert {name for name, each in PARAMETERS.items() if each.secret} == {"NewPW", "NewSK"}


def test_three_states_are_open() -> None:
    assert {State.WAITING, State.SENT, State.ACCEPTED} == OPEN
