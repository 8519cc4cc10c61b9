"""The supplier context over HTTP: offers, scenarios, matches, choices and their history."""

from interfaces.http.suppliers import (
    aliases,
    choosing,
    history,
    match_lists,
    matches,
    offers,
    scenario_reads,
    scenarios,
)

# Routes are tried in this order, so what is asked most often comes first.
ROUTERS = (
    matches.router,
    match_lists.router,
    choosing.router,
    scenarios.router,
    scenario_reads.router,
    history.router,
    offers.router,
    aliases.router,
)
