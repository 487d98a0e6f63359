"""Ratios measured in one run: the pipeline beside a hand-written script that does the same reading and writing."""
