"""One run of one command: the service is opened, asked or told, and left with all files current."""

import asyncio
import getpass
import sys
from collections.abc import Awaitable, Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID, uuid4

from domain.errors import Invalid
from domain.names import name_fault
from interfaces.cli.exit_codes import ExitCode
from interfaces.cli.output import answer, answer_json, note, plain
from interfaces.cli.problems import NotCurrent, problem_of

if TYPE_CHECKING:  # importing these costs a second, which `--help` shall not wait for
    from application.ledger import Command, Outcome
    from interfaces.service import Service
    from interfaces.settings import Settings

R = TypeVar("R")

MAX_REASON_CHARACTERS = 1_000
_CONNECT_SECONDS = 10


class Door:
    """What the options that commands share say, and how a command reaches the service."""

    def __init__(
        self,
        *,
        as_json: bool,
        given: dict[str, Any],
        actor: str = "",
        reason: str = "",
        dry_run: bool = False,
    ) -> None:
        self.as_json, self.given, self.dry_run = as_json, given, dry_run
        self.actor, self.reason = actor, reason
        self.exit_code = ExitCode.OK

    @cached_property
    def settings(self) -> "Settings":
        """The environment's settings, over which the command line's win."""
        from interfaces.settings import Settings

        return Settings(**{name: value for name, value in self.given.items() if value is not None})

    def answer(self, document: Any, *lines: Any) -> None:
        """Print the answer, as JSON or for people."""
        if self.as_json:
            answer_json(plain(document))
        else:
            answer(*lines)

    def answer_command(
        self, outcome: "Outcome[Any]", result: Any, sentence: str, *more: Any
    ) -> None:
        """Print what a command came to; a dry run says what it would have recorded."""
        document = plain(result)
        if self.dry_run:
            topics = [event.topic for event in outcome.events]
            document |= {"dry_run": True, "would_record": topics}
            would = ", ".join(dict.fromkeys(topics)) or "nothing"
            more = (*more, f"Dry run: nothing is stored; it would record {would}.")
        else:
            document |= {"position": outcome.position}
        self.answer(document, sentence, *more)

    def run(self, work: "Callable[[Session], Awaitable[R]]") -> R:
        """Open the service and do the work."""
        from interfaces.service import open_service

        async def opened() -> R:
            async with open_service(self.settings) as service:
                return await work(Session(service, self))

        keep_logs_off_stdout(only_errors=True)
        self.check_reachable()
        return asyncio.run(opened())

    def check_reachable(self) -> None:
        """Fail at once and with the server's own words; a pool would try on for ten seconds."""
        if self.settings.database_url:
            import psycopg

            psycopg.connect(self.settings.database_url, connect_timeout=_CONNECT_SECONDS).close()

    def ask(self, work: "Callable[[Session], Awaitable[R]]") -> R:
        """Do the work on read models that show all there is in the ledger by now."""

        async def current(session: Session) -> R:
            await session.bring_current()
            return await work(session)

        return self.run(current)

    def tell(self, work: "Callable[[Session], Awaitable[R]]") -> R:
        """Do the work, then bring read models and capacity files up to date.

        What was done is stored by then, so a failure becomes the exit code, not an error.
        """

        async def left_current(session: Session) -> R:
            result = await work(session)
            await self._leave_current(session)
            return result

        return self.run(left_current)

    async def _leave_current(self, session: "Session") -> None:
        try:
            await session.bring_current()
        except Exception as error:
            found = problem_of(error)
            if found is None:
                raise
            self.exit_code = ExitCode.NOT_CURRENT
            found._replace(exit_code=self.exit_code).say(as_json=self.as_json)


class Session:
    """The open service, for the length of one command."""

    def __init__(self, service: "Service", door: Door) -> None:
        from projections.supplier_capacity import touched_scenarios

        self.service, self.door = service, door
        self._correlation_id = uuid4()
        self._touched: set[tuple[str, str]] = set()
        # Whoever moves the read models writes the files: a server beside us will not be told.
        service.projector.on_applied.append(
            lambda position, rows: self._touched.update(touched_scenarios(rows))
        )

    def command(self) -> "Command":
        """Return who wants what comes next, why and when. Raises Invalid."""
        from application.ledger import Command

        return Command(
            actor=actor_name(self.door.actor),
            reason=_checked_reason(self.door.reason),
            command_id=uuid4(),
            at=self.service.clock(),
            correlation_id=self._correlation_id,
            dry_run=self.door.dry_run,
        )

    @property
    def correlation_id(self) -> UUID:
        """What all commands of this run have in common."""
        return self._correlation_id

    async def bring_current(self) -> None:
        """Bring read models to the ledger's head, and write the files of what was touched."""
        await self.service.catch_up()
        await self._warn_of_parked()
        touched, self._touched = self._touched, set()
        if touched:
            await self.write_files(touched)

    async def _warn_of_parked(self) -> None:
        from projections.parking import first_parked

        for name, position in (await self.service.read(first_parked)).items():
            note(
                f"Warning: {name} could not apply the event at position {position}, and shows "
                "nothing that depends on it; `capacity projections parked` says why"
            )

    async def write_files(self, scenarios: set[tuple[str, str]]) -> None:
        """Write capacity files; what somebody else changed is left alone. Raises NotCurrent."""
        failed = []
        for line, scenario in sorted(scenarios):
            try:
                outcome = await asyncio.to_thread(self.service.capacity_files.write, line, scenario)
            except Exception as error:  # one failure never stops the rest
                failed.append(str(error))
                continue
            if outcome not in ("written", "unchanged"):
                note(
                    f"Warning: the capacity file of {line}/{scenario} is {outcome}, and is left "
                    "alone; `capacity files verify --rewrite` writes it anew"
                )
        if failed:
            raise NotCurrent("; ".join(failed))


def actor_name(given: str) -> str:
    """Return who acts: the name given, or else the login name. Raises Invalid."""
    name = given
    if not name:
        try:
            name = getpass.getuser()
        except (KeyError, OSError, ImportError):  # a container's user may have no name
            name = "unknown"
    if fault := name_fault(name):
        raise Invalid(("/actor", fault))
    return name


def _checked_reason(reason: str) -> str:
    if len(reason) > MAX_REASON_CHARACTERS:
        found = f"found {len(reason)} characters"
        raise Invalid(("/reason", f"{found}, at most {MAX_REASON_CHARACTERS} are allowed"))
    for character in reason:
        if fault := name_fault(character + "."):
            raise Invalid(("/reason", fault))
    return reason


def keep_logs_off_stdout(*, only_errors: bool) -> None:
    """Send the log to stderr; a short command says itself what a person must know."""
    import logging

    import structlog

    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.ERROR if only_errors else logging.INFO
        ),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
