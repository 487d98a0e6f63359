"""Which Beam runner a run uses: the in-process one by name, or what the user's flags say."""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Sequence

from apache_beam.options.pipeline_options import PipelineOptions

from pipelines.errors import UserError

DEFAULT = "FnApiRunner"

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
        UserError: a flag that no one knows, or a runner or mode known to give wrong results.
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
    return PipelineOptions(flags=[*([] if given else [f"--runner={DEFAULT}"]), *named])


def describe(options: PipelineOptions) -> str:
    """The runner and its mode, for the plan and the manifest."""
    values = options.get_all_options(drop_default=True)
    mode = values.get("direct_running_mode", "in_memory")
    return (
        f"{values.get('runner', DEFAULT)} ({mode} × {values['direct_num_workers']})"
        if "direct_num_workers" in values
        else str(values.get("runner", DEFAULT))
    )
