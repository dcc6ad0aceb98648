"""`make packet`: one HJ 212 packet to the local run over TCP, and the answer.

For trying things: the demo's monitor, or any MN; a real monitor computes the CRC by itself.
"""

import argparse
import socket
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from deploy.local.errors import Cannot
from deploy.local.fleet import variables
from ingest.protocols.hj212_frames import build

SHANGHAI = timedelta(hours=8)
PATIENCE_S = 10.0
LENGTHS_S = {"2011": 1, "2051": 60, "2061": 3_600, "2031": 86_400}
SUFFIXES = {"2011": "Rtd"}


def main(arguments: Sequence[str] | None = None) -> None:
    """Send a packet and print both; exits with one sentence where there is no answer."""
    parser = argparse.ArgumentParser(prog="python -m deploy.local.packet", description=__doc__)
    parser.add_argument("--mn", default="", help="the demo's monitor by default")
    parser.add_argument("--cn", choices=sorted(LENGTHS_S), default="2061")
    parser.add_argument("--factor", default="a24088", help="NMHC by default")
    parser.add_argument("--value", type=float, default=12.0)
    chosen = parser.parse_args(arguments)
    try:
        known = variables.read()
        mn = chosen.mn or known.key("QINGYU_DEMO_MN")
        frame = packet(mn, chosen.cn, chosen.factor, chosen.value, datetime.now(UTC))
        print(frame.decode().rstrip())
        print(_exchange(known.key("QINGYU_HJ212"), frame))
    except Cannot as refusal:
        sys.exit(str(refusal))


def packet(mn: str, cn: str, factor: str, value: float, now: datetime) -> bytes:
    """Return a packet for the last period that is over, or for now."""
    length = LENGTHS_S[cn]
    local = now + SHANGHAI
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    start = midnight + (local - midnight) // timedelta(seconds=length) * timedelta(seconds=length)
    if cn != "2011":
        start -= timedelta(seconds=length)
    content = f"DataTime={start:%Y%m%d%H%M%S};{factor}-{SUFFIXES.get(cn, 'Avg')}={value}"
    qn = f"{local:%Y%m%d%H%M%S}{local.microsecond // 1000:03}"
    head = f"QN={qn};ST=31;CN={cn};PW=123456;MN={mn};Flag=5;CP=&&"
    return build(f"{head}{content},{factor}-Flag=N&&".encode())


def _exchange(address: str, frame: bytes) -> str:
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host, int(port)), PATIENCE_S) as line:
            line.sendall(frame)
            return line.recv(4_096).decode(errors="replace").rstrip()
    except TimeoutError:
        raise Cannot("No answer: readings cannot be stored now; send it again.") from None
    except OSError as error:
        raise Cannot(f"{address} cannot be reached ({error.strerror}): run make up.") from None


if __name__ == "__main__":
    main()
