"""Rows that somebody trusted judges again: which to ask about, what is shown, and what the answers say."""
