"""What the service is told by its environment, each variable with the prefix ``QINGYU_``."""

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Settings of ``python -m service``."""

    model_config = SettingsConfigDict(env_prefix="QINGYU_", frozen=True)

    database: str  # a PostgreSQL URL
    api_bind: str = "127.0.0.1:8000"
    analyze_bind: str = "127.0.0.1:8001"  # /healthz, /readyz and /metrics of the analysis
    certificate: str | None = None
    certificate_key: str | None = None
    guest_region: str | None = None  # who comes without a key may read this region; None: nobody
    broker: str | None = None  # host:port of the MQTT broker whose accounts are kept here
    broker_user: str = "qingyu-service"
    broker_password: SecretStr | None = None
    broker_password_file: Path | None = None  # instead of it
    broker_tls: bool = False
    broker_certificate_authority: str | None = None
    broker_certificate: str | None = None
    broker_certificate_key: str | None = None
    broker_reads_tables: bool = False  # it asks the database itself and is told nothing
    rollup_workers: int = Field(default=2, ge=1)
    retention_days: int = Field(default=5 * 366, ge=31)  # of readings
    rollup_retention_days: int = Field(default=15 * 366, ge=31)
    frame_retention_days: int = Field(default=30, ge=1)
    rejected_retention_days: int = Field(default=366, ge=1)
