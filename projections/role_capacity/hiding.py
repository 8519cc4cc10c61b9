"""Which projects a reader is not to see: those with a word in their name, or their client's."""

from collections.abc import Sequence

from sqlalchemy import Connection, select

from projections.role_capacity.tables import projects


def hidden_projects(connection: Connection, words: Sequence[str]) -> list[int]:
    """Return the projects with any of these words, in capital or small letters."""
    if not words:
        return []
    wanted = [word.lower() for word in words]
    # Compared here: SQLite knows small letters of ASCII only.
    found = connection.execute(select(projects.c.project_id, projects.c.name, projects.c.client))
    return [
        project_id
        for project_id, name, client in found
        if any(word in name.lower() or word in client.lower() for word in wanted)
    ]
