"""Which Beam runner a run uses: the in-process one by name, or what the user's flags say."""

from __future__ import annotations

import argparse
import difflib
import re
import socket
from collections.abc import Sequence

from apache_beam.options.pipeline_options import DirectOptions, PipelineOptions, PortableOptions, StandardOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.runners.runner import PipelineRunner
from apache_beam.transforms.environments import ExternalEnvironment

from pipelines.errors import UserError

DEFAULT = "FnApiRunner"
#: Seconds in which a worker pool must answer.
_PATIENCE = 10

#: Runners and modes that give wrong results, and what was seen.
_REFUSED = {
    "DaskRunner": "it hands every tagged output to every consumer and runs only the last branch: silently wrong",
    "multi_threading": "it was seen to lose sides of a CoGroupByKey; use --direct_running_mode=multi_processing",
}


def _options(kind: type) -> set[str]:
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    subclass: type
    for subclass in kind.__subclasses__():
        # Classes add their own; two may add the same one.
        try:
            getattr(subclass, "_add_argparse_args", lambda parser: None)(parser)
        except argparse.ArgumentError:
            continue
    return {flag for action in parser._actions for flag in action.option_strings}


def known_flags() -> set[str]:
    """All flags of Beam's option classes, the runners' own included."""
    import apache_beam.runners.direct.direct_runner
    import apache_beam.runners.portability.local_job_service  # noqa: F401 - both define options

    return _options(PipelineOptions)


def beam_options(flags: Sequence[str]) -> PipelineOptions:
    """Beam's options from the flags that are not ours.

    Raises:
        UserError: a flag that no one knows, a runner or mode known to give wrong results, or workers that the
            in-process runner cannot have or that are not there.
    """
    allowed = known_flags()
    for flag in flags:
        name = flag.split("=", 1)[0]
        if name.startswith("--") and name not in allowed:
            near = difflib.get_close_matches(
                name, sorted({*allowed, "--out", "--input", "--format", "--set", "--json", "--fresh", "--dry-run"}), n=1
            )
            hint = f"; did you mean {near[0]}?" if near else "; see --help, and Beam's own pipeline options"
            raise UserError(f"no such option: {name}{hint}")
    joined = " ".join(flags)
    for name, reason in _REFUSED.items():
        if name in joined:
            raise UserError(f"{name} is refused: {reason}")
    given = any(flag.split("=", 1)[0] == "--runner" for flag in flags)
    # DirectRunner first looks for a binary to download; FnApiRunner is what it falls back to.
    named = [flag.replace("DirectRunner", DEFAULT) for flag in flags]
    options = PipelineOptions(flags=[*([] if given else [f"--runner={DEFAULT}"]), *named])
    _check_workers(options)
    return options


def runner_of(options: PipelineOptions) -> PipelineRunner | None:
    """The in-process runner with workers of a pool, where the flags ask for it; None where Beam makes the runner.

    By name Beam makes an in-process runner that does not look at flags of the environment, and runs alone.
    """
    asked = options.view_as(PortableOptions)
    if options.view_as(StandardOptions).runner != DEFAULT or not asked.environment_type:
        return None
    return FnApiRunner(default_environment=ExternalEnvironment.from_options(asked))


def _check_workers(options: PipelineOptions) -> None:
    asked = options.view_as(PortableOptions)
    if options.view_as(StandardOptions).runner != DEFAULT or not asked.environment_type:
        return
    if asked.environment_type != "EXTERNAL":
        raise UserError(
            f"--environment_type={asked.environment_type}: {DEFAULT} takes EXTERNAL alone, the workers of a pool; name "
            "the runner of a cluster with --runner for others"
        )
    if options.view_as(DirectOptions).direct_running_mode != "in_memory":
        raise UserError(
            "--environment_type=EXTERNAL and --direct_running_mode name two kinds of workers; leave one out"
        )
    if not asked.environment_config:
        raise UserError("--environment_type=EXTERNAL: name the worker pool with --environment_config=HOST:PORT")
    url = ExternalEnvironment.from_options(asked).url
    place = re.fullmatch(r"(?:dns:/*)?([^/,]+):(\d+)", url)
    if place is None:  # a socket, or another name that only gRPC understands
        return
    try:
        socket.create_connection((place[1].strip("[]"), int(place[2])), _PATIENCE).close()
    except OSError as error:
        raise UserError(
            f"--environment_config={url}: no worker pool answers there ({error}); start one with python -m "
            "apache_beam.runners.worker.worker_pool_main --service_port=PORT"
        ) from error


def describe(options: PipelineOptions) -> str:
    """The runner and its mode, for the plan and the manifest."""
    values = options.get_all_options(drop_default=True)
    mode = values.get("direct_running_mode", "in_memory")
    return (
        f"{values.get('runner', DEFAULT)} ({mode} × {values['direct_num_workers']})"
        if "direct_num_workers" in values
        else str(values.get("runner", DEFAULT))
    )
