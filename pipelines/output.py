"""The output folder: what the stages left, put together, checked, and told in a manifest written last."""

from __future__ import annotations

import platform
import shlex
from dataclasses import asdict
from importlib.metadata import version
from itertools import pairwise
from typing import Any

import polars as pl

from pipelines.attributes import write_attributes_report
from pipelines.belonging import write_belongings
from pipelines.contamination import summary as overlap_summary
from pipelines.contamination import write_matches
from pipelines.curate import Curated
from pipelines.engine import Engine
from pipelines.finished import FORMAT, Finished
from pipelines.gate import Verdict, run_gate
from pipelines.listing import Entry
from pipelines.report import write_report
from pipelines.results import Results
from pipelines.slices import write_slices
from pipelines.trajectories import write_trajectories
from schemas.config import Config
from schemas.verdict import MERGED
from transforms import blocks
from transforms.markers import counts as counted
from transforms.parquet import RowGroups
from transforms.publish.shapes import KEPT
from transforms.publish.stage import joined_lines

_LIBRARIES = (
    "apache-beam",
    "polars",
    "pyarrow",
    "datasets",
    "great-expectations",
    "numpy",
    "pydantic",
    "torch",
    "transformers",
)
#: So many pairs of input files that are the same are named.
_SHOWN_TWINS = 5


def assemble(out: str, config: Config, curated: Curated) -> dict[str, Any]:
    """Write everything in the output folder but the gate's verdict, the card and the manifest; returns that so far."""
    counts = _counts(curated)
    _dead_letters(out, curated)
    _ledger(out, curated)
    _rater_tables(out, curated)
    write_matches(out, curated.overlaps)
    write_slices(out, curated.slices)
    write_trajectories(out, curated.frames)
    write_belongings(out, curated.belonging, curated.decided)
    write_attributes_report(out, curated.attributes)
    blocks.remove(f"{out}/spurious.json")
    if curated.shortcuts is not None:
        blocks.write_json(curated.shortcuts.report, f"{out}/spurious.json")
    blocks.remove(f"{out}/ratings.parquet")
    if curated.ratings is not None:
        curated.ratings.write(out)
    decided, joined = curated.decided.total, curated.ingested.total.get("joined", 0)
    summary = {
        "name": config.name,
        "counts": counts,
        "reasons": decided["reasons"] | ({"part_of_row": joined} if joined else {}) | _made(curated),
        "dead_letter_codes": curated.ingested.total["codes"],
        "kinds": decided["kept_kinds"],
        "languages": curated.signals.total.get("languages", {}),
        "pii": curated.signals.total.get("pii", {}),
        "splits": curated.published.total["splits"],
        "published": curated.published.total["published"],
        "largest_group_share": round(curated.largest_group, 5),
        "groups": curated.groups,
        "settled_share": round(curated.settled, 5),
        "against": curated.earlier.to_list() if curated.earlier else [],
        "configurations": curated.configurations,
        "sources": _sources(curated),
        "contamination": overlap_summary(curated.overlaps),
        "embedding": {
            name: vectors.to_dict() for name in ("texts", "images") if (vectors := getattr(curated, name)) is not None
        },
        "near": curated.near.to_dict() if curated.near else None,
        "semantic": curated.semantic.to_dict() if curated.semantic else None,
        "trajectories": curated.frames.to_dict() if curated.frames else None,
        "image_roots": curated.image_roots,
        "images": curated.looks.to_dict() if curated.looks else None,
        "belonging": curated.belonging.to_dict() if curated.belonging else None,
        "trusted": curated.trusted.to_dict() if curated.trusted else None,
        "external": _external(curated),
        "probes": curated.probes.to_dict() if curated.probes else None,
        "strength": curated.strength.to_dict() if curated.strength else None,
        "steps": curated.steps.to_dict() if curated.steps else None,
        "slices": curated.slices.to_dict() if curated.slices else None,
        "attributes": curated.attributes.to_dict() if curated.attributes else None,
        "ratings": curated.ratings.to_dict() if curated.ratings else None,
        "raters": _raters(curated),
        "balance": curated.shortcuts.report["balance"] if curated.shortcuts else None,
        "notes": [*curated.models.notes, *_notes(config, curated)],
    }
    if config.policy.act or curated.configurations:
        summary["files"] = [one.to_dict() for one in _dataset(out, curated)]
    return summary


