"""The HTTP door: handlers translate in, call a use case or a query, and translate out."""
