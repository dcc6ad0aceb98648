"""What a collector answers to a document that carries an id, once its readings are committed."""

import msgspec


class Refusal(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why a reading is not stored, or, where ``index`` is None, the whole document."""

    code: str
    detail: str = ""
    detail_zh: str = ""
    index: int | None = None


class Outcome(msgspec.Struct, frozen=True):
    """The answer to one document.

    Either counts, with ``rejected`` for the readings that were refused by their place, or a
    ``code`` for a document that is refused as a whole.
    """

    id: str
    stored: int | None = None
    duplicate: int = 0
    revised: int = 0
    rejected: tuple[Refusal, ...] = ()
    code: str | None = None
    detail: str = ""
    detail_zh: str = ""

    @property
    def refusals(self) -> tuple[Refusal, ...]:
        """Return what was refused; one without an index stands for the whole document."""
        if self.code is not None:
            return (Refusal(self.code, self.detail, self.detail_zh),)
        return self.rejected


_OUTCOME = msgspec.json.Decoder(Outcome)


def read(payload: bytes) -> Outcome | None:
    """Return the outcome that a message holds; None where it is none: it settles nothing."""
    try:
        outcome = _OUTCOME.decode(payload)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None
    return None if outcome.code is None and outcome.stored is None else outcome
