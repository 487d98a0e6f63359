"""Which rows, prompts and responses are nearly the same, or say the same in other words; nothing is dropped here."""
