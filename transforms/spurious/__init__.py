"""Shortcuts: what of a response can be seen without reading it."""
