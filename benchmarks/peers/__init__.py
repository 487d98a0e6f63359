"""Other tools on the same work. Each script runs in an environment of its own and imports nothing of this project."""
