"""Signals and policy to verdicts, and verdicts to splits. The only place where anything is decided."""
