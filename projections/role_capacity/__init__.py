"""How many hours of each role are taken in each week, and how many there are.

One projection owns all tables of planning, because their answers must agree.
"""

from projections.role_capacity.places import (
    ListedDepartment,
    ListedVertical,
    listed_departments,
    listed_verticals,
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

__all__ = [
    "GATINGS",
    "SOURCES",
    "Answered",
    "Drift",
    "Figures",
    "Gating",
    "ListedDepartment",
    "ListedRole",
    "ListedVertical",
    "Question",
    "Reconciled",
    "Report",
    "Source",
    "Summary",
    "last_news",
    "listed_departments",
    "listed_verticals",
    "reconcile",
    "role_capacity",
    "role_capacity_report",
    "vertical_of",
    "week_of",
]
