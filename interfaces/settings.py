"""Settings, read from the environment (`CAPACITY_...`); the defaults serve one person's machine."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from application.ledger import Limits

if TYPE_CHECKING:  # it brings all that read models need
    from projections.past_files import PastLimits

Positive = Annotated[int, Field(ge=1)]
# Such as 100/minute. The library that counts them takes a while to import: not for this.
Rate = Annotated[str, Field(pattern=r"^$|^[1-9][0-9]{0,8}/(second|minute|hour|day)$")]


class Settings(BaseSettings):
    """Where things lie, and how much is taken on."""

    model_config = SettingsConfigDict(env_prefix="CAPACITY_", frozen=True, extra="forbid")

    database_url: str = Field(
        default="",
        description="postgresql://... ; empty: two SQLite files, named below",
        repr=False,  # it may hold a password
    )
    ledger_file: Path = Field(default=Path("capacity.db"), description="the ledger, if SQLite")
    views_file: Path = Field(
        default=Path("capacity.views.db"), description="read models, if SQLite; disposable"
    )
    data_dir: Path = Field(
        default=Path("data"), description="capacity files lie below: LINE/capacity/SCENARIO.json"
    )
    edited_files: Literal["adopt", "refuse"] = Field(
        default="adopt",
        description="drop-in functions: what becomes of a capacity file that others changed",
    )
    host: str = Field(
        default="127.0.0.1", description="loopback only, unless there is an active key"
    )
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
    report_threads: Positive = Field(
        default=1, description="queries that take long and run at the same time, beside the others"
    )
    reads_waiting: Positive = Field(default=200, description="queries that may wait for a thread")
    wait_seconds: float = Field(
        default=5.0, gt=0, le=60, description="the longest wait for a position (`after=`)"
    )
    stream_clients: Positive = Field(
        default=2_000, description="clients that may follow the event stream at the same time"
    )
    stream_queue_bytes: Positive = Field(
        default=2**20, description="what may wait for one of them; who is slower must reconnect"
    )
    stream_heartbeat_seconds: float = Field(
        default=15.0, gt=0, le=60, description="silence after which a stream says that it lives"
    )
    stream_resume_events: int = Field(
        default=0, ge=0, description="how far back `Last-Event-ID` may lie; 0: to the beginning"
    )
    fresh_seconds: float = Field(
        default=5.0, gt=0, description="how far behind answers may be before /freshz says so"
    )
    body_bytes: Positive = Field(
        default=8 * 2**20, description="the largest request body, and offers document"
    )
    planning_bytes: Positive = Field(
        default=64 * 2**20, description="the largest planning document the command line imports"
    )
    week_limit_hours: Positive = Field(
        default=168, le=10_000, description="the most hours of one assignment in one week"
    )
    request_seconds: float = Field(
        default=30.0, gt=0, description="how long a request may take until its answer begins"
    )

    keys_fresh_seconds: float = Field(
        default=0.25, gt=0, le=60, description="how long keys are gone by before another look"
    )
    refusals_kept: Positive = Field(
        default=10_000, description="requests that were not let in, of which the newest are kept"
    )
    rate_read: Rate = Field(
        default="2000/second", description="questions by one key; empty: no limit"
    )
    rate_write: Rate = Field(
        default="2000/second", description="commands by one key; empty: no limit"
    )
    rate_batch: Rate = Field(
        default="100/second", description="requests of many commands by one key; empty: no limit"
    )
    rate_refused: Rate = Field(
        default="20/second", description="requests without a valid key from one address"
    )
    rate_local: bool = Field(
        default=False, description="limit each address by these rates where there are no keys, too"
    )

    role_capacity_source: Literal["rollup", "normalized", "jsonb", "python"] = Field(
        default="rollup", description="what the role-capacity report reads; jsonb: PostgreSQL only"
    )
    role_capacity_gating: Literal["hire_week", "strict"] = Field(
        default="hire_week",
        description="whether the week of hiring counts whole, or only the weeks after it",
    )
    role_capacity_hidden_words: str = Field(
        default="",
        description="words with commas between: projects with one in their name or client are "
        "left out of the role-capacity report",
    )

    rebuild_budget_bytes: Positive = Field(
        default=256 * 2**20, description="memory for the rows of a rebuild"
    )

    past_dir: Path = Field(
        default=Path("capacity.past"), description="read models as they stood; disposable"
    )
    past_checkpoint_events: Positive = Field(
        default=50_000, description="events between two checkpoints of the past"
    )
    past_checkpoints: Positive = Field(
        default=40, description="checkpoints kept; beyond it they are thinned out"
    )
    past_checkpoint_bytes: Positive = Field(
        default=2 * 2**30, description="how large all checkpoints may be together"
    )
    past_cache_bytes: Positive = Field(
        default=2**30, description="how large the pasts that were asked for may be together"
    )
    past_wait_seconds: float = Field(
        default=10.0, gt=0, le=60, description="the longest wait for a past to be made"
    )
    pasts_waiting: Positive = Field(default=20, description="pasts that may wait to be made")

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

    @property
    def past_limits(self) -> "PastLimits":
        """How many pasts are kept."""
        from projections.past_files import PastLimits

        return PastLimits(
            checkpoint_events=self.past_checkpoint_events,
            checkpoints=self.past_checkpoints,
            checkpoint_bytes=self.past_checkpoint_bytes,
            cache_bytes=self.past_cache_bytes,
        )

    def _sqlalchemy_url(self, path: Path) -> str:
        if self.database_url:
            return self.database_url.replace("postgresql://", "postgresql+psycopg://", 1)
        return f"sqlite:///{path}"
