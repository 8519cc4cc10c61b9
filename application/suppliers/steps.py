"""The steps that the decisions of the supplier context share: find, check, book, choose."""

from collections.abc import Callable, Sequence

from application.ledger import UnitOfWork
from application.suppliers.results import BookingState, Chosen, Match, ScenarioState
from domain.errors import Invalid
from domain.names import check_name
from domain.suppliers import (
    Booking,
    BookingNotFound,
    LineNotFound,
    MatchDetails,
    Offers,
    Scenario,
    ScenarioNotFound,
    SupplierAliases,
    SupplierCapacity,
    SupplierNotFound,
    SupplierTerms,
)
from domain.suppliers.choosing import (
    Choice,
    Registration,
    ServiceIndex,
    choose,
    explain,
    read_registration,
)
from domain.versions import Seen

IndexOf = Callable[[Scenario], ServiceIndex]


def book(line: str, scenario: str, match: Match) -> Callable[[UnitOfWork], BookingState]:
    """Return the decision that books one registration, once, with the supplier named."""
    registration_id = match.registration_id

    def decide(work: UnitOfWork) -> BookingState:
        check_name("registration_id", registration_id)
        check_name("supplier_id", match.supplier)
        state = open_scenario(work, line, scenario)
        supplier, alias = meant(work, line, match.supplier)
        capacity = supplier_capacity(work, line, scenario, supplier)
        booking = booking_of(work, state, registration_id)
        new = booking.book(
            line, scenario, state.reset_number, registration_id, supplier, match.details, alias
        )
        if not new:
            return booking_state(booking, "already_booked", capacity, alias)
        capacity.book_slot(booking.id, registration_id)
        return booking_state(booking, "booked", capacity, alias)

    return decide


def refuse(line: str, scenario: str, invalid: Invalid) -> Callable[[UnitOfWork], BookingState]:
    """Return the decision on what could not be read: refused, in a scenario that exists."""

    def decide(work: UnitOfWork) -> BookingState:
        open_scenario(work, line, scenario)
        raise invalid

    return decide


def resync_capacities(work: UnitOfWork, state: Scenario) -> None:
    """Bring every capacity to the scenario's terms; what is used is not touched."""
    for each, capacity in zip(
        state.terms, supplier_capacities(work, state, state.terms), strict=True
    ):
        if capacity.exists:
            capacity.change_capacity(each.capacity_slots, state.publication)
        else:
            capacity.open(state.line, state.scenario, each.supplier, each.capacity_slots)


def published_offers(work: UnitOfWork, line: str) -> Offers:
    """Return the offers of a line. Raises LineNotFound."""
    offers = work.get(Offers, Offers.identity(line))
    if not offers.exists:
        raise LineNotFound(line)
    return offers


def open_scenario(
    work: UnitOfWork, line: str, scenario: str, *, expected: Seen | None = None
) -> Scenario:
    """Return an open scenario. Raises ScenarioNotFound and OtherVersion."""
    found = work.get(Scenario, Scenario.identity(line, scenario))
    if not found.exists:
        raise ScenarioNotFound(line, scenario)
    if expected is not None:
        expected.check(found, subject=f"Scenario {line}/{scenario}")
    return found


def meant(work: UnitOfWork, line: str, asked: str) -> tuple[str, str]:
    """Return the supplier that is meant, and the alias that was used for it, if one was."""
    supplier = work.get(SupplierAliases, SupplierAliases.identity(line)).supplier(asked)
    return supplier, asked if supplier != asked else ""


def supplier_capacity(
    work: UnitOfWork, line: str, scenario: str, supplier: str
) -> SupplierCapacity:
    """Return one supplier's count. Raises SupplierNotFound."""
    found = work.get(SupplierCapacity, SupplierCapacity.identity(line, scenario, supplier))
    if not (found.exists and found.listed):
        raise SupplierNotFound(line, scenario, supplier)
    return found


def supplier_capacities(
    work: UnitOfWork, state: Scenario, terms: Sequence[SupplierTerms]
) -> list[SupplierCapacity]:
    """Return the counts of all suppliers of these terms, in their order."""
    return work.get_all(
        SupplierCapacity,
        [SupplierCapacity.identity(state.line, state.scenario, each.supplier) for each in terms],
    )


def booking_of(work: UnitOfWork, state: Scenario, registration_id: str) -> Booking:
    """Return the booking of a registration in the current count, existing or not."""
    return work.get(
        Booking,
        Booking.identity(state.line, state.scenario, state.reset_number, registration_id),
    )


