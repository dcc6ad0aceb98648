"""What a collector process is told: its database and its collectors.

Everything comes from one TOML file, named by ``QINGYU_INGEST_CONFIG``; ``${NAME}`` in it is
replaced from the environment, so that secrets stay out of the file.
"""

import os
import string
import tomllib
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

DEFAULT_CONFIG = "deploy/ingest.toml"


class Allowance(BaseModel):
    """The table `limits`: how much each key and each MQTT account may send.

    The rate that lasts is a multiple of what the enterprise's channels are due to send, and the
    burst above it so many days of it; neither is less than the least. Bytes are of payloads as
    they are unpacked, by so many to a reading.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    times_due: float = Field(default=10.0, gt=0)
    burst_days: float = Field(default=2.0, gt=0)
    least_per_s: float = Field(default=500.0, gt=0)  # readings
    least_burst: float = Field(default=1_000_000.0, gt=0)  # readings
    bytes_per_reading: float = Field(default=250.0, gt=0)


class Settings(BaseModel):
    """Settings of one process of ``python -m ingest``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    database: str
    monitoring: str | None = None  # host:port of /healthz and /metrics where no HTTP collector is
    collectors: list[dict[str, Any]]  # each with its `kind`, the name of a module
    rows_in_flight: int = Field(default=200_000, gt=0)
    bytes_in_flight: int = Field(default=64 * 1024 * 1024, gt=0)
    retention_days: int = Field(default=5 * 366, gt=0)  # an older reading is refused
    store_timeout_s: float = Field(default=30.0, gt=0)
    limits: Allowance = Allowance()


def load() -> Settings:
    """Return the settings; exits with one sentence when they cannot be read."""
    path = Path(os.environ.get("QINGYU_INGEST_CONFIG", DEFAULT_CONFIG))
    try:
        return Settings.model_validate(_filled(tomllib.loads(path.read_text(encoding="utf-8"))))
    except OSError as error:
        raise SystemExit(
            f"{path} cannot be read: {error.strerror}; set QINGYU_INGEST_CONFIG."
        ) from None
    except KeyError as error:
        raise SystemExit(f"{path} names {error}, which the environment does not set.") from None
    except ValueError as error:  # of TOML, of a template or of the model
        raise SystemExit(f"{path} is not valid: {error}") from None


def _filled(table: Any) -> Any:
    """Return a table of the file with names replaced from the environment."""
    match table:
        case dict():
            return {key: _filled(value) for key, value in table.items()}
        case list():
            return [_filled(value) for value in table]
        case str():
            return string.Template(table).substitute(os.environ)
        case _:
            return table
