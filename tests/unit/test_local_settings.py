import re
import socket
from pathlib import Path

import pytest

from deploy.local import settings
from deploy.local.errors import Cannot
from deploy.local.settings import free_port
from deploy.local.tls import Tls

CHECKOUT = Path("/srv/checkout")


def test_an_empty_environment_gives_the_documented_values(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)

    found = settings.read({"XDG_CACHE_HOME": "/home/guest/.cache"}, CHECKOUT)

    assert found == settings.Settings(
        api_port=8000,
        analyze_port=8001,
        ingest_port=8010,
        mqtt_port=1883,
        hj212_port=9212,
        database_port=15432,
        home=CHECKOUT / ".qingyu",
        data=CHECKOUT / ".qingyu" / "data",
        cache=Path("/home/guest/.cache/qingyu"),
        demo=True,
        series=None,
        mqtt_tls=None,
    )


def test_root_keeps_its_data_where_another_user_can_enter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)

    here = settings.read({}, CHECKOUT)
    elsewhere = settings.read({}, Path("/srv/another"))

    assert here.cache == Path("/var/cache/qingyu")
    assert here.data.parent == Path("/var/lib/qingyu")
    assert here.data != elsewhere.data


def test_the_series_lie_beside_the_checkout_unless_none_are_wanted(tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    (tmp_path / "shared" / "data").mkdir(parents=True)

    assert settings.read({}, checkout).series == tmp_path / "shared" / "data"
    assert settings.read({"QINGYU_SERIES": ""}, checkout).series is None


def test_every_value_can_be_set() -> None:
    environment = {
        **{name: str(port + 1) for name, port in settings.PORTS.items()},
        "QINGYU_HOME": "/srv/home",
        "QINGYU_DATA": "/srv/data",
        "QINGYU_CACHE": "/srv/cache",
        "QINGYU_SERIES": "/",
        "DEMO": "0",
        "QINGYU_MQTT_CERTIFICATE": __file__,
        "QINGYU_MQTT_CERTIFICATE_KEY": __file__,
        "QINGYU_MQTT_CLIENT_AUTHORITY": __file__,
        "QINGYU_MQTT_TLS_PORT": "8884",
    }
    here = Path(__file__)

    assert settings.read(environment, CHECKOUT) == settings.Settings(
        api_port=8001,
        analyze_port=8002,
        ingest_port=8011,
        mqtt_port=1884,
        hj212_port=9213,
        database_port=15433,
        home=Path("/srv/home"),
        data=Path("/srv/data"),
        cache=Path("/srv/cache"),
        demo=False,
        series=Path("/"),
        mqtt_tls=Tls(8884, here, here, here),
    )


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        pytest.param({"QINGYU_MQTT_CERTIFICATE": __file__}, "needs both", id="no key"),
        pytest.param({"QINGYU_MQTT_CLIENT_AUTHORITY": __file__}, "needs both", id="no own"),
        pytest.param({"QINGYU_MQTT_CERTIFICATE": "/no"}, "'/no', which is no file", id="no file"),
        pytest.param(
            {
                "QINGYU_MQTT_CERTIFICATE": __file__,
                "QINGYU_MQTT_CERTIFICATE_KEY": __file__,
                "QINGYU_MQTT_TLS_PORT": "0",
            },
            "QINGYU_MQTT_TLS_PORT is '0'",
            id="no port",
        ),
    ],
)
def test_tls_of_the_broker_is_whole_or_a_sentence(
    environment: dict[str, str], sentence: str
) -> None:
    with pytest.raises(Cannot, match=re.escape(sentence)):
        settings.read(environment, CHECKOUT)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param("QINGYU_API_PORT", "http", id="a port is a number"),
        pytest.param("QINGYU_MQTT_PORT", "0", id="a port is not zero"),
        pytest.param("QINGYU_HJ212_PORT", "65536", id="a port has sixteen bits"),
        pytest.param("QINGYU_INGEST_PORT", "8000", id="two ports differ"),
        pytest.param("QINGYU_DATABASE_PORT", "１２３４", id="digits are ASCII"),
        pytest.param("QINGYU_CACHE", "/srv/a:b", id="a folder goes into paths joined by a colon"),
        pytest.param("QINGYU_HOME", "/etc/passwd", id="a folder is not a file"),
        pytest.param("QINGYU_SERIES", "/nowhere", id="the series are there"),
        pytest.param("DEMO", "maybe", id="a switch is on or off"),
    ],
)
def test_a_wrong_value_is_one_sentence_that_names_the_variable(name: str, value: str) -> None:
    with pytest.raises(Cannot) as refusal:
        settings.read({name: value}, CHECKOUT)

    assert name in str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert str(refusal.value).endswith(".")


def test_a_taken_port_is_one_sentence_that_names_variable_and_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        environment = {name: str(free_port()) for name in settings.PORTS}
        taken = settings.read({**environment, "QINGYU_HJ212_PORT": str(port)}, CHECKOUT)
        with pytest.raises(Cannot, match=rf"^Port {port} is taken .* QINGYU_HJ212_PORT .*\.$"):
            settings.check_ports(taken)
    settings.check_ports(taken)
