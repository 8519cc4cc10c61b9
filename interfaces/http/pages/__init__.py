"""Routes to pages, and to what they load. A page is one template, one module and one route."""

from interfaces.http.pages import drilldown, files, role_capacity, sign_in, start

ROUTERS = (start.router, role_capacity.router, drilldown.router, sign_in.router, files.router)