def _counts(curated: Curated) -> dict[str, int]:
    raw, decided = curated.ingested.total, curated.decided.total
    actions, added = decided["actions"], curated.shortcuts.added if curated.shortcuts else {"rows": 0, "ties": 0}
    merged = actions.get(MERGED, 0) - decided["merged_derived"]
    return {
        "records_in": raw["records"],
        "merged_records": merged + raw.get("joined", 0),
        "dead_letters": raw["dead"],
        "rows_in": raw["rows"] - raw["extra"] - merged,
        "derived_rows": decided["derived"] + added["rows"],
        "merged_derived_rows": decided["merged_derived"],
        "kept": sum(actions.get(action, 0) for action in KEPT) + added["rows"],
        "dropped": actions.get("drop", 0),
        "review": actions.get("review", 0),
        "flipped": actions.get("flip", 0),
        "softened": actions.get("soften", 0),
        "ties": decided["ties"] + added["ties"],
        "conflicts": decided["conflicts"],
    }


def _made(curated: Curated) -> dict[str, int]:
    """Reasons of rows that balancing added."""
    added = curated.shortcuts.added["rows"] if curated.shortcuts else 0
    return {"augmented": added} if added else {}


def _sources(curated: Curated) -> dict[str, dict[str, Any]]:
    kept = curated.decided.total["kept_sources"]
    records = curated.ingested.total["source_records"]
    return {
        one.source.name: {
            "format": one.format,
            "files": len(one.files),
            "records": records.get(one.source.name, 0),
            "kept": kept.get(one.source.name, 0),
            "licence": one.source.licence,
        }
        for one in curated.planned
    }


def _raters(curated: Curated) -> dict[str, Any] | None:
    """How well raters agree, and where their preferences contradict each other; None where nobody looked."""
    if curated.raters is None:
        return None
    measured, decided = curated.raters.total, curated.decided.total
    return {
        "figures": measured["figures"],
        "measured_share": measured["sampled"],
        **{name: decided[name] for name in ("opposed", "on_cycles", "reversals")},
    }


def _external(curated: Curated) -> dict[str, Any] | None:
    """The user's own voices, and how often each takes the recorded side; None without any."""
    if curated.external is None:
        return None
    return curated.external.to_dict(curated.strength.report.get("external_right", []) if curated.strength else [])


def _rater_tables(out: str, curated: Curated) -> None:
    """What is known of each rater, and of each two of them; nothing of an older run."""
    for name, stage in (("raters", "raters"), ("rater_pairs", "pairs")):
        target = f"{out}/{name}.parquet"
        blocks.remove(target)
        if curated.raters is not None:
            blocks.copy(f"{curated.raters.folder}/{stage}.parquet", target)


def _twins(curated: Curated) -> list[str]:
    """Input files that are byte for byte the same, such as one model's answers under two models' names."""
    files = sorted((one.hash, one.file) for planned in curated.planned for one in planned.files if one.bytes)
    same = [(former[1], latter[1]) for former, latter in pairwise(files) if former[0] == latter[0]]
    more = f", and {len(same) - _SHOWN_TWINS:,} more" if len(same) > _SHOWN_TWINS else ""
    shown = "; ".join(f"{former} and {latter}" for former, latter in same[:_SHOWN_TWINS])
    return [f"Input files that are byte for byte the same: {shown}{more}."] if same else []


