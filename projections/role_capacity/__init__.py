"""How many hours of each role are taken in each week, and how many there are.

One projection owns all tables of planning, because their answers must agree.
"""

from projections.role_capacity.assignment_hours import (
    AssignmentDrill,
    AssignmentHours,
    ListedAssignment,
    assignment_drill,
)
from projections.role_capacity.drilldown import (
    PersonDrill,
    PlaceholderShare,
    RoleCursor,
    RoleDrill,
    person_drill,
    role_drill,
)
from projections.role_capacity.free_people import (
    REASONS,
    Availability,
    Candidate,
    Reason,
    availability,
)
from projections.role_capacity.mending import Mended, mend
from projections.role_capacity.over_allocation import (
    OverAllocated,
    OverWeek,
    over_allocated,
)
from projections.role_capacity.places import (
    ListedDepartment,
    listed_departments,
    smallest_department,
    vertical_of,
)
from projections.role_capacity.questions import (
    SOURCES,
    Answered,
    Figures,
    ListedRole,
    Question,
    Report,
    Source,
    Summary,
)
from projections.role_capacity.reconciling import Drift, Reconciled, reconcile
from projections.role_capacity.reports import last_news, role_capacity_report
from projections.role_capacity.rules import role_capacity
from projections.role_capacity.weeks import GATINGS, Gating, week_of
from projections.role_capacity.weeks_of_people import (
    STATES,
    ListedPerson,
    PersonWeek,
    PersonWeeks,
    Place,
    State,
    all_people_weeks,
    one_person_weeks,
    people_weeks,
)

__all__ = [
    "GATINGS",
    "REASONS",
    "SOURCES",
    "STATES",
    "Answered",
    "AssignmentDrill",
    "AssignmentHours",
    "Availability",
    "Candidate",
    "Drift",
    "Figures",
    "Gating",
    "ListedAssignment",
    "ListedDepartment",
    "ListedPerson",
    "ListedRole",
    "Mended",
    "OverAllocated",
    "OverWeek",
    "PersonDrill",
    "PersonWeek",
    "PersonWeeks",
    "Place",
    "PlaceholderShare",
    "Question",
    "Reason",
    "Reconciled",
    "Report",
    "RoleCursor",
    "RoleDrill",
    "Source",
    "State",
    "Summary",
    "all_people_weeks",
    "assignment_drill",
    "availability",
    "last_news",
    "listed_departments",
    "mend",
    "one_person_weeks",
    "over_allocated",
    "people_weeks",
    "person_drill",
    "reconcile",
    "role_capacity",
    "role_capacity_report",
    "role_drill",
    "smallest_department",
    "vertical_of",
    "week_of",
]
