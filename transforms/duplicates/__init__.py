"""Which rows, prompts and responses nearly say the same."""
