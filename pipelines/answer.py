"""What a command ends with: an exit code, and what went wrong in words."""

from __future__ import annotations

import errno
import logging
import os
import select
import sys
import traceback
from collections.abc import Callable

import orjson

from pipelines.errors import SYSTEM_FAULT, USER_MISTAKE, SystemFault, UserError

#: As shells have it for a command that SIGPIPE ended.
UNREAD = 141


def answer(work: Callable[[], int], json: bool = False) -> int:
    """Run a command's work and turn what goes wrong into words and an exit code."""
    # What libraries log is not for whoever runs a command; what goes wrong is raised.
    logging.basicConfig(level=logging.ERROR)
    logging.getLogger("apache_beam").setLevel(logging.CRITICAL)
    try:
        code = work()
        sys.stdout.flush()
        return code
    except UserError as error:
        return complain(str(error), USER_MISTAKE, json)
    except SystemFault as error:
        return complain(str(error), SYSTEM_FAULT, json)
    except KeyboardInterrupt:
        complain("stopped; run the same command again to go on from here", 130, json)
        # Beam's threads do not end on their own; every file that is there is whole.
        os._exit(130)
    except Exception as error:  # the outermost place: whatever it was, it is told, with where it came from
        if isinstance(error, BrokenPipeError) and _unread():
            return UNREAD
        full = _disk(error)
        if full:
            return complain(full, SYSTEM_FAULT, json)
        traceback.print_exc()
        return complain(f"a fault in trenchcoat or below it: {type(error).__name__}: {error}", SYSTEM_FAULT, json)


def complain(text: str, code: int, json: bool) -> int:
    """Say what is wrong, for people or for machines; gives the exit code."""
    if json:
        print(orjson.dumps({"event": "error", "message": text, "exit_code": code}).decode())
    else:
        print(f"trenchcoat: {text}", file=sys.stderr)
    return code


def _unread() -> bool:
    """Whether nobody reads the output any more, as behind `head`; then nothing is written to it from here on."""
    asked = select.poll()
    try:
        asked.register(sys.stdout.fileno(), 0)
    except (OSError, ValueError):  # it is no file, so nobody can have closed it
        return False
    unread = any(event & select.POLLERR for _, event in asked.poll(0))
    if unread:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return unread


def _disk(error: BaseException) -> str | None:
    """A full or failing disk in words; Beam wraps what its workers raise, sometimes as text."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, OSError) and seen.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS):
            return _no_room(seen.filename or "the output", seen.errno)
        seen = seen.__cause__ or seen.__context__
    for number in (errno.ENOSPC, errno.EDQUOT, errno.EROFS):
        if os.strerror(number) in str(error):
            return _no_room("the output", number)
    return None


def _no_room(name: str, number: int) -> str:
    return f"cannot write {name}: {os.strerror(number)}; make room and run the same command again to go on"
