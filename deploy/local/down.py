"""`make down`: stops a local run, wherever it was started."""

import os
import sys

from deploy.local import detached, settings
from deploy.local.errors import Cannot


def main() -> None:
    """Stop what runs; returns when all has ended."""
    try:
        chosen = settings.read(os.environ)
        folders = [chosen.home / "logs", chosen.data / "postgres", chosen.data / "broker"]
        chosen.home.mkdir(parents=True, exist_ok=True)
        print("stopped" if detached.down(chosen.home, folders) else "nothing was running")
    except Cannot as refusal:
        sys.exit(str(refusal))


if __name__ == "__main__":
    main()
