"""Cheap signals of canonical rows: language, personal data and secrets, token counts, sizes."""
