"""Rows made from other rows: pairs from rankings and ratings, ratings from rankings."""
