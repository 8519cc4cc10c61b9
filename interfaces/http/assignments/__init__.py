"""The assignments context over HTTP: people and what there is, their hours, whole documents."""

from interfaces.http.assignments import documents, hours, people, planning

# Routes are tried in this order, so what is asked most often comes first.
ROUTERS = (hours.router, planning.router, people.router, documents.router)
