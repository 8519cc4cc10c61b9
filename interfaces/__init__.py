"""Doors: HTTP, the command line and files, and the one place where the parts are put together."""
