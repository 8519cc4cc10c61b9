"""Commands that make the ledger's tables, and serve it."""

from typing import Annotated

import typer

from interfaces.cli.doors import Door, Session, keep_logs_off_stdout
from interfaces.cli.exit_codes import ExitCode
from interfaces.cli.problems import Usage, problem_of


def serve(
    door: Door,
    host: Annotated[
        str | None,
        typer.Option(help="Else CAPACITY_HOST, else 127.0.0.1.", show_default=False),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65_535, help="Else CAPACITY_PORT, else 8000.", show_default=False),
    ] = None,
    no_projector: Annotated[
        bool,
        typer.Option(
            "--no-projector", help="Leave read models to `capacity projections run` elsewhere."
        ),
    ] = False,
) -> None:
    """Serve the ledger by HTTP until Ctrl-C.

    **Example:** `capacity serve --port 8080`
    """
    door.given |= {"host": host, "port": port}
    settings = door.settings
    door.run(_nothing)  # what is missing is said here in a sentence, not by a server that fails
    from interfaces.http.admission import is_loopback
    from interfaces.http.server import NotLoopback
    from interfaces.http.server import serve as serve_http

    try:
        # Who reaches this machine alone needs no key, and need not wait for the read models.
        active_keys = 0 if is_loopback(settings.host) else door.ask(_count_active_keys)
        keep_logs_off_stdout(only_errors=False)
        serve_http(settings, projector=None if no_projector else "process", active_keys=active_keys)
    except NotLoopback as error:
        raise Usage(str(error)) from None
    except KeyboardInterrupt:
        return  # the way in which a server is ended
    except SystemExit:  # the log has told why it could not start, such as a port that is taken
        door.exit_code = ExitCode.UNAVAILABLE


def migrate(
    door: Door,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say whether there is anything to do.")
    ] = False,
) -> None:
    """Create the ledger's tables, or bring them up to date; safe to repeat.

    **Example:** `capacity migrate --database-url postgresql://localhost/capacity`
    """
    settings = door.settings
    where = "the PostgreSQL database" if settings.database_url else str(settings.ledger_file)
    missing = missing_schema(door) if dry_run else ""
    if dry_run:
        said = f"Would migrate. {missing}." if missing else f"The ledger in {where} is up to date."
        return door.answer({"up_to_date": not missing, "dry_run": True}, said)
    revision = migrate_now(door)
    door.answer(
        {"revision": revision}, f"The ledger in {where} is up to date (revision {revision})."
    )


def migrate_now(door: Door) -> str:
    """Migrate the ledger, with nothing but the answer on stdout; return the revision."""
    import logging

    from interfaces.service import migrate_ledger

    logging.getLogger("alembic").setLevel(logging.WARNING)
    return migrate_ledger(door.settings)


def missing_schema(door: Door) -> str:
    """Return what the ledger's tables lack, or the empty text."""
    try:
        door.run(_nothing, ahead_allowed=True)
    except Exception as error:
        found = problem_of(error)
        if found is None or found.code != "schema-missing":
            raise
        return found.message.partition(";")[0]
    return ""


async def _count_active_keys(session: Session) -> int:
    from projections import api_keys

    now = session.service.clock()
    found = await session.service.read(api_keys.keys)
    return sum(each.state(now) == "active" for each in found)


async def _nothing(_: object) -> None:
    """Open the ledger, and leave it."""
