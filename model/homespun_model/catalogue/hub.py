"""The Hugging Face hub, and what its own client has kept on this machine.

``huggingface_hub`` says where the hub is, who asks, whether the network may be used and how long to
wait (HF_ENDPOINT, HF_TOKEN, HF_HUB_OFFLINE, …); the bytes come as all others do.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from homespun_model.catalogue.catalogue import BaseFile, CatalogueEntry, HubSource
from homespun_model.catalogue.source import is_data
from homespun_model.catalogue.transfer import Download, Heard, copy
from homespun_model.errors import FetchError

_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(slots=True)
class Hub:
    """One repository of the hub."""

    entry: CatalogueEntry
    at: HubSource
    commit: str | None = field(init=False)
    name: str = field(init=False, default="hub")

    def __post_init__(self) -> None:
        self.commit = self.at.revision

    @property
    def intent(self) -> str:
        """The repository, and of which version."""
        from huggingface_hub import constants

        version = f" at {self.at.revision[:12]}" if self.at.revision else ", as it is by now"
        return f"fetching {self.at.repository}{version} from {constants.ENDPOINT}"

    def files(self) -> tuple[BaseFile, ...]:
        """What the catalogue knows; else what the hub states of the revision."""
        _make_sure_of_network()
        return self.entry.files or self._stated()

    def identity(self) -> tuple[str | None, str | None]:
        """A quantisation is the model's, but of which revision nobody says."""
        return self.entry.published, None if self.entry.is_quantised else self.commit

    def bring(self, file: BaseFile, part: Path, heard: Heard) -> None:
        """As the hub's own addresses have it."""
        from huggingface_hub import constants, get_token, hf_hub_url

        url = hf_hub_url(self.at.repository, file.source, revision=self.commit)
        token = None if constants.HF_HUB_DISABLE_IMPLICIT_TOKEN else get_token()
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        Download(url, part, file, heard, constants.HF_HUB_DOWNLOAD_TIMEOUT, headers).run()

    def _stated(self) -> tuple[BaseFile, ...]:
        from huggingface_hub import HfApi, constants

        try:
            info = HfApi(endpoint=constants.ENDPOINT).model_info(
                self.at.repository,
                revision=self.at.revision,
                files_metadata=True,
                timeout=constants.HF_HUB_ETAG_TIMEOUT,
            )
        except Exception as error:  # its client's and that client's client's
            raise FetchError(_why(error, self.at.repository)) from error
        self.commit = info.sha
        files = [_stated(file) for file in info.siblings or () if is_data(file.rfilename)]
        return _with_weights(files, self.at.repository)


@dataclass(slots=True)
class HubCache:
    """What the hub's client has kept of a repository, under the names that the hub gave it."""

    entry: CatalogueEntry
    at: HubSource
    commit: str | None = field(init=False, default=None)
    name: str = field(init=False, default="Hugging Face cache")

    @property
    def intent(self) -> str:
        """The repository."""
        return f"copying {self.at.repository} from the Hugging Face cache"

    def files(self) -> tuple[BaseFile, ...]:
        """What the catalogue knows; else what lies in the snapshot."""
        wanted = self.entry.files
        folder = self._snapshot(wanted[0].source if wanted else "config.json")
        self.commit = folder.name
        if all((folder / file.source).is_file() for file in wanted) and wanted:
            return wanted
        names = sorted(path.name for path in folder.iterdir() if is_data(path.name))
        return _with_weights([_cached(folder / name) for name in names], self.at.repository)

    def identity(self) -> tuple[str | None, str | None]:
        """As of what the hub gives."""
        return self.entry.published, None if self.entry.is_quantised else self.commit

    def bring(self, file: BaseFile, part: Path, heard: Heard) -> None:
        """A copy: whoever tidies that cache takes nothing from us."""
        copy(self._snapshot(file.source) / file.source, part, heard)

    def _snapshot(self, file: str) -> Path:
        from huggingface_hub import try_to_load_from_cache

        try:
            found = try_to_load_from_cache(self.at.repository, file, revision=self.at.revision)
        except (OSError, ValueError):
            found = None
        if not isinstance(found, str):
            raise FetchError("not there")
        return Path(found).parent


def _stated(file: Any) -> BaseFile:
    """What the hub says of a file: the hash of a large one's contents, of a small one git's."""
    sha256 = file.lfs.sha256 if file.lfs is not None else None
    return BaseFile(
        file.rfilename, file.rfilename, file.size, sha256, None if sha256 else file.blob_id
    )


def _cached(path: Path) -> BaseFile:
    """Files of the cache are called by the hashes that the hub stated."""
    blob = path.resolve().name
    sha256 = blob if _SHA256.fullmatch(blob) else None
    git_sha1 = blob if re.fullmatch(r"[0-9a-f]{40}", blob) else None
    return BaseFile(path.name, path.name, path.stat().st_size, sha256, git_sha1)


def _with_weights(files: list[BaseFile], repository: str) -> tuple[BaseFile, ...]:
    if not any(file.name.endswith(".safetensors") for file in files):
        raise FetchError(f"{repository} holds no weights that are safe to load (safetensors)")
    return tuple(files)


def _make_sure_of_network() -> None:
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        raise FetchError("HF_HUB_OFFLINE is set")


def _why(error: Exception, repository: str) -> str:
    from huggingface_hub import errors

    if isinstance(error, errors.GatedRepoError):
        return f"{repository} wants its licence agreed to on the hub first; then set HF_TOKEN"
    if isinstance(error, errors.RepositoryNotFoundError):
        return f"there is no {repository}, or none to be seen without a token (HF_TOKEN)"
    if isinstance(error, errors.RevisionNotFoundError):
        return f"{repository} has no such revision any more"
    if "timeout" in type(error).__name__.lower() or isinstance(error, TimeoutError):
        return "it does not answer"
    said = re.sub(r"^\[Errno -?\d+\] ", "", str(error))
    return " ".join(said.split())[:200] or type(error).__name__
