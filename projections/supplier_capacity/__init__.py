"""Who has how many slots in a scenario, who uses them, and for which registrations.

One projection owns all tables of the supplier context, because their answers must agree.
"""

from projections.supplier_capacity.distributions import (
    Distribution,
    SupplierShare,
    distribution,
    shared_zip_codes,
)
from projections.supplier_capacity.headlines import (
    ScenarioHeadline,
    SuppliersHeadline,
    count_scenarios,
    headline,
    scenario_headlines,
)
from projections.supplier_capacity.matches import (
    Match,
    held_matches,
    latest_matches,
    match,
    matches_page,
)
from projections.supplier_capacity.offers import (
    Publication,
    PublishedDocument,
    aliases,
    aliases_version,
    lines,
    publication,
    publications,
)
from projections.supplier_capacity.rules import supplier_capacity
from projections.supplier_capacity.scenarios import (
    OpenScenario,
    Overbooked,
    all_scenarios,
    capacity_document,
    overbooked,
    position,
    scenario,
    scenarios,
    touched_scenarios,
)
from projections.supplier_capacity.tables import (
    AliasesRow,
    CapacityRow,
    MatchRow,
    PublicationRow,
    ScenarioRow,
    capacities,
    matches_table,
    offers_publications,
    scenarios_table,
    supplier_aliases,
)

__all__ = [
    "AliasesRow",
    "CapacityRow",
    "Distribution",
    "Match",
    "MatchRow",
    "OpenScenario",
    "Overbooked",
    "Publication",
    "PublicationRow",
    "PublishedDocument",
    "ScenarioHeadline",
    "ScenarioRow",
    "SupplierShare",
    "SuppliersHeadline",
    "aliases",
    "aliases_version",
    "all_scenarios",
    "capacities",
    "capacity_document",
    "count_scenarios",
    "distribution",
    "headline",
    "held_matches",
    "latest_matches",
    "lines",
    "match",
    "matches_page",
    "matches_table",
    "offers_publications",
    "overbooked",
    "position",
    "publication",
    "publications",
    "scenario",
    "scenario_headlines",
    "scenarios",
    "scenarios_table",
    "shared_zip_codes",
    "supplier_aliases",
    "supplier_capacity",
    "touched_scenarios",
]
