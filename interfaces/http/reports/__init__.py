"""Reports over HTTP: our own routes, and those that an existing frontend asks."""

from interfaces.http.reports import check, drilldown, original, people, role_capacity

ROUTERS = (role_capacity.router, people.router, drilldown.router, original.router, check.router)
