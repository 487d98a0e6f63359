"""Scorers: what gives each response a number, wherever it comes from. Higher is better in all that leaves here."""
