"""Rows that overlap with a benchmark, found exactly: no sampling, no sketches, nothing missed."""
