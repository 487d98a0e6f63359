"""Signals that the user brings: reward models of their own, and scores that are in the data already."""
