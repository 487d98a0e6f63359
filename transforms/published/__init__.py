"""Datasets that are published already: their rows as rows again, and which new ones are copies of them."""
