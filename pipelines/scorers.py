"""What `--scorer` names: parsed and looked up before any work, each then a stage of its own."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import polars as pl
from apache_beam import PTransform
from xxhash import xxh3_128_hexdigest

from pipelines.embedding import embed, plan_models, static_model
from pipelines.engine import Done, Engine
from pipelines.errors import UserError
from pipelines.external import reward_model
from pipelines.finished import Finished
from schemas.config import Config, RewardModel
from transforms import blocks
from transforms.blocks import Block
from transforms.embed.models import Model, ModelError
from transforms.markers import Stats
from transforms.meta.named import BLOCK, LEDGER, Named, json_path
from transforms.meta.stage import BASELINES
from transforms.scorers.files import ScoreFileError, read_scores
from transforms.scorers.overlap import LOWER, NAMES
from transforms.scorers.stage import (
    score_columns,
    score_file,
    score_model,
    score_overlap,
    score_similarity,
    score_surface,
)
from transforms.spurious.features import NAMES as FEATURES
from transforms.tasks import RunTasks

#: Raised where a scorer's code gives other numbers than before.
VERSION = 4
KINDS = (
    "column:NAME[,NAME]",
    "file:PATH[#COLUMN]",
    "model:NAME[#LABEL]",
    "similarity[:MODEL]",
    "surface:FEATURE",
    *NAMES,
)
_PACKAGES = {"rouge": "rouge_score"}


@dataclass(frozen=True)
class Scorer:
    """A scorer, settled.

    Attributes:
        name: in tables.
        kind: where its numbers come from.
        value: what of that.
        lower: whether lower is better there.
        columns: for columns of the data, where they lie.
        column: for files, the one that holds the scores.
        scores: for files, what they hold.
        strangers: for files, how many of their lines name no row of the run.
        model: for similarity, what embeds; for models, the model.
    """

    name: str
    kind: str
    value: str
    lower: bool = False
    columns: tuple[Named, ...] = ()
    column: str | None = None
    scores: pl.DataFrame | None = None
    strangers: int | None = None
    model: Model | None = None

    def to_dict(self) -> dict[str, Any]:
        """As the report names it."""
        more: dict[str, Any] = {"model": self.model.fingerprint} if self.model else {}
        more |= {} if self.scores is None else {"lines": self.scores.height, "unknown_rows": self.strangers}
        return {"name": self.name, "kind": self.kind, "value": self.value, "lower_is_better": self.lower, **more}


def plan_scorers(specs: Sequence[str], run: Finished) -> list[Scorer]:
    """Settle all scorers.

    Raises:
        UserError: one that cannot be read as such, is not there, or has a name that another has.
    """
    out = [plan_scorer(spec, run) for spec in specs]
    names = [one.name for one in out]
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"--scorer: {name!r} names two scorers; give one a name of its own, NAME={name}")
        if name in BASELINES:
            raise UserError(f"--scorer: {name!r} is a baseline that is there already; give it another name")
    return out


def plan_scorer(spec: str, run: Finished) -> Scorer:
    """Settle one: `[NAME=]KIND[:VALUE][:lower]`."""
    given = re.fullmatch(r"(?:([\w .+-]+)=)?([\w+]+)(?::(.*?))?(:lower)?", spec, flags=re.DOTALL)
    if given is None:
        raise UserError(f"--scorer {spec!r}: allowed are {', '.join(KINDS)}, with NAME= before and :lower behind")
    name, kind, value, lower = given[1] or spec.removesuffix(":lower"), given[2], given[3] or "", bool(given[4])
    scorer = Scorer(name, kind, value, lower)
    if kind in NAMES and not value:
        return replace(_overlap(scorer, spec), lower=lower or kind in LOWER)
    if kind == "surface":
        if value not in FEATURES:
            raise UserError(
                f"--scorer {spec!r}: there is no surface feature {value!r}; allowed are {', '.join(FEATURES)}"
            )
        return scorer
    if kind == "column" and value:
        return replace(scorer, columns=tuple(find_column(one, run, f"--scorer {spec!r}") for one in value.split(",")))
    if kind == "file" and value.partition("#")[0]:
        path, _, column = value.partition("#")
        try:
            scores = read_scores(path, column or None)
            strangers = _strangers(path, scores, run)
            return replace(scorer, value=path, column=column or None, scores=scores, strangers=strangers)
        except ScoreFileError as error:
            raise UserError(f"--scorer {spec!r}: {error}") from error
    if kind == "model" and value.partition("#")[0]:
        base, _, label = value.partition("#")
        try:
            asked = RewardModel(name="scorer", base=base, label=label or None)
            return replace(scorer, value=base, model=reward_model(asked, "auto"))
        except ModelError as error:
            raise UserError(f"--scorer {spec!r}: {error}") from error
    if kind == "similarity":
        return replace(scorer, model=_embedder(value, run, spec))
    raise UserError(f"--scorer {spec!r}: allowed are {', '.join(KINDS)}, with NAME= before and :lower behind")


def _strangers(path: str, given: pl.DataFrame, run: Finished) -> int:
    """How many lines of a file of scores name no row of the run; raises ScoreFileError where none does."""
    ledger = run.ledger().select("row_id", "content_id").collect()
    names = pl.concat([ledger["row_id"], ledger["content_id"]]).drop_nulls()
    unknown = given.filter(~pl.col("key").is_in(names.implode()))
    if unknown.height == given.height and len(names):
        raise ScoreFileError(
            f"{path}: none of its {given.height:,} lines names a row of {run.out}; they are named like "
            f"{given['key'][0]!r}, a row_id is like {ledger['row_id'][0]!r}, an id like {ledger['content_id'][0]!r}"
        )
    return unknown.height


def _overlap(scorer: Scorer, spec: str) -> Scorer:
    from importlib.util import find_spec

    package = next((package for begin, package in _PACKAGES.items() if scorer.kind.startswith(begin)), "sacrebleu")
    if find_spec(package) is None:
        raise UserError(f"--scorer {spec!r}: needs the package {package}: pip install 'trenchcoat[metrics]'")
    return scorer


def _embedder(name: str, run: Finished, spec: str) -> Model:
    """The run's own embedding model, or the one named."""
    config = Config.model_validate(run.manifest["config"])
    if name:
        embed = config.embed.model_copy(update={"base": name, "model": "transformer", "device": "auto"})
        config = config.model_copy(update={"embed": embed.model_copy(update={"images": None})})
    model = plan_models(config)[1].text
    if model is None:
        raise UserError(f"--scorer {spec!r}: the run embedded nothing; name a model, similarity:MODEL")
    return model


