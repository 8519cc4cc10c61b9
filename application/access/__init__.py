"""The use cases of the access context."""

from application.access.use_cases import Access, KeyState

__all__ = ["Access", "KeyState"]
