"""Attributes in a run: found and assigned, what is different about each, and a target mixture of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import polars as pl

from pipelines.embedding import Vectors
from pipelines.engine import Done, Engine
from pipelines.errors import UserError
from pipelines.slices import Slices
from schemas.config import Config
from transforms import blocks
from transforms.attributes.discover import NothingKnown
from transforms.attributes.endpoint import EndpointError
from transforms.attributes.findings import findings
from transforms.attributes.programme import InfeasibleQuotas
from transforms.attributes.signals import write_attributes, write_prompts
from transforms.attributes.stage import find_all, mix
from transforms.blocks import Block
from transforms.decide.split import Cut
from transforms.spurious.given import training_split
from transforms.tasks import RunTasks

#: Raised where a stage's code gives other results than before.
VERSIONS = {"prompts": 1, "find": 1, "attributes": 1, "mixture": 1}


@dataclass(frozen=True)
class Attributes:
    """The stages, and what is told of them."""

    assigned: Done
    report: dict[str, Any]
    mixed: Done | None = None
    mixture: dict[str, Any] | None = None
    findings: list[dict[str, Any]] = field(default_factory=list)
    table: list[dict[str, Any]] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """What was found, for the manifest: everything but texts."""
        brief = ("name", "prompts", "quota", "affinity")
        kinds = {
            kind: [{key: one[key] for key in brief} for one in each] for kind, each in self.report["kinds"].items()
        }
        told = {"prompts": self.report["prompts"], "endpoint": self.report["endpoint"], "mixture": self.mixture}
        return {**told, "kinds": kinds, "findings": [one["sentence"] for one in self.findings[:20]]}

    def notes(self) -> list[str]:
        """What a reader must know of them, for the card."""
        out = [one["sentence"] for one in self.findings[:3]]
        spent = self.report["endpoint"]
        if spent and spent["refused"]:
            out.append(
                f"{spent['refused']} attributes have the words of their prompts as names: the limits of tokens or cost "
                "left no room to ask for better ones."
            )
        if self.mixture:
            shares = ", ".join(
                f"{name} {one['before']:.1%} to {one['after']:.1%}"
                for name, one in self.mixture["shares"].items()
                if abs(one["target"] - one["before"]) > 0.01
            )
            how = "weighed" if self.mixture["by"] == "weights" else "drawn"
            out.append(
                f"Rows of the split {self.mixture['split']} are {how} for a mixture of attributes ({shares}): "
                f"{self.mixture['rows']:,} rows count as {self.mixture['effective']:,.0f}."
            )
        return out


def find_attributes(
    config: Config, every: Sequence[Block], identity: Done, texts: Vectors | None, engine: Engine
) -> Attributes | None:
    """Domains and skills of all prompts; None where nobody wants to know.

    Raises:
        UserError: nothing is embedded, no assignment meets the quotas, or the endpoint cannot be asked.
    """
    asked = config.attributes
    if not asked.find:
        return None
    if texts is None:
        raise UserError("attributes.find: attributes are clusters of embeddings, and embed.model is off")
    mask = config.policy.pii == "mask"
    shared = {"identity": identity.folder, "mask": mask}
    prompts = engine.run(
        "attribute-prompts",
        VERSIONS["prompts"],
        mask,
        [identity.key],
        len(every),
        lambda p, folder: (
            p
            | "attribute-prompts"
            >> RunTasks([{**shared, "path": b.path, "name": b.sidecar} for b in every], write_prompts, folder)
        ),
    )
    chosen = asked.model_dump(include={"domains", "skills", "quotas", "slack", "seed"})
    endpoint = asked.endpoint.model_dump() if asked.endpoint else None
    if endpoint and not endpoint["cache"]:
        if blocks.is_remote(engine.work):
            raise UserError("attributes.endpoint.cache: name a local folder for answers, since --out is not one")
        endpoint["cache"] = f"{engine.work}/answers"
    finding = {
        **chosen,
        "names": [block.sidecar for block in every],
        "prompts": prompts.folder,
        "texts": texts.done.folder,
        "device": texts.model.device,
        "endpoint": endpoint,
    }
    told = {"url", "model", "answer_tokens", "max_tokens", "max_cost"}
    said = {name: value for name, value in (endpoint or {}).items() if name in told}
    found = _in_words(
        lambda: engine.run(
            "attribute-search",
            VERSIONS["find"],
            [chosen, said],
            [prompts.key, texts.done.key],
            1,
            lambda p, folder: p | "attribute-search" >> RunTasks([finding], find_all, folder),
        )
    )
    work = [
        {"name": block.sidecar, "rows": block.rows, "prompts": prompts.folder, "found": found.folder} for block in every
    ]
    assigned = engine.run(
        "attributes",
        VERSIONS["attributes"],
        None,
        [found.key],
        len(every),
        lambda p, folder: p | "attributes" >> RunTasks(work, write_attributes, folder),
    )
    report = blocks.read_json(f"{found.folder}/found.json")
    kind = asked.target_of.removesuffix("s")
    known = [one["name"] for one in report["kinds"].get(kind, [])]
    unknown = sorted(set(asked.target) - set(known))
    if unknown:
        raise UserError(
            f"attributes.target: there is no {kind} {unknown[0]!r}; there are {', '.join(map(repr, known)) or 'none'}"
        )
    return Attributes(assigned, report)


def _in_words(run: Any) -> Done:
    """What a worker says of quotas or an endpoint is the user's to mend."""
    try:
        done: Done = run()
    except Exception as error:
        for kind in (InfeasibleQuotas, EndpointError, NothingKnown):
            said = str(error) if isinstance(error, kind) else str(error).partition(f"{kind.__name__}: ")[2]
            if said:
                raise UserError(f"attributes: {said.splitlines()[0]}") from error
        raise
    return done


