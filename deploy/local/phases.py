"""How long the phases of a start take."""

import time


class Phases:
    """Phases one after the other, printed as seconds."""

    def __init__(self) -> None:
        self._begun: list[tuple[str, float]] = []

    def begin(self, name: str) -> None:
        """Begin a phase, which ends the one before."""
        self._begun.append((name, time.monotonic()))

    def __str__(self) -> str:
        """Return the whole and the phases until now: 61 s (database 7, history 12, …)."""
        ends = [at for _, at in self._begun[1:]] + [time.monotonic()]
        parts = [
            f"{name} {end - at:.0f}" for (name, at), end in zip(self._begun, ends, strict=True)
        ]
        return f"{ends[-1] - self._begun[0][1]:.0f} s ({', '.join(parts)})"
