"""The dataset card: what `load_dataset` reads of the published folder, and what a person should know of it.

The front matter is made from the Parquet files' footers, so nothing of the data is held in memory. The body comes from
a template that escapes everything unless it says otherwise: no source's name or licence becomes markup.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import fsspec
import jinja2
import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from fsspec.implementations.local import LocalFileSystem

from pipelines.card_checks import checks_of
from pipelines.card_columns import columns_of
from pipelines.licences import combine, front_matter
from pipelines.loading import citation, trainers
from pipelines.markdown import block, code, codes, escape
from pipelines.results import Results
from pipelines.results_text import tables_of
from schemas.config import Config, Files
from schemas.expectations import Verdict
from schemas.verdict import DEAD_LETTERS, REASONS
from transforms import blocks
from transforms.publish.shapes import SHAPES, ShapeKind

#: Tasks of the hub that each configuration is data for; ratings alone belong to none.
_TASKS = {
    "preference": "text-generation",
    "preference_full": "text-generation",
    "preference_soft": "text-generation",
    "kto": "text-generation",
    "stepwise": "text-generation",
    "listwise": "text-ranking",
    "comet": "translation",
    "metricx": "translation",
}
#: What a configuration is searched for by.
_PAIRS = ("preference", "reward-model")
_TAGS = {
    "ratings": ("ratings", "evaluation-metric"),
    "comet": ("evaluation-metric",),
    "metricx": ("evaluation-metric",),
    "stepwise": ("process-reward-model",),
}
_SIZES = (
    "n<1K", "1K<n<10K", "10K<n<100K", "100K<n<1M", "1M<n<10M", "10M<n<100M", "100M<n<1B", "1B<n<10B", "10B<n<100B",
    "100B<n<1T", "n>1T",
)  # fmt: skip
#: What the run's counts are, in words and in the order of the card.
_COUNTS = {
    "records_in": "records read",
    "dead_letters": "records that could not be used (dead letters)",
    "merged_records": "records merged into another row, whose judgements they joined",
    "rows_in": "rows made of the other records",
    "derived_rows": "rows made from other rows",
    "merged_derived_rows": "rows made from other rows and merged into an equal one",
    "kept": "rows kept",
    "flipped": "of these, with the label turned round",
    "softened": "of these, with a share of the votes as the label",
    "ties": "of these, pairs that are ties",
    "dropped": "rows dropped",
    "review": "rows set aside for a person to look at",
    "conflicts": "rows whose copies or near-copies carry contradicting labels",
}
#: What became of rows that overlap with a benchmark.
_BECAME = {
    "drop": "They and their duplicates are not published, in no split.",
    "train_only": "They and their duplicates are published, but not in {}.",
    "review": "They and their duplicates are set aside for a person to look at, and not published.",
    "keep": "They are published all the same.",
}
_SHARD = re.compile(r"(?P<split>[a-z][a-z0-9_]*)-\d{5}-of-\d{5}\.parquet")


class Unlike(ValueError):
    """Files of one configuration have different columns or types: no card can tell of them."""


@dataclass
class SplitFiles:
    """What the footers say of one split of one configuration."""

    name: str
    rows: int = 0
    num_bytes: int = 0
    file_bytes: int = 0


@dataclass
class Published:
    """A configuration as it lies in the folder."""

    shape: ShapeKind
    schema: pa.Schema | None = None
    splits: list[SplitFiles] = field(default_factory=list)

    @property
    def rows(self) -> int:
        return sum(split.rows for split in self.splits)


@dataclass(frozen=True)
class Publication:
    """Where a card goes with the dataset, and what its reader must know of how it went there.

    Attributes:
        below: the folder that the configurations' folders are in, with a slash behind it; empty where it is the card's.
        address: what `load_dataset` calls the dataset; None where that depends on where the folder is put.
        override: what failed in a gate that was overruled, in words; None where it passed.
        redacted: what was left out on request.
    """

    below: str = ""
    address: str | None = None
    override: str | None = None
    redacted: tuple[str, ...] = ()


def make_card(
    dataset: str,
    config: Config,
    counts: dict[str, int],
    reasons: dict[str, int],
    dead_letter_codes: dict[str, int],
    sources: dict[str, dict[str, Any]],
    notes: list[str],
    version: str,
    raters: dict[str, Any] | None = None,
    contamination: dict[str, Any] | None = None,
    publication: Publication | None = None,
    limits: Sequence[str] = (),
    results: Results | None = None,
    verdict: Verdict | None = None,
) -> bytes:
    """The card of a folder with configurations.

    Args:
        dataset: the folder, with `CONFIGURATION/SPLIT-0000x-of-0000N.parquet` in it.
        config: the run's configuration.
        counts: the run's counts by name.
        reasons: how many rows have each reason code.
        dead_letter_codes: how many records have each dead letter code.
        sources: for each source its files, records, rows kept, format and licence.
        notes: sentences that a reader should know.
        version: of Trenchcoat.
        raters: how well raters agree, by source, kind and dimension, and how many rows are on cycles.
        contamination: what was found of which benchmarks (`pipelines.contamination.summary`); None without any.
        publication: where the folder is published; None for a folder that just lies in its run.
        limits: what the dataset does not say (`pipelines.limits`).
        results: what the run comes to, and what was evaluated of it.
        verdict: the gate's; None where it is not known.
    """
    results = results or Results()
    publication = publication or Publication()
    stated = {name: one["licence"] for name, one in sources.items() if one["kept"] or len(sources) == 1}
    published = inspect(dataset, list(config.split.fractions))
    title = " ".join((config.publish.title or config.name).split())
    body = _template().render(
        title=title,
        description=config.publish.description,
        configurations=published,
        empty=[name for name in _asked(config) if name not in [one.shape.name for one in published]],
        message_fields=_message_fields(published),
        sources=sources,
        counts=_in_words(counts, _COUNTS),
        reasons=_in_words(reasons, REASONS),
        dead_letters=_in_words(dead_letter_codes, DEAD_LETTERS),
        agreement=_agreement(raters),
        circles=raters if any(one["kind"] == "pair" for one in (raters or {}).get("figures", [])) else None,
        results=tables_of(results, publication.redacted),
        stale=results.stale,
        checks=checks_of(verdict, publication.redacted) if verdict else None,
        fractions=config.split.fractions,
        notes=notes,
        limits=limits,
        columns_of=columns_of,
        contamination=contamination,
        kept=_BECAME[config.policy.contaminated].format(", ".join(config.policy.contaminated_splits)),
        settings=yaml.safe_dump(_settings(config), sort_keys=False, allow_unicode=True, width=100),
        name=config.name,
        version=version,
        together=combine(stated).asks,
        trainers=trainers([one.shape.name for one in published], publication.address),
        citation=citation(title, config.name, version, publication.address),
        publication=publication,
    )
    licences = {name: one["licence"] for name, one in sources.items()}
    front = _front_matter(title, published, licences, publication.below)
    return f"---\n{front}\n---\n\n{body}".encode()


def inspect(dataset: str, order: Sequence[str]) -> list[Published]:
    """The configurations in a folder, in the order of `SHAPES`, from the footers of their files.

    Args:
        dataset: the folder.
        order: splits in the order wanted; others come after them, by name.

    Raises:
        Unlike: files of one configuration have different columns or types.
    """
    fs = fsspec.core.url_to_fs(dataset)[0] if blocks.is_remote(dataset) else LocalFileSystem()
    fs.invalidate_cache()
    out = []
    for known in SHAPES:
        folder = fs._strip_protocol(f"{dataset}/{known.name}")
        found = Published(known)
        splits: dict[str, SplitFiles] = {}
        for path, facts in sorted(fs.find(folder, detail=True).items()):
            named = _SHARD.fullmatch(PurePosixPath(path).name)
            if named is None:
                continue
            with fs.open(path, "rb") as file:
                footer = pq.ParquetFile(file)
                metadata, schema = footer.metadata, footer.schema_arrow
            if found.schema is not None and not schema.equals(found.schema):
                raise Unlike(
                    f"{known.name}: the columns of {PurePosixPath(path).name} are not those of the other files"
                )
            found.schema = schema
            split = splits.setdefault(named["split"], SplitFiles(named["split"]))
            split.rows += metadata.num_rows
            split.num_bytes += sum(metadata.row_group(i).total_byte_size for i in range(metadata.num_row_groups))
            split.file_bytes += facts["size"]
        found.splits = sorted(
            splits.values(), key=lambda s: (order.index(s.name) if s.name in order else len(order), s.name)
        )
        if found.splits:
            out.append(found)
    return out


def _front_matter(title: str, published: list[Published], licences: dict[str, str | None], below: str) -> str:
    # Slow to import, and nothing else here needs them.
    from datasets import Features
    from huggingface_hub import DatasetCardData

    infos, configs = [], []
    for one in published:
        name = one.shape.name
        size = sum(split.num_bytes for split in one.splits)
        configs.append(
            {
                "config_name": name,
                "data_files": [{"split": s.name, "path": f"{below}{name}/{s.name}-*.parquet"} for s in one.splits],
            }
        )
        infos.append(
            {
                "config_name": name,
                "features": Features.from_arrow_schema(one.schema)._to_yaml_list(),
                "splits": [{"name": s.name, "num_bytes": s.num_bytes, "num_examples": s.rows} for s in one.splits],
                "download_size": sum(split.file_bytes for split in one.splits),
                "dataset_size": size,
            }
        )
    most = max((one.rows for one in published), default=0)
    tasks = dict.fromkeys(_TASKS[one.shape.name] for one in published if one.shape.name in _TASKS)
    data = DatasetCardData(
        **front_matter(licences),  # type: ignore[arg-type]
        pretty_name=title,
        size_categories=[_SIZES[min(max(len(str(most)) - 3, 0), len(_SIZES) - 1)]],
        task_categories=list(tasks) or None,
        tags=[*dict.fromkeys(tag for one in published for tag in _TAGS.get(one.shape.name, _PAIRS)), "trenchcoat"],
        configs=configs or None,
        dataset_info=infos or None,
    )
    return str(data.to_yaml())


def _asked(config: Config) -> list[str]:
    wanted = config.publish.configurations
    return [] if isinstance(wanted, str) else list(wanted)


def _message_fields(published: list[Published]) -> list[str]:
    """The fields of messages, which are the same in every configuration that has messages."""
    for one in published:
        for column in one.schema or ():
            kind = column.type
            while pa.types.is_list(kind):
                kind = kind.value_type
            if pa.types.is_struct(kind) and kind.get_field_index("role") >= 0:
                return [inner.name for inner in kind]
    return []


def _in_words(counts: dict[str, int], words: dict[str, str]) -> list[tuple[str, str, int]]:
    """Name, meaning and count, in the order of `words`; what is not named there comes last."""
    names = [name for name in words if name in counts] + sorted(set(counts) - set(words))
    return [(name, words.get(name, ""), counts[name]) for name in names if counts[name]]


#: What makes a pair's label, in words.
_CONSENSUS = {
    "mean": "the mean vote",
    "majority": "the side with most votes",
    "dawid_skene": "Dawid-Skene: votes weighed by how reliable their raters are",
    "bradley_terry": "Bradley-Terry: all of a prompt's pairs together, votes weighed by their raters' care",
}


def _agreement(raters: dict[str, Any] | None) -> list[dict[str, Any]]:
    """The figures of what several raters judged, in words."""
    figures = [one for one in (raters or {}).get("figures", []) if one["shared"]]
    return [
        one
        | {
            "alpha": _figure(one["alpha_nominal" if one["kind"] == "pair" else "alpha_interval"]),
            "normalised": _figure(one["alpha_normalised"]),
            "label": _CONSENSUS.get(one.get("consensus", ""), "–"),
        }
        for one in figures
    ]


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _settings(config: Config) -> dict[str, Any]:
    """The configuration without where this machine keeps its files, and without what is said elsewhere."""
    whole = config.model_dump(mode="json", exclude={"publish": {"title", "description"}, "gate": True})
    whole["sources"] = _named(config.sources)
    whole["contamination"]["benchmarks"] = _named(config.contamination.benchmarks)
    for name in ("against", "relabels"):
        whole[name] = [shorten(path) for path in getattr(config, name)]
    models = [(one, "base") for one in whole["external"]["models"]]
    if whole["signals"]["length"] is not None:
        models.append((whole["signals"]["length"], "tokenizer"))
    for section, key in models:
        name = section[key]
        if blocks.is_remote(name) or name.startswith(("/", ".", "~")) or name.count("/") > 1:  # else a name on the hub
            section[key] = shorten(name)
    whole["external"].pop("cache")
    whole["probes"]["ratings"] = _named(config.probes.ratings)
    return whole


def _named(files: Sequence[Files]) -> list[dict[str, Any]]:
    """What was said of each source or benchmark, with its files by name."""
    return [
        {"name": one.name, **one.model_dump(mode="json", exclude_defaults=True)}
        | {"input": [shorten(path) for path in one.input]}
        for one in files
    ]


def shorten(path: str) -> str:
    """A local path's last part; a URL without user, password and query."""
    if "::" in path:  # a chain of fsspec: an archive, and where it lies
        return "::".join(shorten(part) for part in path.split("::"))
    if not blocks.is_remote(path) or path.startswith(("file://", "local://")):
        return PurePosixPath(path).name
    scheme, _, rest = path.partition("://")
    place, slash, tail = rest.partition("/")
    if scheme in ("http", "https"):
        tail = re.split(r"[?#]", tail, maxsplit=1)[0]
    return f"{scheme}://{place.rpartition('@')[2]}{slash}{tail}"


def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).with_name("templates")),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # HTML's escaping is not Markdown's
        finalize=escape,
    )
    environment.filters |= {"code": code, "codes": codes, "block": block}
    return environment.get_template("card.md.j2")
