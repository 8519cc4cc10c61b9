"""What every event of planning does to which row, aggregate by aggregate."""

from projections.role_capacity.rules import assignments, departments, people, projects
from projections.role_capacity.rules.projection import role_capacity

# Importing them registers their rules.
_RULES = (departments, people, projects, assignments)

__all__ = ["role_capacity"]
