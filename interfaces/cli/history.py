"""The command that tells the history of one aggregate, whichever it is."""

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import typer

from interfaces.cli.doors import Door, Look
from interfaces.cli.output import answer_json, moment, note, table
from interfaces.cli.recorded import facts_text, who_text

if TYPE_CHECKING:
    from interfaces.history import AggregateHistoryAnswer, ToldAnswer

_MOST_EVENTS = 1_000


def history(
    door: Door,
    context: Annotated[
        str, typer.Argument(help="Where it belongs, such as suppliers.", metavar="CONTEXT")
    ],
    name: Annotated[
        str,
        typer.Argument(
            help="Its id, or its natural name: LINE/SCENARIO/SUPPLIER is a supplier's count.",
            metavar="ID",
        ),
    ],
    newest: Annotated[bool, typer.Option("--newest", help="The newest first.")] = False,
    limit: Annotated[
        int, typer.Option(min=1, max=_MOST_EVENTS, help="At most as many.", metavar="N")
    ] = _MOST_EVENTS,
    kind: Annotated[
        str, typer.Option(help="Which of several that share a name, such as Offers.")
    ] = "",
    cursor: Annotated[
        str, typer.Option(help="Go on where the page before ended; it said where.")
    ] = "",
) -> None:
    """Tell what happened to one thing, in words: who, when, why, and what it changed.

    **Example:** `capacity history suppliers "sbus/overlap_only/All Energy Solar"`
    """

    async def work(look: Look) -> "AggregateHistoryAnswer":
        from interfaces.history import Asked, tell

        order = "newest" if newest else "oldest"
        asked = Asked(context, name, kind, order, limit, cursor, await look.past())
        return await asyncio.to_thread(tell, look.log, asked)

    from msgspec import to_builtins

    found = door.look(work)
    documents = [to_builtins(each) for each in found.events]
    described = all({"used", "capacity"} <= each.get("state", {}).keys() for each in documents)
    made = _counted(found.events) if described else _changed(found.events)
    if door.as_json:
        answer_json(documents)  # as HTTP answers it: the data of events keeps its names
    else:
        door.answer(documents, made)
    if found.next is not None:
        note(f"There is more: --cursor {found.next}")


def _counted(events: "list[ToldAnswer]") -> Any:
    """Return the history of what describes itself in numbers: they stand in columns."""
    columns = (">Position", "When (UTC)", "Who", "What", "", ">Used", ">Capacity", "Why")
    rows = []
    for each in events:
        assert isinstance(each.state, dict)
        rows.append(
            (
                each.position,
                moment(each.recorded_at),
                who_text(each.actor, each.on_behalf_of),
                each.topic.partition(".")[2].replace("_", " "),
                facts_text(each.data),
                each.state["used"],
                each.state["capacity"],
                each.reason,
            )
        )
    return table(columns, rows)


def _changed(events: "list[ToldAnswer]") -> Any:
    columns = (">Position", "When (UTC)", "Who", "What", "Changed", "Why")
    rows = [
        (
            each.position,
            moment(each.recorded_at),
            who_text(each.actor, each.on_behalf_of),
            each.words,
            "; ".join(words for change in each.changes if (words := change.words)),
            each.reason,
        )
        for each in events
    ]
    return table(columns, rows)