def _notes(config: Config, curated: Curated) -> list[str]:
    """What a reader should know that no figure says."""
    notes = _twins(curated)
    for rule in config.derive:
        if rule.raters == "unknown":
            notes.append(
                "Pairs were made from ratings of unknown raters: two responses to a prompt were compared although "
                "different people may have rated them."
            )
        if rule.raters == "normalised":
            notes.append("Pairs were made from ratings of different raters after z-normalising each rater's scores.")
    if curated.raters is not None:
        figures = curated.raters.total["figures"]
        copied, left_out = (sum(one.get(name) or 0 for one in figures) for name in ("copied", "left_out"))
        if copied:
            notes.append(
                f"{copied:,} judgements are filed under a rater's name and are another's, the same in every answer; "
                "they were counted once."
            )
        if left_out:
            who = "a rater who is" if left_out == 1 else f"{left_out:,} raters who are"
            notes.append(f"The votes of {who} worse than chance were left out of the labels.")
        if curated.raters.total["sampled"] < 1:
            notes.append(
                f"Raters were measured on {curated.raters.total['sampled']:.1%} of what was judged, chosen by hash."
            )
    if curated.earlier is not None:
        names = ", ".join(sorted({one.name for one in curated.earlier.earlier}))
        notes.append(
            f"This dataset adds to {names}: rows that are there are not here again, and the {curated.settled:.1%} of "
            "the rows whose groups are there went to the splits that these are in."
        )
    if curated.largest_group > config.gate.split_tolerance:
        notes.append(
            f"The largest group of rows that must stay together (one prompt, or prompts that are alike) holds "
            f"{curated.largest_group:.1%} of the kept rows: splits may be off their fractions by that much instead of "
            f"{config.gate.split_tolerance:.1%}."
        )
    if curated.near is not None:
        notes += curated.near.notes()
    if curated.semantic is not None:
        notes.append(curated.semantic.note())
        if not curated.groups["linked_by_meaning"]:
            notes.append(
                f"Prompts were not grouped by their embeddings: linked from a cosine of "
                f"{config.semantic.group_threshold:g} on, more than {config.duplicates.largest_group:.0%} of the rows "
                "would be one group, so the model does not tell these texts apart. Prompts that say the same in other "
                "words may stand in two splits."
            )
    if curated.overlaps:
        for name, counted in curated.overlaps.read.total["benchmarks"].items():
            if counted["unreadable"]:
                notes.append(
                    f"{counted['unreadable']:,} of {counted['records']:,} records of the benchmark {name} could not be "
                    "read: rows that overlap with those are not known."
                )
    if curated.probes is not None:
        notes += curated.probes.notes()
    if curated.external is not None:
        notes += curated.external.notes(curated.strength is not None and curated.strength.report["fitted"])
    if curated.trusted is not None:
        notes += curated.trusted.notes()
    if curated.strength is not None:
        notes += curated.strength.notes(config.policy)
    if curated.steps is not None:
        notes += curated.steps.notes()
    if curated.looks is not None:
        notes += curated.looks.notes()
    elif curated.pictures is not None:
        notes += curated.pictures.notes()
    if curated.belonging is not None:
        notes += curated.belonging.notes()
    if curated.frames is not None:
        notes += curated.frames.notes()
    if curated.slices is not None:
        notes += curated.slices.notes()
    if curated.attributes is not None:
        notes += curated.attributes.notes()
    if curated.shortcuts is not None:
        notes += curated.shortcuts.notes()
    if curated.ratings is not None:
        notes += curated.ratings.notes(curated.facts.harmonised)
    if config.policy.pii == "mask":
        notes.append("Personal data that was found is masked in the published texts.")
    return notes


def _dead_letters(out: str, curated: Curated) -> None:
    folder, stats = curated.ingested.folder, curated.ingested.stats
    parts = [blocks.read_bytes(f"{folder}/dead/{task:06d}.jsonl") for task in sorted(stats) if stats[task]["dead"]]
    blocks.write_bytes(b"".join(parts), f"{out}/dead_letters.jsonl")


def _ledger(out: str, curated: Curated) -> None:
    whole = RowGroups()
    for task in sorted(curated.published.stats):
        whole.add_file(blocks.read_bytes(f"{curated.published.folder}/ledger/{task:05d}.parquet"))
    for task in sorted(curated.ingested.stats):
        if curated.ingested.stats[task].get("joined"):
            whole.add(joined_lines(blocks.read_frame(f"{curated.ingested.folder}/joined/{task:06d}.parquet")))
    blocks.write_bytes(whole.close(), f"{out}/ledger.parquet")


def _dataset(out: str, curated: Curated) -> list[Entry]:
    """The data of the publishable folder, under their final names; it replaces an older one whole. What they are."""
    new, found = f"{out}/.dataset.new", []
    parts = [part for _, one in sorted(curated.published.stats.items()) for part in one["parts"]]
    blocks.remove(new)
    for name in sorted(curated.published.total["files"]):
        mine = [part for part in parts if part["name"] == name]
        for place, part in enumerate(mine):
            file = f"{name}-{place:05d}-of-{len(mine):05d}.parquet"
            blocks.copy(f"{curated.published.folder}/{part['file']}", f"{new}/{file}")
            found.append(Entry(file, part["bytes"], part["sha256"], part["rows"]))
    if found:
        blocks.replace_folder(new, f"{out}/dataset")
    else:
        blocks.remove(f"{out}/dataset")
    return sorted(found)


