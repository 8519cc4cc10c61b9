"""Routes to pages, and to what they load. A page is one template, one module and one route."""

from interfaces.http.pages import (
    drilldown,
    files,
    ledger,
    role_capacity,
    sign_in,
    start,
    supplier_history,
    suppliers,
)

ROUTERS = (
    start.router,
    role_capacity.router,
    drilldown.router,
    suppliers.router,
    supplier_history.router,
    ledger.router,
    sign_in.router,
    files.router,
)
