"""What the sender is told on its command line."""

import argparse
import os
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.local.errors import Cannot
from deploy.local.sender.batch import MOST_READINGS
from deploy.local.sender.link import Account

PASSWORD = "QINGYU_SENDER_PASSWORD"  # noqa: S105


@dataclass(frozen=True, slots=True)
class Arguments:
    """Whom to send to, what, and where it is kept until then."""

    account: Account
    folder: Path
    incoming: Path | None  # None: standard input
    once: bool
    batch: int  # readings
    age_s: float
    room: int  # bytes
    events: bool


def parse(words: Sequence[str] | None = None) -> Arguments:
    """Return the arguments; raises Cannot with what to do."""
    asked = _parser().parse_args(words)
    if not 1 <= asked.batch <= MOST_READINGS:
        raise Cannot(f"--batch is {asked.batch}: a document holds 1 to {MOST_READINGS} readings.")
    host, _, port = asked.broker.rpartition(":")
    if not host or not port.isdigit():
        raise Cannot(f"--broker is {asked.broker!r}: name it as host:port.")
    if asked.incoming is not None and not asked.incoming.is_dir():
        raise Cannot(f"{asked.incoming} is no folder: make it, or leave --incoming out.")
    account = Account(
        asked.broker, asked.uscc, asked.user or asked.uscc, _password(asked), _tls(asked.tls_ca)
    )
    return Arguments(
        account,
        asked.folder,
        asked.incoming,
        asked.once,
        asked.batch,
        asked.age,
        asked.most_mib << 20,
        asked.events,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m deploy.local.sender",
        description="Sends readings, one JSON object a line, and keeps each until it is answered.",
    )
    parser.add_argument("--broker", required=True, help="host:port")
    parser.add_argument("--uscc", required=True, help="social credit code of the enterprise")
    parser.add_argument("--user", help="account at the broker; the social credit code by default")
    parser.add_argument(
        "--password-file", type=Path, help=f"by default the variable {PASSWORD} holds it"
    )
    parser.add_argument("--tls-ca", type=Path, help="certificate authority; turns TLS on")
    parser.add_argument("--folder", type=Path, required=True, help="where documents are kept")
    parser.add_argument("--incoming", type=Path, help="folder of *.ndjson files, instead of stdin")
    parser.add_argument("--once", action="store_true", help="end when --incoming is empty")
    parser.add_argument("--batch", type=int, default=1_000, help="readings in a document, at most")
    parser.add_argument("--age", type=float, default=5.0, help="seconds that a reading waits")
    parser.add_argument("--most-mib", type=int, default=1_024, help="kept at most; then it waits")
    parser.add_argument("--events", action="store_true", help="tell on stdout what is safe")
    return parser


def _password(asked: argparse.Namespace) -> str:
    if asked.password_file is not None:
        try:
            return str(asked.password_file.read_text(encoding="utf-8").strip())
        except OSError as error:
            raise Cannot(f"{asked.password_file} cannot be read: {error.strerror}.") from None
    if password := os.environ.get(PASSWORD):
        return password
    raise Cannot(f"No password: set {PASSWORD}, or name a file with --password-file.")


def _tls(authority: Path | None) -> ssl.SSLContext | None:
    if authority is None:
        return None
    try:
        return ssl.create_default_context(cafile=authority)
    except OSError as error:  # of TLS, too
        raise Cannot(f"{authority} holds no certificates: {error}.") from None
