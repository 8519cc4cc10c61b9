"""Assignments: who works on what, in which week, for how many hours, and who is still sought."""

from domain.assignments.assignments import (
    Assignment,
    AssignmentFacts,
    AssignmentNotFound,
    PreHireWeekLocked,
)
from domain.assignments.departments import Department, DepartmentCircle, DepartmentFacts
from domain.assignments.people import LeavesBeforeHired, Person, PersonFacts, PersonNotFound
from domain.assignments.project_roles import ProjectRole, ProjectRoleFacts
from domain.assignments.projects import Project, ProjectFacts
from domain.assignments.role_mappings import RoleMapping, RoleMappingFacts
from domain.assignments.roles import Role, RoleFacts, RoleNotFound
from domain.assignments.verticals import Vertical, VerticalFacts

__all__ = [
    "Assignment",
    "AssignmentFacts",
    "AssignmentNotFound",
    "Department",
    "DepartmentCircle",
    "DepartmentFacts",
    "LeavesBeforeHired",
    "Person",
    "PersonFacts",
    "PersonNotFound",
    "PreHireWeekLocked",
    "Project",
    "ProjectFacts",
    "ProjectRole",
    "ProjectRoleFacts",
    "Role",
    "RoleFacts",
    "RoleMapping",
    "RoleMappingFacts",
    "RoleNotFound",
    "Vertical",
    "VerticalFacts",
]