def metrics(out: str, summary: dict[str, Any]) -> dict[str, float]:
    """The run's figures that the gate looks at, counted from the ledger and the dead letters that are there."""
    ledger = blocks.read_frame(
        f"{out}/ledger.parquet", ["action", "reasons", "group_id", "split", "published_in", "score"]
    )
    counts = summary["counts"]
    dead = blocks.read_bytes(f"{out}/dead_letters.jsonl").count(b"\n")
    kept = ledger.filter(pl.col("action").is_in(KEPT))
    acted = ledger.filter(~pl.col("action").is_in(["keep", MERGED]))
    unexplained = acted.filter((pl.col("reasons").list.len() == 0) | pl.col("score").is_null())
    contaminated = ledger.filter(
        pl.col("reasons").list.contains("contaminated") & (pl.col("published_in").list.len() > 0)
    )
    in_two = kept.group_by("group_id").agg(splits=pl.col("split").n_unique()).filter(pl.col("splits") > 1)
    merged = int((ledger["action"] == MERGED).sum()) - counts["merged_derived_rows"]
    # Splits have their shares of what was there before balancing or a mixture took from training, or added to it.
    splits, changed = counted(kept["split"]), ledger["reasons"].list
    thinned = int((changed.contains("balanced_out") | changed.contains("off_mixture")).sum())
    thinned -= int(changed.contains("augmented").sum())
    if thinned:
        told = [summary["balance"], (summary.get("attributes") or {}).get("mixture")]
        train = next(one["split"] for one in told if one and "split" in one)
        splits[train] = splits.get(train, 0) + thinned
    return {
        "records_in": counts["records_in"],
        "merged_records": merged,
        "dead_letters": dead,
        "rows_in": ledger.height - merged - counts["merged_derived_rows"] - counts["derived_rows"],
        "derived_rows": counts["derived_rows"],
        "kept": kept.height,
        "dropped": int((ledger["action"] == "drop").sum()),
        "review": int((ledger["action"] == "review").sum()),
        "dead_letter_share": dead / max(counts["records_in"], 1),
        "largest_group_share": summary["largest_group_share"],
        "settled_share": summary["settled_share"],
        "published_rows": int((ledger["published_in"].list.len() > 0).sum()),
        "unexplained_verdicts": unexplained.height,
        "contaminated_published": contaminated.height,
        "groups_in_two_splits": in_two.height,
        "benchmarks": len((summary["contamination"] or {}).get("benchmarks", {})),
        **{f"share_{split}": rows / (kept.height + thinned) for split, rows in splits.items()},
    }


def judge(out: str, config: Config, summary: dict[str, Any], results: Results) -> Verdict:
    """Run the gate on what is in the output folder."""
    splits, configurations = config.split.fractions, summary["configurations"]
    return run_gate(f"{out}/dataset", metrics(out, summary), config.gate, configurations, splits, results)


def write_manifest(
    out: str,
    config: Config,
    curated: Curated,
    engine: Engine,
    summary: dict[str, Any],
    verdict: Verdict,
    command: list[str],
    runner: str,
) -> dict[str, Any]:
    """Write the report, and `manifest.json`, the last file: a folder that has it is whole."""
    manifest = {
        "trenchcoat": version("trenchcoat"),
        "format": FORMAT,
        "command": shlex.join(command),
        "runner": runner,
        "python": platform.python_version(),
        "versions": {library: version(library) for library in _LIBRARIES},
        "inputs": [
            {"source": one.source.name, "format": one.format, "file": file.file, "bytes": file.bytes, "hash": file.hash}
            for one in curated.planned
            for file in [*one.files, *one.companions]
        ],
        "config": config.model_dump(),
        **summary,
        "facts": {**asdict(curated.facts)},
        "stages": [
            {
                "stage": done.name,
                "lineage": done.key,
                "seconds": done.seconds,
                "peak_bytes": done.peak,
                "skipped": done.skipped,
            }
            for done in engine.done
        ],
    }
    write_report(Finished.about_to_be(out, manifest), verdict.to_dict() if verdict.checks else None)
    blocks.write_json(manifest, f"{out}/manifest.json")
    return manifest
