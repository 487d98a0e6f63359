"""Publishing to the Hugging Face hub: data is sent first, and one commit makes all of it seen at once."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipelines.errors import SystemFault, UserError
from pipelines.failures import patiently
from pipelines.finished import Finished
from pipelines.listing import rows
from pipelines.parcel import Parcel, notes
from pipelines.publish import Delivered, Step
from pipelines.publish_folder import is_ours
from pipelines.run_card import CARD
from schemas.config import SHAPES

if TYPE_CHECKING:
    from huggingface_hub import HfApi

_ADDRESS = re.compile(r"hf://datasets/([A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*)/?")
#: Files of datasets, of this one or of earlier ones; others in a repository are left alone.
_DATA = re.compile(rf"({'|'.join(SHAPES)})/[a-z][a-z0-9_]*-\d{{5}}-of-\d{{5}}\.parquet")


@dataclass(frozen=True)
class There:
    """What a repository holds.

    Attributes:
        commit: its newest commit, or that of a pull request.
        private: whether only its owners read it.
        files: for each file its SHA-256, or where git keeps the file itself, git's name for its content.
    """

    commit: str
    private: bool
    files: dict[str, str]


@dataclass(frozen=True)
class Hub:
    """A dataset on the hub to publish to.

    Attributes:
        repo: ORG/NAME.
        open_to_all: whether it shall be public.
        propose: whether to open a pull request instead of changing it.
    """

    repo: str
    open_to_all: bool
    propose: bool

    @classmethod
    def at(cls, target: str, open_to_all: bool, propose: bool) -> Hub:
        """The dataset of this address; raises UserError for one that is none."""
        found = _ADDRESS.fullmatch(target)
        if found is None:
            raise UserError(f"{target}: a dataset on the hub is hf://datasets/ORG/NAME, without revision or path")
        return cls(found[1], open_to_all, propose)

    def public(self) -> bool:
        there = self._there(_api())
        return self.open_to_all or (there is not None and not there.private)

    def plan(self, run: Finished, parcel: Parcel) -> Delivered:
        api = _api()
        there = self._there(api)
        texts = notes(run, parcel, "", self.repo, self._url(api))
        missing = _missing(there, parcel, texts)
        self._may_replace(api, there)
        if (missing or _stale(there, parcel)) and (open_one := self._proposed(api, run, parcel, texts)):
            return Delivered([], [], self._opened(parcel), open_one)
        return Delivered(missing, _stale(there, parcel), self._opened(parcel), self._url(api))

    def deliver(self, run: Finished, parcel: Parcel, step: Step) -> Delivered:
        from huggingface_hub import CommitOperationAdd, CommitOperationDelete

        api = _api()
        planned = self.plan(run, parcel)
        at = planned.at
        texts = notes(run, parcel, "", self.repo, self._url(api))
        if planned.written or planned.removed:
            if self._there(api) is None:
                if self.propose:
                    raise UserError(f"--pull-request: there is no dataset {self.repo} to propose anything to")
                api.create_repo(self.repo, repo_type="dataset", private=True)
            there = self._there(api)
            assert there is not None
            sent = [name for name in planned.written if name not in texts]
            adds = [CommitOperationAdd(name, str(parcel.folder / name)) for name in sent]
            # What arrived of an earlier try is known by its hash there, and is not sent again.
            for done, add in enumerate(adds, 1):
                api.preupload_lfs_files(self.repo, [add], repo_type="dataset", create_pr=self.propose, num_threads=1)
                step(add.path_in_repo, done, len(adds) + 1, add.upload_info.size)
            adds += [CommitOperationAdd(name, texts[name]) for name in planned.written if name in texts]
            made = api.create_commit(
                self.repo,
                [*adds, *(CommitOperationDelete(name) for name in planned.removed)],
                repo_type="dataset",
                commit_message=_title(run, parcel),
                create_pr=self.propose,
                parent_commit=there.commit,
            )
            step(CARD, len(sent) + 1, len(sent) + 1, len(texts[CARD]))
            at = made.pr_url or at
            self._arrived(api, made.pr_revision or "main", parcel, texts)
        now = self._there(api)
        if self.open_to_all and not self.propose and now is not None and now.private:
            api.update_repo_settings(self.repo, repo_type="dataset", private=False)
        return Delivered(
            planned.written, planned.removed, planned.opened, planned.at if planned.at != self._url(api) else at
        )

    def _there(self, api: HfApi, revision: str = "main") -> There | None:
        """What the dataset holds; None where it is not there."""
        return patiently(lambda: self._look(api, revision), self.repo)

    def _look(self, api: HfApi, revision: str) -> There | None:
        from huggingface_hub import RepoFile
        from huggingface_hub.errors import RepositoryNotFoundError

        try:
            info = api.dataset_info(self.repo, revision=revision)
            found = api.list_repo_tree(self.repo, repo_type="dataset", recursive=True, revision=info.sha)
            files = {one.path: one.lfs.sha256 if one.lfs else one.blob_id for one in found if isinstance(one, RepoFile)}
        except RepositoryNotFoundError:
            return None
        return There(str(info.sha), bool(info.private), files)

    def _may_replace(self, api: HfApi, there: There | None) -> None:
        """See that the card that is there is one of ours; a pull request may propose to replace any."""
        if there is None or self.propose or CARD not in there.files:
            return
        card = f"datasets/{self.repo}@{there.commit}/{CARD}"
        if not is_ours(patiently(lambda: _files(api).cat_file(card), self.repo)):
            raise UserError(
                f"hf://datasets/{self.repo} holds something else: its card is not one that `trenchcoat publish` wrote. "
                "Name another dataset, or propose this one with --pull-request"
            )

    def _proposed(self, api: HfApi, run: Finished, parcel: Parcel, texts: dict[str, bytes]) -> str | None:
        """The address of an open pull request with just this dataset."""
        if not self.propose or self._there(api) is None:
            return None
        proposals = api.get_repo_discussions(
            self.repo, repo_type="dataset", discussion_type="pull_request", discussion_status="open"
        )
        for one in proposals:
            if one.title == _title(run, parcel):
                there = self._there(api, f"refs/pr/{one.num}")
                if there and not _missing(there, parcel, texts) and not _stale(there, parcel):
                    return one.url
        return None

    def _arrived(self, api: HfApi, revision: str, parcel: Parcel, texts: dict[str, bytes]) -> None:
        """See that the commit has all files with their hashes and rows."""
        there = self._there(api, revision)
        wrong = _missing(there, parcel, texts)
        if there is not None and not wrong:
            root = f"datasets/{self.repo}@{there.commit}"
            wrong = [one.file for one in parcel.files if self._rows(api, f"{root}/{one.file}") != one.rows]
        if wrong:
            raise SystemFault(
                f"hf://datasets/{self.repo}: {wrong[0]} is not there as it was sent; run the same command again"
            )

    def _rows(self, api: HfApi, path: str) -> int | None:
        return patiently(lambda: rows(_files(api), path), self.repo)

    def _opened(self, parcel: Parcel) -> str:
        return f"load_dataset({self.repo!r}, {parcel.files[0].file.split('/')[0]!r})"

    def _url(self, api: HfApi) -> str:
        return f"{api.endpoint}/datasets/{self.repo}"


def _api() -> HfApi:
    """The hub's client, with the token from where it looks for one; raises UserError without any."""
    from huggingface_hub import HfApi, get_token
    from huggingface_hub.utils.tqdm import disable_progress_bars

    if get_token() is None:
        raise UserError("no token for the hub: `hf auth login`, or set HF_TOKEN to one that may write")
    disable_progress_bars()
    return HfApi(library_name="trenchcoat")


