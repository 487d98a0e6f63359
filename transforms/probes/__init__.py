"""Linear probes: what embeddings know of rated dimensions, and which of them a preference expresses."""
