"""Settings, read from the environment (`CAPACITY_...`); the defaults serve one person's machine."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from application.ledger import Limits

Positive = Annotated[int, Field(ge=1)]


class Settings(BaseSettings):
    """Where things lie, and how much is taken on."""

    model_config = SettingsConfigDict(env_prefix="CAPACITY_", frozen=True, extra="forbid")

    database_url: str = Field(
        default="", description="postgresql://... ; empty: two SQLite files, named below"
    )
    ledger_file: Path = Field(default=Path("capacity.db"), description="the ledger, if SQLite")
    views_file: Path = Field(
        default=Path("capacity.views.db"), description="read models, if SQLite; disposable"
    )
    data_dir: Path = Field(
        default=Path("data"), description="capacity files lie below: LINE/capacity/SCENARIO.json"
    )
    host: str = Field(default="127.0.0.1", description="loopback only, as there are no keys yet")
    port: int = Field(default=8000, ge=0, le=65_535, description="0: any that is free")

    queue_commands: Positive = Field(
        default=Limits().queue_commands, description="commands that may wait to be stored"
    )
    group_events: Positive = Field(
        default=Limits().group_events, description="events after which a group is closed"
    )
    cached_aggregates: Positive = Field(
        default=Limits().cached_aggregates, description="states kept in memory by the writer"
    )
    snapshot_every_events: Positive = Field(
        default=Limits().snapshot_every_events, description="events between two snapshots"
    )
    outage_seconds: float = Field(
        default=Limits().outage_seconds, gt=0, description="how long to wait for a lost database"
    )
    replies_kept_hours: Positive = Field(
        default=Limits().replies_kept_hours, description="how long idempotency keys are remembered"
    )

    read_threads: Positive = Field(
        default=2, description="queries that run at the same time; they share cores with commands"
    )
    reads_waiting: Positive = Field(default=200, description="queries that may wait for a thread")
    wait_seconds: float = Field(
        default=5.0, gt=0, le=60, description="the longest wait for a position (`after=`)"
    )
    fresh_seconds: float = Field(
        default=5.0, gt=0, description="how far behind answers may be before /freshz says so"
    )
    body_bytes: Positive = Field(
        default=8 * 2**20, description="the largest request body, and offers document"
    )
    rebuild_budget_bytes: Positive = Field(
        default=256 * 2**20, description="memory for the rows of a rebuild"
    )

    @field_validator("database_url")
    @classmethod
    def _is_postgres(cls, url: str) -> str:
        if url and not url.startswith(("postgresql://", "postgres://")):
            raise ValueError("a URL that begins with postgresql:// is needed, or nothing")
        return url.replace("postgres://", "postgresql://", 1)

    @property
    def ledger_url(self) -> str:
        """The ledger's database, as SQLAlchemy names it."""
        return self._sqlalchemy_url(self.ledger_file)

    @property
    def views_url(self) -> str:
        """The read models' database, as SQLAlchemy names it."""
        return self._sqlalchemy_url(self.views_file)

    @property
    def rebuild_dir(self) -> Path:
        """Where a rebuild keeps what it has folded so far, beside the read models."""
        return self.views_file.with_suffix(".rebuilds")

    @property
    def limits(self) -> Limits:
        """What the ledger takes on."""
        return Limits(**{name: getattr(self, name) for name in Limits._fields})

    def _sqlalchemy_url(self, path: Path) -> str:
        if self.database_url:
            return self.database_url.replace("postgresql://", "postgresql+psycopg://", 1)
        return f"sqlite:///{path}"
