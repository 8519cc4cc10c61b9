"""The command line as a whole: every command and group, under one name."""

from collections.abc import Sequence
from typing import Annotated

import typer
from typer.models import TyperInfo

from interfaces.cli.assignments import assignments
from interfaces.cli.audit import audit
from interfaces.cli.backups import backup, recover
from interfaces.cli.bookings import book, reassign, release
from interfaces.cli.commands import command
from interfaces.cli.demo import demo
from interfaces.cli.doctor import doctor
from interfaces.cli.events import events
from interfaces.cli.exit_codes import epilog
from interfaces.cli.file_scripts import migrate_files, reset_files
from interfaces.cli.files import files
from interfaces.cli.history import history
from interfaces.cli.keys import keys
from interfaces.cli.matching import match
from interfaces.cli.offers import aliases, offers
from interfaces.cli.past import diff, explain, replay
from interfaces.cli.people_reports import available, heatmap, over_allocation, utilization
from interfaces.cli.rebuilds import projections
from interfaces.cli.reports import capacity, distribution
from interfaces.cli.role_capacity import backfill, reconcile, report
from interfaces.cli.scenarios import reset, resync, scenarios
from interfaces.cli.serving import migrate, serve

app = typer.Typer(
    name="capacity",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    epilog=epilog(),
    pretty_exceptions_enable=False,
)

_BEGIN, _AGREE, _BOOK = "Begin", "What suppliers offer", "Book"
_PLAN = "Plan people"
_ASK, _KEEP = "Ask", "Keep it running"

command(app, "demo", writes=True, panel=_BEGIN)(demo)
command(app, "migrate", panel=_BEGIN)(migrate)
command(app, "serve", panel=_BEGIN)(serve)
app.add_typer(offers, rich_help_panel=_AGREE)
app.add_typer(aliases, rich_help_panel=_AGREE)
app.add_typer(scenarios, rich_help_panel=_AGREE)
command(app, "resync", writes=True, panel=_AGREE)(resync)
command(app, "reset", writes=True, panel=_AGREE)(reset)
command(app, "book", writes=True, panel=_BOOK)(book)
command(app, "release", writes=True, panel=_BOOK)(release)
command(app, "reassign", writes=True, panel=_BOOK)(reassign)
command(app, "match", writes=True, panel=_BOOK)(match)
app.add_typer(assignments, rich_help_panel=_PLAN)
command(app, "capacity", dated=True, panel=_ASK)(capacity)
command(app, "distribution", dated=True, panel=_ASK)(distribution)
command(app, "explain", dated=True, panel=_ASK)(explain)
command(app, "diff", panel=_ASK)(diff)
command(app, "replay", panel=_ASK)(replay)
command(app, "history", dated=True, panel=_ASK)(history)
app.add_typer(events, rich_help_panel=_ASK)
app.add_typer(report, rich_help_panel=_ASK)
command(report, "heatmap", dated=True)(heatmap)
command(report, "utilization", dated=True)(utilization)
command(report, "availability", dated=True)(available)
command(report, "over-allocation", dated=True)(over_allocation)
command(assignments, "reconcile")(reconcile)
command(assignments, "backfill")(backfill)
command(files, "migrate")(migrate_files)
command(files, "reset")(reset_files)
app.add_typer(keys, rich_help_panel=_KEEP)
command(app, "doctor", panel=_KEEP)(doctor)
app.add_typer(files, rich_help_panel=_KEEP)
app.add_typer(projections, rich_help_panel=_KEEP)
app.add_typer(audit, rich_help_panel=_KEEP)
command(app, "backup", panel=_KEEP)(backup)
command(app, "recover", panel=_KEEP)(recover)


def leave_out_all_but(named: Sequence[str]) -> None:
    """Forget all commands and groups but the one that is named, if there is one of that name.

    For a process that runs one command: making sixty took a tenth of the time of a short one.
    """
    groups = [each for each in app.registered_groups if _name_of(each) in named]
    commands = [each for each in app.registered_commands if each.name in named]
    if groups or commands:
        app.registered_groups, app.registered_commands = groups, commands


def _name_of(group: TyperInfo) -> str:
    assert group.typer_instance is not None
    return str(group.typer_instance.info.name)


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"capacity {version('capacity-ledger')}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool,
        typer.Option("--version", help="Say which version this is.", callback=_show_version),
    ] = False,
) -> None:
    """A ledger of supplier capacity: who has how much, who used it, when and why.

    Begin with `capacity demo`, or with `capacity migrate` and `capacity offers publish`.
    Every command answers `--help` with an example.
    """
