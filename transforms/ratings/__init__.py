"""Ratings: raters made comparable, their values put together with how sure that is, and values that look wrong."""