def find_column(name: str, run: Finished, where: str) -> Named:
    """Where a column lies that was named on the command line.

    Raises:
        UserError: naming what is allowed.
    """
    if name in BLOCK:
        return Named(name, "block", name)
    if name in LEDGER:
        return Named(name, "ledger", name)
    stage, dot, column = name.partition(".")
    if stage == "metadata" and column:
        return Named(name, "metadata", json_path(column))
    folder = run.folder(stage) if dot else None
    if folder is not None:
        sidecar = f"{folder}/{run.blocks()[0].sidecar}"
        there = blocks.read_frame(sidecar).columns if blocks.exists(sidecar) else []
        if column in there:
            return Named(name, "sidecar", column, folder)
        allowed = f"the stage {stage} has {', '.join(there) or 'no columns beside rows'}"
    else:
        allowed = f"allowed are {', '.join((*BLOCK, *LEDGER))}, metadata.FIELD, and STAGE.COLUMN of a stage of the run"
    raise UserError(f"{where}: there is no column {name!r}; {allowed}")


def score(scorer: Scorer, every: Sequence[Block], run: Finished, engine: Engine) -> Done:
    """Run one scorer's stage: numbers beside every block."""
    folders = {"signals": run.needed("signals"), "decided": run.needed("decide"), "ledger": f"{run.out}/ledger.parquet"}
    starts = starts_of(every)
    common = [{**folders, "path": block.path, "name": block.sidecar, "first": starts[block.index]} for block in every]
    work: Callable[[dict[str, Any], str], Stats]
    own: dict[str, Any] = {}
    lineage: list[Any] = [scorer.kind, scorer.value, lineage_of(run)]
    if scorer.kind in NAMES:
        work, own = score_overlap, {"metric": scorer.kind}
    elif scorer.kind == "surface":
        work, own = score_surface, {"feature": scorer.value}
    elif scorer.kind == "column":
        work, own = score_columns, {"columns": [asdict(one) for one in scorer.columns]}
    elif scorer.kind == "similarity":
        assert scorer.model is not None
        ready = static_model(scorer.model, engine) if scorer.model.kind == "static" else scorer.model
        work, own = score_similarity, {"model": asdict(ready)}
        lineage.append(scorer.model.fingerprint)
    elif scorer.kind == "model":
        assert scorer.model is not None
        answered = embed(scorer.model, every, None, _identity(run), engine, what="answer").done
        work, own = score_model, {"answers": answered.folder}
        lineage.append(answered.key)
    else:
        work = score_file
        lineage.append(_content(scorer))

    def attach(p: Any, folder: str) -> PTransform:
        if scorer.scores is not None:  # workers read it from where all stages' files are
            own["scores"] = f"{folder}/given.parquet"
            blocks.write_frame(scorer.scores, own["scores"])
        return p | "score" >> RunTasks([{**task, **own} for task in common], work, folder)

    return engine.run("score", VERSION, lineage, [], len(common), attach)


def _identity(run: Finished) -> Done:
    """The run's stage that found copies."""
    folder = run.needed("identity")
    key = next(one["lineage"] for one in reversed(run.manifest["stages"]) if one["stage"] == "identity")
    return Done("identity", key, folder, {}, 0.0, 0, True)


def lineage_of(run: Finished) -> str:
    """What names the run's rows and verdicts: the lineage of its last stage."""
    return str(run.manifest["stages"][-1]["lineage"])


def _content(scorer: Scorer) -> str:
    """A hash of what a file of scores holds, whatever the order of its lines."""
    assert scorer.scores is not None
    return xxh3_128_hexdigest(scorer.scores.sort("key").write_json().encode())


def starts_of(every: Sequence[Block]) -> list[int]:
    """The place of each block's first row in the ledger."""
    out, first = [], 0
    for block in every:
        out.append(first)
        first += block.rows
    return out
