"""What a finished run left in its work folder, found by its manifest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pipelines.errors import UserError
from transforms import blocks, tasks
from transforms.blocks import Block

#: Stages that write blocks.
_WRITERS = ("ingest", "derive-")


@dataclass(frozen=True)
class Finished:
    """A finished run.

    Attributes:
        out: its folder.
        manifest: what it says of itself.
    """

    out: str
    manifest: dict[str, Any]

    @classmethod
    def at(cls, out: str) -> Finished:
        """The run in a folder; raises UserError where there is none."""
        out = out.rstrip("/")
        if not blocks.exists(f"{out}/manifest.json"):
            raise UserError(f"{out} has no manifest.json: it is not the output of a finished run")
        return cls(out, blocks.read_json(f"{out}/manifest.json"))

    def folder(self, stage: str) -> str | None:
        """The folder of a stage (the last of that name); None where it did not run.

        Raises:
            UserError: it ran, and its files are gone.
        """
        keys = [one["lineage"] for one in self.manifest["stages"] if one["stage"] == stage]
        return self._of(stage, keys[-1]) if keys else None

    def needed(self, stage: str) -> str:
        """The folder of a stage; raises UserError where there is none."""
        found = self.folder(stage)
        if found is None:
            raise UserError(f"{self.out}: the stage {stage} did not run in this run")
        return found

    def blocks(self) -> list[Block]:
        """All blocks, with the numbers that they had in the run."""
        written: list[tuple[str, int]] = []
        for stage in self.manifest["stages"]:
            if stage["stage"].startswith(_WRITERS):
                folder = self._of(stage["stage"], stage["lineage"])
                for _, stats in sorted(tasks.finished(folder).items()):
                    written += [(f"{folder}/blocks/{block['name']}", block["rows"]) for block in stats["blocks"]]
        return [Block(index, path, rows) for index, (path, rows) in enumerate(written)]

    def _of(self, stage: str, lineage: str) -> str:
        folder = f"{self.out}/work/{stage}-{lineage[:12]}"
        if not blocks.exists(f"{folder}/done.json"):
            raise UserError(f"{folder} is gone: run the same curate command again, which makes it anew")
        return folder
