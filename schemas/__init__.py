"""What a row is, at every boundary: raw, canonical, signals, verdicts, published; and the expectations on each."""
