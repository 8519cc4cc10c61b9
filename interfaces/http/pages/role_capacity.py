"""`/reports/role-capacity`: the report as a page, and its charts as pictures."""

from typing import NamedTuple, cast

import msgspec
from fastapi import APIRouter
from msgspec.structs import replace
from sqlalchemy import Connection
from starlette.responses import Response

from interfaces.callers import Caller
from interfaces.http.asked import Asked
from interfaces.http.confinement import is_confined
from interfaces.http.errors import RequestRefused
from interfaces.http.pages.answers import answer_page, packed, query_pairs, shell_of, tag_of
from interfaces.http.pages.drawings import drawings_of
from interfaces.http.pages.looking_back import moment_of
from interfaces.http.pages.people import listed_people
from interfaces.http.questions import Document, answer_question
from interfaces.http.reports.reporter import Reporter, Wanted
from interfaces.http.reports.role_capacity import with_vertical
from interfaces.http.routes import Route
from interfaces.pages.charts import picture, report_charts
from interfaces.pages.drawing import PictureForm
from interfaces.pages.heatmap import heatmap, legend
from interfaces.pages.report_query import ReportQuery, read_query
from interfaces.pages.role_capacity import (
    PATH,
    PICTURES,
    Named,
    replace_series,
    report_page,
    shown_roles,
)
from interfaces.pages.templates import page
from interfaces.role_capacity import RoleCapacityAnswer, hidden_words, report_body, weeks_from
from interfaces.sheets import FORMATS
from projections.role_capacity import (
    ListedDepartment,
    ListedVertical,
    Question,
    listed_departments,
    listed_verticals,
    role_capacity,
    week_of,
)

router = APIRouter(route_class=Route)

TOPICS = sorted(each.topic for each in role_capacity.subscribes)
NOBODYS_ROLE = -1
_PICTURE_TYPES = {"svg": "image/svg+xml", "png": "image/png"}


class _Choice(NamedTuple):
    """What there is to choose from, for this caller."""

    departments: list[ListedDepartment]
    verticals: list[ListedVertical]
    fixed_vertical: str | None


@router.get(PATH, include_in_schema=False)
async def role_capacity_page(asked: Asked) -> Response:
    """Show the report, with everything that can be chosen about it."""
    pairs = query_pairs(asked)
    read_after = {name: text for name, text in pairs if name == "after"}
    query = read_query(pair for pair in pairs if pair[0] != "after")
    moment, today = moment_of(query.as_of, asked), asked.service.clock().date()
    reporter, caller = cast(Reporter, asked.app.state.reporter), asked.caller
    wanted, known = _wanted(query, asked), asked.headers.get("if-none-match", "")
    list_people = listed_people(query.people, asked.service.person_names)

    def look(connection: Connection) -> Document:
        found = reported(connection, reporter, caller, wanted)
        choice = _choice(connection, caller, found.vertical_id)
        people = list_people(connection, _of_people(wanted.question, query, found.vertical_id))
        tag = tag_of(asked, query, found.body, choice, today, people)
        if f'"{tag}"' == known:
            return Document(b"", tag, {})
        shown = report_page(
            query,
            found.report,
            departments=[Named(each.department_id, each.name) for each in choice.departments],
            verticals=[Named(each.vertical_id, each.name) for each in choice.verticals],
            fixed_vertical=choice.fixed_vertical,
            today=today,
        )
        body = page(
            "role_capacity",
            shell_of(asked),
            path=PATH,
            report=shown,
            topics=TOPICS,
            context="assignments",
            tag=f'"{tag}"',
            people=heatmap(people),
            heat_legend=legend(),
            drill_query=_drill_query(query, moment),
            people_query=_drill_query(replace(query, department=None, vertical=None), moment),
            first_people=replace(query, people="").address(PATH) if query.people else "",
            next_people=replace(query, people=people.next).address(PATH) if people.next else "",
            tables=_tables(query, moment),
            picture_address=query.address(f"{PICTURES}.svg"),
            picture_png_address=query.address(f"{PICTURES}.png"),
        )
        sent, headers = packed(asked, body)
        return Document(sent, tag, headers)

    return await answer_page(asked, look, query=moment | read_after)


