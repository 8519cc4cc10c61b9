"""The use cases of operations."""

from application.operations.use_cases import Operations

__all__ = ["Operations"]