def _files(api: HfApi) -> Any:
    from huggingface_hub import HfFileSystem

    return HfFileSystem(endpoint=api.endpoint, skip_instance_cache=True, use_listings_cache=False)


def _title(run: Finished, parcel: Parcel) -> str:
    return f"{run.config.name}: {parcel.rows:,} rows ({parcel.digest})"


def _missing(there: There | None, parcel: Parcel, texts: dict[str, bytes]) -> list[str]:
    """Files that are not there with their content, in the order in which they are sent."""
    files = there.files if there else {}
    wanted = {one.file: {one.sha256} for one in parcel.files}
    for one in parcel.files:  # small ones may be kept by git itself
        if len(files.get(one.file, "")) == 40:
            wanted[one.file] = {_git_name((parcel.folder / one.file).read_bytes())}
    wanted |= {name: {_git_name(text), hashlib.sha256(text).hexdigest()} for name, text in texts.items()}
    return [name for name, hashes in wanted.items() if files.get(name) not in hashes]


def _stale(there: There | None, parcel: Parcel) -> list[str]:
    """Data files of an earlier dataset that this one has not."""
    ours = {one.file for one in parcel.files}
    return sorted(name for name in (there.files if there else {}) if _DATA.fullmatch(name) and name not in ours)


def _git_name(data: bytes) -> str:
    """What git calls a file of this content."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
