"""Who judged, how well, and what they say together."""
