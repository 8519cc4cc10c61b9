"""Capacity files for the tools that people already have."""
