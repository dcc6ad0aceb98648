"""A Chromium for the browser tests, with fonts that have Chinese."""

import importlib.util
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from deploy.local import debian, elf
from deploy.local.errors import Cannot
from deploy.local.packages import CHROMIUM, FONTS
from deploy.local.progress import Report
from deploy.local.settings import cache_folder

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_FONTS = """\
<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>{fonts}</dir>
  <cachedir prefix="xdg">fontconfig</cachedir>
  <alias><family>sans-serif</family>
    <prefer><family>DejaVu Sans</family><family>WenQuanYi Micro Hei</family></prefer></alias>
  <alias><family>serif</family>
    <prefer><family>DejaVu Serif</family><family>WenQuanYi Micro Hei</family></prefer></alias>
  <alias><family>monospace</family>
    <prefer><family>DejaVu Sans Mono</family><family>WenQuanYi Micro Hei Mono</family></prefer>
  </alias>
</fontconfig>
"""


@dataclass(frozen=True, slots=True)
class Browser:
    """What Playwright's launch() takes: executable_path, env and args."""

    executable: Path
    environment: dict[str, str]
    arguments: tuple[str, ...] = ("--no-sandbox",)  # root has none, and our pages are our own


def ensure(cache: Path | None = None, report: Report | None = None) -> Browser:
    """Return a Chromium that runs: QINGYU_CHROMIUM, one on the PATH, else a private copy.

    The fonts are always the private ones, so that pictures look alike on every machine. The first
    call downloads up to 125 MB below ``cache``, later ones need no network. Raises Cannot.
    """
    cache = cache or cache_folder(os.environ)
    chosen = os.environ.get("QINGYU_CHROMIUM")
    if chosen and not _runs(Path(chosen)):
        raise Cannot(f"QINGYU_CHROMIUM is {chosen}, which does not run: correct or unset it.")
    executable = Path(chosen) if chosen else _installed() or _private(cache, report)
    _check_driver()
    fonts = debian.ensure(FONTS, cache, report)
    return Browser(executable, {**os.environ, "FONTCONFIG_FILE": str(_configured(fonts))})


def _check_driver() -> None:
    spec = importlib.util.find_spec("playwright")
    if spec is None or spec.origin is None or "PLAYWRIGHT_NODEJS_PATH" in os.environ:
        return
    if not _runs(Path(spec.origin).with_name("driver") / "node"):
        raise Cannot("Playwright's own Node does not run here: install the package libatomic1.")


def _installed() -> Path | None:
    found = (shutil.which(name) for name in NAMES)
    return next((Path(path) for path in found if path and _runs(Path(path))), None)


def _private(cache: Path, report: Report | None) -> Path:
    root = debian.ensure(CHROMIUM, cache, report)
    elf.ensure(root, CHROMIUM, debian.lock_of(cache))
    return root / CHROMIUM.programs[0]


def _runs(executable: Path) -> bool:
    """A snap's stand-in, for one, is on the PATH and does not run."""
    try:
        answer = subprocess.run(
            [executable, "--version"], capture_output=True, timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return answer.returncode == 0


def _configured(fonts: Path) -> Path:
    target = fonts / "fonts.conf"
    text = _FONTS.format(fonts=fonts / "usr" / "share" / "fonts")
    if not target.exists() or target.read_text() != text:
        part = target.with_suffix(f".{os.getpid()}")
        part.write_text(text)
        part.replace(target)
    return target


if __name__ == "__main__":
    try:
        print(ensure().executable)
    except Cannot as refusal:
        sys.exit(str(refusal))
