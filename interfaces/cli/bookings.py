"""Commands: one registration is booked with a supplier, released, or moved to another."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from domain.errors import Invalid
from domain.names import name_fault, shown
from domain.suppliers.offers import MAX_CAPACITY_SLOTS, is_zip_code
from interfaces.cli.commands import Line, Registration, Scenario, Supplier
from interfaces.cli.doors import Door, Session
from interfaces.cli.output import plain

if TYPE_CHECKING:
    from application.suppliers import BookingState
    from domain.suppliers import MatchDetails


def book(
    door: Door,
    line: Line,
    scenario: Scenario,
    registration: Registration,
    supplier: Supplier,
    zip_code: Annotated[
        str, typer.Option(help="Five digits.", metavar="ZIP", show_default=False)
    ] = "",
    product_type: Annotated[
        str, typer.Option(help="Such as Solar.", metavar="TEXT", show_default=False)
    ] = "",
    panel_name: Annotated[str, typer.Option(metavar="TEXT", show_default=False)] = "",
    payment_type: Annotated[
        str,
        typer.Option(help="CashPrice or LoanInstallment.", metavar="TEXT", show_default=False),
    ] = "",
    num_panels: Annotated[int | None, typer.Option(metavar="N")] = None,
) -> None:
    """Book one registration with one supplier, once; the same again changes nothing.

    **Example:** `capacity book sbus overlap_only SPUS55557 "All Energy Solar" --zip-code 55407`
    """
    details = _details(zip_code, product_type, panel_name, payment_type, num_panels)

    async def work(session: Session) -> Any:
        from application.suppliers import Match

        match = Match(registration, supplier, details)
        return await session.service.suppliers.book(
            session.command(), line=line, scenario=scenario, match=match
        )

    _answer(door, door.tell(work))


def _details(
    zip_code: str, product_type: str, panel_name: str, payment_type: str, num_panels: int | None
) -> "MatchDetails":
    from domain.suppliers import MatchDetails

    faults = []
    if zip_code and not is_zip_code(zip_code):
        faults.append(
            ("/zip_code", f"found {shown(zip_code)}, a zip code of five digits is needed")
        )
    texts = {
        "product_type": product_type,
        "panel_name": panel_name,
        "payment_type": payment_type,
    }
    for field, text in texts.items():
        if text and (fault := name_fault(text)):
            faults.append((f"/{field}", fault))
    if num_panels is not None and not 0 <= num_panels <= MAX_CAPACITY_SLOTS:
        allowed = f"allowed is 0 to {MAX_CAPACITY_SLOTS}"
        faults.append(("/num_panels", f"found {num_panels}, {allowed}"))
    if faults:
        raise Invalid(*faults)
    return MatchDetails(zip_code=zip_code, num_panels=num_panels, **texts)


def release(door: Door, line: Line, scenario: Scenario, registration: Registration) -> None:
    """Give back the slot that a registration holds.

    **Example:** `capacity release sbus overlap_only SPUS55557 --reason "withdrawn by customer"`
    """

    async def work(session: Session) -> Any:
        return await session.service.suppliers.release(
            session.command(), line=line, scenario=scenario, registration_id=registration
        )

    _answer(door, door.tell(work))


def reassign(
    door: Door, line: Line, scenario: Scenario, registration: Registration, supplier: Supplier
) -> None:
    """Move a registration to another supplier, if that one has room.

    **Example:** `capacity reassign sbus overlap_only SPUS55557 TruNorthSolar --reason "closer"`
    """

    async def work(session: Session) -> Any:
        return await session.service.suppliers.reassign(
            session.command(),
            line=line,
            scenario=scenario,
            registration_id=registration,
            supplier=supplier,
        )

    _answer(door, door.tell(work))


_DONE = {
    "booked": "Booked {registration} with {supplier}",
    "already_booked": "Nothing new: {registration} is booked with {supplier}",
    "released": "Released {registration} from {supplier}",
    "reassigned": "Moved {registration} to {supplier}",
}
_WOULD = _DONE | {
    "booked": "Would book {registration} with {supplier}",
    "released": "Would release {registration} from {supplier}",
    "reassigned": "Would move {registration} to {supplier}",
}


def _answer(door: Door, outcome: Any) -> None:
    state: BookingState = outcome.result
    asked = f" (asked for as {state.alias})" if state.alias else ""
    sentence = (_WOULD if door.dry_run else _DONE)[state.status].format(
        registration=state.registration_id, supplier=state.supplier + asked
    )
    used = f"{state.used_slots} of {state.capacity_slots} used"
    document = plain(state)
    if not state.alias:
        del document["alias"]
    door.answer_command(outcome, document, f"{sentence}: {used}.")
