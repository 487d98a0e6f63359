"""Slices: regions of the data where labels go wrong, or raters disagree, more than elsewhere."""
