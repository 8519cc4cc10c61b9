"""One run of one command: the service is opened, asked or told, and left with all files current."""

import asyncio
import getpass
from collections.abc import Awaitable, Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar
from uuid import UUID, uuid4

from domain.errors import Invalid
from domain.names import name_fault
from interfaces.as_of import Moment, read_moment
from interfaces.cli.exit_codes import ExitCode
from interfaces.cli.output import answer, answer_json, note, plain, progress_bar
from interfaces.cli.problems import NotCurrent, problem_of

if TYPE_CHECKING:  # importing these costs a second, which `--help` shall not wait for
    from sqlalchemy import Connection

    from application.ledger import Command, Outcome
    from application.ledger.reader import LedgerLog
    from interfaces.service import Service
    from interfaces.settings import Settings

P = ParamSpec("P")
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
        as_of: str | None = None,
    ) -> None:
        self.as_json, self.given, self.dry_run = as_json, given, dry_run
        self._as_of = as_of
        self.actor, self.reason = actor, reason
        self.exit_code = ExitCode.OK

    @cached_property
    def settings(self) -> "Settings":
        """The environment's settings, over which the command line's win."""
        from interfaces.settings import Settings

        return Settings(**{name: value for name, value in self.given.items() if value is not None})

    @cached_property
    def as_of(self) -> Moment | None:
        """The moment that is asked about, if it is not now. Raises Invalid."""
        return None if self._as_of is None else read_moment("as_of", self._as_of)

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

    def run(self, work: "Callable[[Session], Awaitable[R]]", *, ahead_allowed: bool = False) -> R:
        """Open the service and do the work; `ahead_allowed` is for what mends read models."""
        from interfaces.service import open_service

        async def opened() -> R:
            async with open_service(self.settings, ahead_allowed=ahead_allowed) as service:
                return await work(Session(service, self))

        keep_logs_off_stdout(only_errors=True)
        self.check_reachable()
        return asyncio.run(opened())

    def check_reachable(self) -> None:
        """Fail at once and with the server's own words; a pool would try on for ten seconds."""
        if self.settings.database_url:
            import psycopg

            psycopg.connect(self.settings.database_url, connect_timeout=_CONNECT_SECONDS).close()

    def look(self, work: "Callable[[Look], Awaitable[R]]") -> R:
        """Do the work on the ledger's events alone, without opening any read model."""
        from interfaces.ledger_alone import open_log

        async def opened() -> R:
            async with open_log(self.settings) as log:
                return await work(Look(log, self))

        keep_logs_off_stdout(only_errors=True)
        self.check_reachable()
        return asyncio.run(opened())

    def ask(self, work: "Callable[[Session], Awaitable[R]]") -> R:
        """Do the work on read models that show all there is in the ledger by now, or was then."""

        async def current(session: Session) -> R:
            if self.as_of is None:
                await session.bring_current()
            else:
                await session.go_back(self.as_of)
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


class Look:
    """The ledger's events, for the length of one command that only looks at them."""

    def __init__(self, log: "LedgerLog", door: Door) -> None:
        self.log, self._door = log, door

    async def past(self) -> int | None:
        """Return the position that the command asks about; None is the newest. Raises Invalid."""
        from interfaces.ledger_alone import position_in, utc_now

        if self._door.as_of is None:
            return None
        head = await asyncio.to_thread(self.log.head)
        past = await position_in(self.log, "as_of", self._door.as_of, head=head, now=utc_now())
        if not self._door.as_json:
            note(f"As of position {past}")
        return past


class Session:
    """The open service, for the length of one command."""

    def __init__(self, service: "Service", door: Door) -> None:
        from projections.supplier_capacity import touched_scenarios

        self.service, self.door = service, door
        self.past: int | None = None  # the position that is asked about, if it is not the newest
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

    async def read(
        self,
        query: "Callable[Concatenate[Connection, P], R]",
        *arguments: P.args,
        **named: P.kwargs,
    ) -> R:
        """Answer a question as of now, or as of the moment that the command names."""
        if self.past is None:
            return await self.service.read(query, *arguments, **named)
        await self._make_past(self.past)
        return await self.service.read_past(
            self.past, lambda connection: query(connection, *arguments, **named)
        )

    async def go_back(self, moment: Moment) -> None:
        """Let all questions be answered as of a moment. Raises Invalid."""
        self.past = await self.service.position_of("as_of", moment)
        if not self.door.as_json:
            note(f"As of position {self.past}")

    async def _make_past(self, position: int) -> None:
        """Make a past, however long it takes: who sits here sees how far it is."""
        with progress_bar(f"Going back to {position}", max(1, position)) as bar:
            await asyncio.to_thread(
                self.service.pasts.files.at,
                position,
                progress=lambda done, total: bar.update(0, completed=done, total=max(1, total)),
            )

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
    from interfaces.logs import log_to_stderr

    log_to_stderr(only_errors=only_errors)
