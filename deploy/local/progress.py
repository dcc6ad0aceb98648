"""What a start is doing, on the terminal."""

import re
import shutil
import sys
import threading
import time
from collections.abc import Callable
from typing import TextIO

Report = Callable[[str], None]

PLAIN_INTERVAL = 5.0  # seconds between plain lines that differ in their numbers only


class Progress:
    """One line that is rewritten on a terminal, plain lines elsewhere; safe between threads."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._rewrites = self._stream.isatty()
        self._lock = threading.Lock()
        self._line = ""
        self._sentences: dict[str, str] = {}
        self._printed: dict[str, tuple[str, float]] = {}

    def about(self, subject: str) -> Report:
        """Return the function that reports on ``subject``."""
        return lambda sentence: self.report(subject, sentence)

    def report(self, subject: str, sentence: str) -> None:
        """Show what is being done about ``subject``; an empty sentence takes it off the line."""
        with self._lock:
            if self._rewrites:
                self._rewrite(subject, sentence)
            elif sentence:
                self._print(subject, sentence)

    def close(self) -> None:
        """Clear the line, so that other output starts on an empty one."""
        with self._lock:
            if self._rewrites and self._sentences:
                self._sentences.clear()
                self._stream.write("\r\x1b[K")
                self._stream.flush()

    def _rewrite(self, subject: str, sentence: str) -> None:
        if sentence:
            self._sentences[subject] = sentence
        else:
            self._sentences.pop(subject, None)
        line = " · ".join(f"{name}: {text}" for name, text in self._sentences.items())
        if line != self._line:
            width = shutil.get_terminal_size().columns - 1
            self._stream.write(f"\r{line[:width]}\x1b[K")
            self._stream.flush()
            self._line = line

    def _print(self, subject: str, sentence: str) -> None:
        wording = re.sub(r"[0-9.]+", "", sentence)
        last, at = self._printed.get(subject, ("", 0.0))
        if wording == last and time.monotonic() - at < PLAIN_INTERVAL:
            return
        self._printed[subject] = (wording, time.monotonic())
        print(f"{subject}: {sentence}", file=self._stream, flush=True)
