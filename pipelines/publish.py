"""`trenchcoat publish`: a run's dataset where others look for it, whole or not at all as they see it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from pipelines.errors import DONE, UserError

if TYPE_CHECKING:
    from pipelines.finished import Finished
    from pipelines.parcel import Parcel
    from pipelines.progress import Reporter

#: Called with a file's name, its place among the files, how many there are, and its bytes.
Step = Callable[[str, int, int, int], None]
HUB = "hf://"


@dataclass(frozen=True)
class PublishRequest:
    """What `publish` was asked for."""

    run: str
    target: str
    public: bool = False
    pull_request: bool = False
    despite_gate: bool = False
    confirm_licence: bool = False
    redact: str | None = None
    json: bool = False
    dry_run: bool = False


@dataclass(frozen=True)
class Delivered:
    """What was done at a target.

    Attributes:
        written: names of files that were sent, in their order.
        removed: names of files of an earlier dataset that were removed.
        opened: how it is opened.
        at: where it can be looked at, or the pull request; None where the target says it.
    """

    written: list[str]
    removed: list[str]
    opened: str
    at: str | None = None


class Place(Protocol):
    """Somewhere to publish to."""

    def public(self) -> bool:
        """Whether anybody can read what is put there."""

    def plan(self, run: Finished, parcel: Parcel) -> Delivered:
        """What would be done. Raises UserError where nothing can be."""

    def deliver(self, run: Finished, parcel: Parcel, step: Step) -> Delivered:
        """Send what is not there yet, see that it arrived, and only then let readers see it."""


def run_publish(request: PublishRequest) -> int:
    """Publish a run; 0 done, 2 it may not or cannot be published, 3 a fault on the way: then again goes on."""
    from pipelines.answer import answer

    return answer(lambda: _publish(request), request.json)


def _publish(request: PublishRequest) -> int:
    from pipelines.failures import told
    from pipelines.finished import Finished
    from pipelines.parcel import check, licences, pack
    from pipelines.progress import Reporter
    from pipelines.redact import parts

    place, left_out, reporter = _place(request), parts(request.redact), Reporter(request.json)
    run = Finished.at(request.run)
    with run.understood():
        files = check(run, request.despite_gate)
    with run.understood(), told(request.target), tempfile.TemporaryDirectory() as scratch:
        combined, public = licences(run), place.public()
        if combined.stops and public and not request.confirm_licence:
            raise UserError(
                f"licences stand against publishing for everyone: {'. '.join(combined.stops)}. Who has read them and "
                "may publish says so with --confirm-licence; without --public a new dataset on the hub is private"
            )
        parcel = pack(run, files, Path(scratch), left_out)
        if request.dry_run:
            done = place.plan(run, parcel)
        else:
            with _steps(reporter) as step:
                done = place.deliver(run, parcel, step)
    reporter.event(
        "planned" if request.dry_run else "published", target=request.target, public=public, files=len(parcel.files),
        rows=parcel.rows, bytes=parcel.bytes, written=done.written, removed=done.removed, at=done.at,
        open=done.opened, licences=combined.asks, confirmed=combined.stops if public else [],
    )  # fmt: skip
    say, would = reporter.say, "would be " if request.dry_run else ""
    size = f"{parcel.rows:,} rows in {len(parcel.files):,} data files, {parcel.bytes / 2**20:,.1f} MiB"
    if not done.written and not done.removed:
        say(f"nothing to do: {request.target} has this dataset already ({size})")
    else:
        removed = f", {len(done.removed):,} of an earlier one {would}removed" if done.removed else ""
        say(f"{len(done.written):,} files {would}written to {request.target}{removed} ({size})")
    for line in combined.asks:
        say(f"licence: {line}")
    for line in [] if public else combined.stops:
        say(f"keep it private: {line}")
    say(f"open it with  {done.opened}")
    if done.at:
        say(f"look at it at {done.at}")
    return DONE


def _place(request: PublishRequest) -> Place:
    if request.target.startswith(HUB):
        from pipelines.publish_hub import Hub

        return Hub.at(request.target, request.public, request.pull_request)
    if request.pull_request:
        raise UserError(f"--pull-request: only the hub has these, and {request.target} is not hf://datasets/ORG/NAME")
    from pipelines.publish_folder import Folder

    return Folder(request.target.rstrip("/"), request.public)


@contextmanager
def _steps(reporter: Reporter) -> Iterator[Step]:
    """What shows each file as it is sent: a bar on a terminal, and an event for machines."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    bar = Progress(
        TextColumn("{task.description:<10}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[file]}"),
        console=reporter.console, transient=True, disable=not reporter.terminal,
    )  # fmt: skip
    task = bar.add_task("publish", total=None, file="")

    def step(name: str, done: int, of: int, size: int) -> None:
        bar.update(task, completed=done, total=of, file=name)
        reporter.event("progress", stage="publish", done=done, of=of, file=name, bytes=size)

    with bar:
        yield step
