"""Kept rows in the shapes that trainers read, as files that `datasets` opens."""
