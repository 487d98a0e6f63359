"""Stepwise rows: what is said of single steps, put together for the whole solution."""
