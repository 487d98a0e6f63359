"""What goes wrong at a target, in words: whose mistake it is, and what to do."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from pipelines.errors import SystemFault, UserError

#: What stores call a target that takes no more.
_FULL = ("quota", "insufficientstorage", "insufficient storage", "storage limit", "no space left", "507 ")
#: And credentials that are missing, unknown or not enough, by the names of their errors and codes.
_WHO = (
    "nocredentials",
    "invalidaccesskeyid",
    "signaturedoesnotmatch",
    "expiredtoken",
    "invalidtoken",
    "unauthenticated",
)
_FORBIDDEN = ("accessdenied", "forbidden", "permission")
_BROKEN = (
    "connect",
    "timeout",
    "timed out",
    "disconnected",
    "incomplete",
    "protocolerror",
    "httpclienterror",
    "reset by",
)

T = TypeVar("T")
#: Seconds to wait before what only reads is asked once more.
_WAITS = (0.5, 2.0, 5.0)


def patiently(read: Callable[[], T], target: str) -> T:
    """What a read gives; one whose connection breaks is tried a few times more."""
    for wait in _WAITS:
        try:
            return read()
        except Exception as error:
            if not isinstance(in_words(error, target), SystemFault):
                raise
            time.sleep(wait)
    return read()


@contextmanager
def told(target: str) -> Iterator[None]:
    """Turn what a store raises into a UserError or a SystemFault; what is not known is raised as it is."""
    try:
        yield
    except (UserError, SystemFault, KeyboardInterrupt):
        raise
    except Exception as error:  # each store has exceptions of its own
        found = in_words(error, target)
        if found is None:
            raise
        raise found from error


def in_words(error: BaseException, target: str) -> UserError | SystemFault | None:
    """A store's exception in words; None for one that is not known."""
    chain, seen = [], error
    while seen is not None and seen not in chain:
        chain.append(seen)
        seen = seen.__cause__ or seen.__context__  # type: ignore[assignment]
    text = " ".join(f"{type(one).__name__} {one}" for one in chain).lower()
    numbers = {one.errno for one in chain if isinstance(one, OSError)}
    short = " ".join(str(error).split()) or type(error).__name__
    if numbers & {errno.ENOSPC, errno.EDQUOT} or any(word in text for word in _FULL):
        return UserError(f"{target} is full ({short}): make room and run the same command again to go on")
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status == 401 or any(word in text for word in _WHO):
        return UserError(f"{target}: the credentials are missing or not accepted ({short})")
    if status == 403 or isinstance(error, PermissionError) or any(word in text for word in _FORBIDDEN):
        return UserError(f"{target}: no permission to write there ({short})")
    if numbers & {errno.EROFS, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG}:
        return UserError(f"{target}: cannot be written ({short})")
    if isinstance(error, FileNotFoundError) and str(error.filename).startswith(os.path.abspath(target)):
        return UserError(f"{target}: cannot be written ({short})")
    if isinstance(error, ImportError) or (isinstance(error, ValueError) and "protocol not known" in text):
        return UserError(f"{target}: cannot be opened ({short}); s3:// needs `pip install 'trenchcoat[s3]'`")
    if "nosuchbucket" in text or "bucket does not exist" in text:
        return UserError(f"{target}: there is no such bucket; make it first")
    if isinstance(error, ConnectionError | TimeoutError) or any(word in text for word in _BROKEN):
        return SystemFault(f"{target}: the connection broke ({short}); run the same command again to go on from here")
    return None
