"""TLS of the broker of a local run: a second listener, with certificates that are given."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.local.errors import Cannot

PORT = 8883


@dataclass(frozen=True, slots=True)
class Tls:
    """A listener with a certificate; with ``client_authority`` it asks clients for theirs."""

    port: int
    certificate: Path
    certificate_key: Path
    client_authority: Path | None = None

    def configuration(self) -> str:
        """Return its lines for the broker."""
        lines = [
            f"listener {self.port} 127.0.0.1",
            f"certfile {self.certificate}",
            f"keyfile {self.certificate_key}",
        ]
        if self.client_authority is not None:
            lines += [f"cafile {self.client_authority}", "require_certificate true"]
        return "".join(f"{line}\n" for line in lines)


def read(environment: Mapping[str, str]) -> Tls | None:
    """Return what `QINGYU_MQTT_CERTIFICATE` and its like ask for; None where they ask for none.

    Raises Cannot with the variable that is wrong.
    """
    certificate = _file(environment, "QINGYU_MQTT_CERTIFICATE")
    key = _file(environment, "QINGYU_MQTT_CERTIFICATE_KEY")
    authority = _file(environment, "QINGYU_MQTT_CLIENT_AUTHORITY")
    if certificate is None and key is None and authority is None:
        return None
    if certificate is None or key is None:
        raise Cannot(
            "TLS of the broker needs both: set QINGYU_MQTT_CERTIFICATE and"
            " QINGYU_MQTT_CERTIFICATE_KEY to files, or none of them."
        )
    text = environment.get("QINGYU_MQTT_TLS_PORT", "").strip() or str(PORT)
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 65536):
        raise Cannot(f"QINGYU_MQTT_TLS_PORT is {text!r}: set it to a port number from 1 to 65535.")
    return Tls(int(text), certificate, key, authority)


def _file(environment: Mapping[str, str], name: str) -> Path | None:
    text = environment.get(name, "").strip()
    if not text:
        return None
    path = Path(text).expanduser().absolute()
    if not path.is_file():
        raise Cannot(f"{name} is {text!r}, which is no file: correct or unset it.")
    return path
