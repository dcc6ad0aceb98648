"""The variables of a local run: ports and folders."""

import hashlib
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.local import tls
from deploy.local.errors import Cannot
from deploy.local.tls import Tls

CHECKOUT = Path(__file__).resolve().parents[2]
PORTS = {
    "QINGYU_API_PORT": 8000,
    "QINGYU_ANALYZE_PORT": 8001,
    "QINGYU_INGEST_PORT": 8010,
    "QINGYU_MQTT_PORT": 1883,
    "QINGYU_HJ212_PORT": 9212,
    "QINGYU_DATABASE_PORT": 15432,
}
_SWITCH = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}


@dataclass(frozen=True, slots=True)
class Settings:
    """Where a local run listens and keeps its files.

    ``home`` holds local.env, logs and process files, ``data`` the database and the broker's
    store, ``cache`` what was downloaded; ``series`` is a folder of real series for the demo.
    """

    api_port: int
    analyze_port: int
    ingest_port: int
    mqtt_port: int
    hj212_port: int
    database_port: int
    home: Path
    data: Path
    cache: Path
    demo: bool
    series: Path | None
    mqtt_tls: Tls | None


def read(environment: Mapping[str, str], checkout: Path = CHECKOUT) -> Settings:
    """Return the settings of ``environment``; raises Cannot with the variable that is wrong."""
    ports = {name: _port(environment, name, default) for name, default in PORTS.items()}
    _refuse_twins(ports)
    home = _folder(environment, "QINGYU_HOME", checkout / ".qingyu")
    return Settings(
        api_port=ports["QINGYU_API_PORT"],
        analyze_port=ports["QINGYU_ANALYZE_PORT"],
        ingest_port=ports["QINGYU_INGEST_PORT"],
        mqtt_port=ports["QINGYU_MQTT_PORT"],
        hj212_port=ports["QINGYU_HJ212_PORT"],
        database_port=ports["QINGYU_DATABASE_PORT"],
        home=home,
        data=_folder(environment, "QINGYU_DATA", _usual_data(home)),
        cache=cache_folder(environment),
        demo=_switch(environment, "DEMO"),
        series=_series(environment, checkout),
        mqtt_tls=tls.read(environment),
    )


def cache_folder(environment: Mapping[str, str]) -> Path:
    """Return the folder of downloads: QINGYU_CACHE, else the usual one of this user.

    For root it is a folder that other users can enter, because PostgreSQL runs as one of them.
    """
    if os.geteuid() == 0:
        usual = Path("/var/cache/qingyu")
    elif environment.get("XDG_CACHE_HOME"):
        usual = Path(environment["XDG_CACHE_HOME"], "qingyu")
    else:
        usual = Path("~/.cache/qingyu").expanduser()
    return _folder(environment, "QINGYU_CACHE", usual)


def check_ports(settings: Settings) -> None:
    """Raise Cannot, naming the variable, when a port of ``settings`` is taken."""
    if settings.mqtt_tls is not None:
        check_port("QINGYU_MQTT_TLS_PORT", settings.mqtt_tls.port)
    for variable in PORTS:
        check_port(variable, getattr(settings, variable.removeprefix("QINGYU_").lower()))


def check_port(variable: str, port: int) -> None:
    """Raise Cannot when nothing can listen on ``port`` of 127.0.0.1."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
            listener.listen(1)
        except PermissionError:
            raise Cannot(
                f"Port {port} needs root: set {variable} to a port from 1024 on."
            ) from None
        except OSError:
            raise Cannot(
                f"Port {port} is taken by another program: "
                f"stop it, or set {variable} to a free port."
            ) from None


def free_port() -> int:
    """Return a port of 127.0.0.1 that nothing listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _usual_data(home: Path) -> Path:
    if os.geteuid() != 0:
        return home / "data"
    short = hashlib.sha256(str(home).encode()).hexdigest()[:8]
    return Path("/var/lib/qingyu", short)


def _port(environment: Mapping[str, str], name: str, default: int) -> int:
    text = environment.get(name, "").strip()
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 65536):
        raise Cannot(f"{name} is {text!r}: set it to a port number from 1 to 65535.")
    return int(text)


def _refuse_twins(ports: Mapping[str, int]) -> None:
    names: dict[int, str] = {}
    for name, port in ports.items():
        if port in names:
            raise Cannot(f"{names[port]} and {name} are both {port}: set one of them differently.")
        names[port] = name


def _folder(environment: Mapping[str, str], name: str, default: Path) -> Path:
    text = environment.get(name, "")
    folder = Path(text).expanduser().absolute() if text else default
    if set(str(folder)) & set(':"$\n'):
        raise Cannot(f'{name} is {str(folder)!r}: set it to a folder without : " or $ in its path.')
    if folder.exists() and not folder.is_dir():
        raise Cannot(f"{name} is {folder}, which is a file: set it to a folder.")
    return folder


def _switch(environment: Mapping[str, str], name: str) -> bool:
    text = environment.get(name, "").strip().lower()
    if text and text not in _SWITCH:
        raise Cannot(f"{name} is {text!r}: set it to 1 or 0.")
    return _SWITCH.get(text, True)


def _series(environment: Mapping[str, str], checkout: Path) -> Path | None:
    text = environment.get("QINGYU_SERIES")
    if text is None:
        usual = checkout.parent / "shared" / "data"
        return usual if usual.is_dir() else None
    if not text:  # set to nothing: none is wanted
        return None
    folder = Path(text).expanduser().absolute()
    if not folder.is_dir():
        raise Cannot(f"QINGYU_SERIES is {text!r}, which is no folder: correct or unset it.")
    return folder