@router.get(f"{PICTURES}.{{form}}", include_in_schema=False)
async def role_capacity_picture(asked: Asked) -> Response:
    """Draw the charts of the page with the same address, as SVG or PNG."""
    form = asked.segment("form")
    if form not in _PICTURE_TYPES:
        raise RequestRefused(404, "route-not-found", "A picture is .svg or .png")
    query = read_query(query_pairs(asked))
    reporter, caller = cast(Reporter, asked.app.state.reporter), asked.caller
    wanted = _wanted(query, asked)

    def look(connection: Connection) -> Document:
        return Document(reported(connection, reporter, caller, wanted).body, "", {})

    answered = await answer_question(
        asked, look, query=moment_of(query.as_of, asked), projection=role_capacity.name
    )
    report = msgspec.json.decode(answered.body, type=RoleCapacityAnswer)
    drawn = await drawings_of(asked).picture(_picture(query, report), cast(PictureForm, form))
    headers = {"cache-control": "private, no-cache", "vary": "Cookie, Authorization"}
    return Response(drawn, headers=headers, media_type=_PICTURE_TYPES[form])


class Reported(NamedTuple):
    """The report as the API answers it, and the vertical that it is confined to."""

    body: bytes
    report: RoleCapacityAnswer
    vertical_id: int | None


def reported(
    connection: Connection, reporter: Reporter, caller: Caller, wanted: Wanted
) -> Reported:
    """Return the report of all roles, as this caller may see it; it is the API's, kept with it."""
    seen = with_vertical(connection, caller, wanted)
    found = reporter.document(connection, seen, lambda _, report: report_body(report))
    report = msgspec.json.decode(found.body, type=RoleCapacityAnswer)
    return Reported(found.body, report, seen.question.vertical_id)


def _choice(connection: Connection, caller: Caller, vertical_id: int | None) -> _Choice:
    verticals = listed_verticals(connection)
    if not is_confined(caller):
        return _Choice(listed_departments(connection), verticals, None)
    names = [each.name for each in verticals if each.vertical_id == vertical_id]
    departments = listed_departments(connection, vertical_id=vertical_id)
    return _Choice(departments, [], names[0] if names else "none")


def _wanted(query: ReportQuery, asked: Asked) -> Wanted:
    settings = asked.service.settings
    start = query.start or week_of(asked.service.clock().date())
    question = Question(
        weeks=weeks_from(start, query.weeks),
        department_id=query.department,
        vertical_id=query.vertical,
        gating=settings.role_capacity_gating,
        include_tentative=query.include_tentative,
        hidden_words=hidden_words(settings),
    )
    return Wanted(question, settings.role_capacity_source, "hours")


def _of_people(asked: Question, query: ReportQuery, vertical_id: int | None) -> Question:
    """Return the question for the people of the roles that are shown."""
    role_ids = (NOBODYS_ROLE,) if query.role_ids == () else query.role_ids or ()
    return replace(asked, vertical_id=vertical_id, role_ids=role_ids)


def _drill_query(query: ReportQuery, moment: dict[str, str]) -> str:
    """Return what pages behind a figure are asked: the same weeks, at the same moment."""
    said = replace(query, unit="hours", layout="each", role_ids=None, people="", as_of="")
    address = replace(said, as_of=moment.get("as_of", "")).address("")
    return address.replace("+", "%2B")


def _tables(query: ReportQuery, moment: dict[str, str]) -> list[tuple[str, str]]:
    """Return where the figures and the people are found as tables; of no role there are none."""
    if query.role_ids == ():
        return []
    said = replace(query, layout="each", people="", as_of=moment.get("as_of", ""))
    report = said.address("/v1/reports/role-capacity")
    people = replace(said, unit="hours").address("/v1/reports/people-heatmap")
    return [
        (f"{name} {form.upper()}", f"{address}{'&' if '?' in address else '?'}format={form}")
        for name, address in (("figures", report), ("people", people))
        for form in FORMATS
    ]


def _picture(query: ReportQuery, report: RoleCapacityAnswer) -> dict[str, object]:
    together = query.layout == "together"
    shown = replace_series(report, shown_roles(query, report))
    charts = report_charts(shown, unit=query.unit, together=together, all_roles=report.series)
    return picture(charts, title="Role capacity", together=together)
