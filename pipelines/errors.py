"""What ends a run, and with which exit code."""

from __future__ import annotations

DONE, FAILED_GATE, USER_MISTAKE, SYSTEM_FAULT = 0, 1, 2, 3


class UserError(Exception):
    """A mistake in what was asked for: a config key, a flag, a path. Says what, where, and what is allowed."""


class SystemFault(Exception):
    """A fault that is nobody's question's: a full disk, a broken worker, an expectation that could not be computed."""
