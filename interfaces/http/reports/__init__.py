"""Reports over HTTP: our own routes, and those that an existing frontend asks."""

from interfaces.http.reports import original, role_capacity

ROUTERS = (role_capacity.router, original.router)