def held_booking(
    work: UnitOfWork,
    line: str,
    scenario: str,
    registration_id: str,
    *,
    expected: Seen | None = None,
) -> Booking:
    """Return the booking of a registration that holds a slot.

    Raises BookingNotFound, and OtherVersion also where it was released since it was seen.
    """
    state = open_scenario(work, line, scenario)
    booking = booking_of(work, state, registration_id)
    if expected is not None and booking.exists:
        subject = f"Registration {registration_id}"
        expected.check(booking, subject=subject, reset_number=state.reset_number)
    if not booking.held:
        raise BookingNotFound(line, scenario, registration_id)
    return booking


def scenario_state(state: Scenario, *, changed: bool) -> ScenarioState:
    """Return what a use case answers about a scenario."""
    return ScenarioState(
        line=state.line,
        scenario=state.scenario,
        publication=state.publication,
        reset_number=state.reset_number,
        suppliers=len(state.terms),
        capacity_file=state.capacity_file,
        changed=changed,
        version=state.version,
    )


def booking_state(
    booking: Booking, status: str, capacity: SupplierCapacity, alias: str = ""
) -> BookingState:
    """Return what a use case answers about a booking."""
    return BookingState(
        registration_id=booking.registration_id,
        supplier=capacity.supplier,
        status=status,
        capacity_slots=capacity.capacity_slots,
        used_slots=capacity.used_slots,
        version=booking.version,
        reset_number=booking.reset_number,
        alias=alias,
    )


def choose_and_book(
    line: str, scenario: str, record: object, *, index_of: IndexOf, explained: bool
) -> Callable[[UnitOfWork], Chosen]:
    """Return the decision that books one registration with the supplier the rule chooses.

    A record that cannot be read is answered as invalid; it never stops the next.
    """
    try:
        registration = read_registration(record)
    except Invalid as invalid:
        return _invalid(line, scenario, record, str(invalid))

    def decide(work: UnitOfWork) -> Chosen:
        state = open_scenario(work, line, scenario)
        booking = booking_of(work, state, registration.registration_id)
        if booking.held:
            capacity = supplier_capacity(work, line, scenario, booking.supplier)
            return _chosen(registration, "already_booked", capacity, Choice(booking.supplier, ""))
        choice = _choice(work, state, registration, index_of(state), explained)
        if not choice.supplier:
            return _unmatched(registration, choice)
        capacity = supplier_capacity(work, line, scenario, choice.supplier)
        details = MatchDetails(
            zip_code=registration.zip_code, product_type=registration.product_type
        )
        booking.book(
            line,
            scenario,
            state.reset_number,
            registration.registration_id,
            choice.supplier,
            details,
            "",
        )
        capacity.book_slot(booking.id, registration.registration_id)
        return _chosen(registration, "booked", capacity, choice)

    return decide


def _choice(
    work: UnitOfWork,
    state: Scenario,
    registration: Registration,
    index: ServiceIndex,
    explained: bool,
) -> Choice:
    if explained:
        names = tuple(each.supplier for each in state.terms)
    else:
        names = index.suppliers(registration.zip_code, registration.product_type)
    found = work.get_all(
        SupplierCapacity,
        [SupplierCapacity.identity(state.line, state.scenario, name) for name in names],
    )
    rule = explain if explained else choose
    return rule(registration, index=index, slots=dict(zip(names, found, strict=True)))


def _invalid(
    line: str, scenario: str, record: object, reason: str
) -> Callable[[UnitOfWork], Chosen]:
    found = record if isinstance(record, dict) else {}
    name = found.get("registration_id") or found.get("RegistrationNumber") or ""
    answer = Chosen(str(name)[:200], "", "invalid", "", reason)

    def decide(work: UnitOfWork) -> Chosen:
        open_scenario(work, line, scenario)
        return answer

    return decide


def _unmatched(registration: Registration, choice: Choice) -> Chosen:
    return Chosen(
        registration_id=registration.registration_id,
        zip_code=registration.zip_code,
        status="unmatched",
        supplier="",
        reason=choice.reason,
        considered=choice.considered,
    )


def _chosen(
    registration: Registration, status: str, capacity: SupplierCapacity, choice: Choice
) -> Chosen:
    return Chosen(
        registration_id=registration.registration_id,
        zip_code=registration.zip_code,
        status=status,
        supplier=capacity.supplier,
        reason=choice.reason or f"booked with {capacity.supplier} before",
        capacity_slots=capacity.capacity_slots,
        used_slots=capacity.used_slots,
        considered=choice.considered,
    )
