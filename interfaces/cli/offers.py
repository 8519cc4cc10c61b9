"""Commands: what suppliers offer in a business line, and the aliases of their names."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from domain.errors import Invalid
from domain.names import shown
from domain.suppliers.offers import LineNotFound, PublicationNotFound, parse_json, parse_offers
from interfaces.cli.commands import Line, command, group
from interfaces.cli.documents import read_document
from interfaces.cli.doors import Door, Session
from interfaces.cli.output import answer_bytes, many, moment, table
from interfaces.cli.problems import Usage

if TYPE_CHECKING:
    from projections.supplier_capacity import Publication, PublishedDocument

offers = group("offers", "What suppliers offer in a business line: published whole, and kept.")
aliases = group("aliases", "Other spellings under which suppliers may be asked for.")


@command(offers, "publish", writes=True)
def publish(
    door: Door,
    line: Line,
    file: Annotated[
        Path, typer.Argument(help="A SupplierOffers document; - for stdin.", metavar="FILE")
    ],
) -> None:
    """Publish an offers document for a business line.

    The file is only read. Open scenarios keep their terms until `capacity resync`.

    **Example:** `capacity offers publish sbus base_offers.json --reason "offers of March"`
    """
    document = read_document(file, limit_bytes=door.settings.body_bytes)

    async def work(session: Session) -> Any:
        suppliers = session.service.suppliers
        return await suppliers.publish_offers(session.command(), line=line, document=document)

    outcome = door.tell(work)
    published = outcome.result
    count = many(len(parse_offers(document)), "supplier")
    if not published.new:
        did = f"Nothing new: publication {published.publication} of {line} is this document"
    elif door.dry_run:
        did = f"Would publish the offers of {count} as publication {published.publication}"
    else:
        did = f"Published the offers of {count} as publication {published.publication} of {line}"
    door.answer_command(outcome, published, f"{did} (digest {published.digest[:12]}).")


@command(offers, "show", dated=True)
def show(
    door: Door,
    line: Line,
    publication: Annotated[
        int | None, typer.Option(help="An earlier publication; else the newest.", metavar="N")
    ] = None,
    document: Annotated[
        bool, typer.Option("--document", help="Print the document exactly as it was published.")
    ] = False,
) -> None:
    """Show what the suppliers of a business line offer.

    **Example:** `capacity offers show sbus --publication 1`
    """
    from projections import supplier_capacity as queries

    async def work(session: Session) -> "tuple[PublishedDocument | None, list[Publication]]":
        read = session.read
        found = await read(queries.publication, line=line, publication=publication)
        return found, [] if found else await read(queries.publications, line=line)

    found, known = door.ask(work)
    if found is None and known and publication is not None:
        raise PublicationNotFound(line, publication, known[-1].publication)
    if found is None:
        raise LineNotFound(line)
    if document:
        return answer_bytes(found.document)
    about = found.publication
    rows = [
        (
            each.supplier,
            each.capacity_slots,
            ", ".join(each.product_types),
            ", ".join(each.service_areas),
        )
        for each in parse_offers(found.document)
    ]
    door.answer(
        {"publication": about, "document": parse_json(found.document)},
        f"{line}, publication {about.publication}: {_when(about)}",
        table(("Supplier", ">Capacity", "Products", "Zip codes"), rows),
    )


@command(offers, "list", dated=True)
def list_offers(
    door: Door,
    line: Annotated[
        str | None, typer.Argument(help="One business line; else all.", metavar="[LINE]")
    ] = None,
) -> None:
    """List the publications of a business line, or the business lines.

    **Example:** `capacity offers list sbus`
    """
    from projections import supplier_capacity as queries

    async def work(session: Session) -> "list[Publication]":
        read = session.read
        if line is not None:
            return await read(queries.publications, line=line)
        newest = []
        for name in await read(queries.lines):
            newest.append((await read(queries.publications, line=name))[-1])
        return newest

    found = door.ask(work)
    if line is not None and not found:
        raise LineNotFound(line)
    if not found:
        return door.answer([], "No offers have been published; `capacity offers publish` does.")
    columns = ("Line", ">Publication", ">Suppliers", "Published (UTC)", "By", "Why", "Digest")
    rows = [
        (
            each.line,
            each.publication,
            each.supplier_count,
            moment(each.published_at),
            each.actor,
            each.reason,
            each.digest[:12],
        )
        for each in found
    ]
    door.answer(found, table(columns, rows))


def _when(about: "Publication") -> str:
    why = f": {about.reason}" if about.reason else ""
    return f"published {moment(about.published_at)} UTC by {about.actor}{why}"


@command(aliases, "show", dated=True)
def show_aliases(door: Door, line: Line) -> None:
    """Show the aliases of a business line.

    **Example:** `capacity aliases show sbus`
    """
    from projections import supplier_capacity as queries

    async def work(session: Session) -> dict[str, str] | None:
        if await session.read(queries.publication, line=line) is None:
            return None
        return await session.read(queries.aliases, line=line)

    found = door.ask(work)
    if found is None:
        raise LineNotFound(line)
    if not found:
        return door.answer({"line": line, "aliases": {}}, f"{line} has no aliases.")
    rows = sorted(found.items())
    door.answer({"line": line, "aliases": found}, table(("Alias", "Supplier"), rows))


@command(aliases, "set", writes=True)
def set_aliases(
    door: Door,
    line: Line,
    pairs: Annotated[
        list[str] | None, typer.Argument(help="All aliases of the line.", metavar="ALIAS=SUPPLIER")
    ] = None,
    clear: Annotated[bool, typer.Option("--clear", help="Take away all aliases.")] = False,
) -> None:
    """Replace all aliases of a business line; every use of one is recorded.

    **Example:** `capacity aliases set sbus iSolar=iSoalr`
    """
    if bool(pairs) == clear:
        raise Usage("Name the aliases as ALIAS=SUPPLIER, or take all away by --clear")
    wanted = _pairs(pairs or [])

    async def work(session: Session) -> Any:
        suppliers = session.service.suppliers
        return await suppliers.set_aliases(session.command(), line=line, supplier_by_alias=wanted)

    outcome = door.tell(work)
    count = many(len(wanted), "alias", "aliases")
    now = "would have" if door.dry_run and outcome.result.changed else "has"
    before = "" if outcome.result.changed else ", as before"
    door.answer_command(outcome, outcome.result, f"{line} {now} {count}{before}.")


def _pairs(texts: list[str]) -> dict[str, str]:
    wanted: dict[str, str] = {}
    for index, text in enumerate(texts):
        alias, equals, supplier = text.partition("=")
        if not equals:
            raise Usage(f"Found {shown(text)}, ALIAS=SUPPLIER is needed")
        if alias in wanted:
            raise Invalid((f"/{index}", f"the alias {shown(alias)} stands twice"))
        wanted[alias] = supplier
    return wanted
