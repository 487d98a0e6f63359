"""When two rows are the same, and what becomes of copies."""