def find_mixture(
    config: Config, every: Sequence[Block], known: Attributes | None, decided: Done, cuts: Sequence[Cut], engine: Engine
) -> Attributes | None:
    """The attributes with what a target mixture makes of the training rows, where one is asked for."""
    asked = config.attributes
    if known is None or not asked.target:
        return known
    chosen = asked.model_dump(include={"target", "by", "cap", "least", "seed"})
    named = {
        **chosen,
        "column": asked.target_of,
        "cuts": [vars(cut) for cut in cuts],
        "split_seed": config.split.seed,
        "split": training_split(list(config.split.fractions)),
    }
    task = {
        **named,
        "blocks": [{"path": block.path, "name": block.sidecar} for block in every],
        "decided": decided.folder,
        "attributes": known.assigned.folder,
    }
    done = engine.run(
        "mixture",
        VERSIONS["mixture"],
        named,
        [known.assigned.key, decided.key],
        1,
        lambda p, folder: p | "mixture" >> RunTasks([task], mix, folder),
    )
    return replace(known, mixed=done, mixture=blocks.read_json(f"{done.folder}/mixture.json"))


def with_findings(
    known: Attributes | None, every: Sequence[Block], signals: Done, slices: Slices | None, decided: Done
) -> Attributes | None:
    """The attributes with what is different about each, in sentences."""
    if known is None:
        return None
    parts = []
    for block in every:
        told = blocks.read_frame(f"{known.assigned.folder}/{block.sidecar}")
        verdicts = blocks.read_frame(f"{decided.folder}/{block.sidecar}", ["kind", "label", "soft_label", "group_id"])
        sizes = blocks.read_frame(f"{signals.folder}/{block.sidecar}", ["characters"])
        whole = told.hstack(verdicts).hstack(sizes).with_row_index("row").with_columns(pl.col("row").cast(pl.Int64))
        first, last = pl.col("characters").list.first(), pl.col("characters").list.last()
        pair, label = (pl.col("kind") == "pair") & pl.col("soft_label").is_not_null(), pl.col("label")
        whole = whole.with_columns(
            tie=pl.when(pair).then(label.is_null().cast(pl.Float64)),
            longer=pl.when(pair & label.is_not_null() & (first != last)).then(
                ((first > last) == (label == 0)).cast(pl.Float64)
            ),
        )
        if slices is not None:
            read = ["row", "error", "disagreement"]
            found = blocks.read_frame(f"{slices.signals.folder}/{block.sidecar}", read)
            whole = whole.join(found, on="row", how="left", maintain_order="left")
        parts.append(whole.drop("characters", "kind", "label", "soft_label", "row").rename({"group_id": "group"}))
    rows = pl.concat(parts).filter(pl.col("domains").is_not_null())
    table, told_of = findings(rows, {"domain": "domains", "skill": "skills"})
    return replace(known, findings=told_of, table=table)


def write_attributes_report(out: str, known: Attributes | None) -> None:
    """Write `attributes.json`; nothing of an older run."""
    target = f"{out}/attributes.json"
    if known is None:
        blocks.remove(target)
        return
    whole = {**known.report, "mixture": known.mixture, "findings": known.findings, "table": known.table}
    blocks.write_json(whole, target)
