"""``homespun adapters push`` and ``pull``: between a folder and a URL that many machines share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from homespun_model.bases.identity import BaseRecord
from homespun_model.errors import BaseError
from homespun_model.sharing.shared_store import Change
from homespun_model.sharing.store_place import StorePlace
from homespun_model.sharing.url import is_url

from homespun_server.adapters import looked_at, repository_id
from homespun_server.errors import CommandUsageError


@dataclass(frozen=True, slots=True)
class SharingCommands:
    """One repository's adapters, here and there."""

    here: StorePlace
    there: StorePlace
    repository: str
    base: BaseRecord | str | None

    @classmethod
    def of(
        cls, url: str, store: str | None, repository: Path, identity: str | None, base: str | None
    ) -> SharingCommands:
        """StoreInputError or CommandUsageError for what is no URL, or no folder."""
        if not is_url(url):
            raise CommandUsageError(f"{url[:80]!r} is no URL: give one like s3://bucket/folder")
        if store is not None and is_url(store):
            raise CommandUsageError("--store takes a folder here: the URL is given first")
        return cls(
            StorePlace.of(store),
            StorePlace.of(url),
            repository_id(repository) if identity is None else identity,
            None if base is None else looked_at(base),
        )

    def push(self, *, force: bool) -> int:
        """Have served there what is served here."""
        shared = self.there.shared()
        for change in shared.push(self.here.store, self.repository, self.base, force=force):
            self._say(str(self.there.url), change)
        return 0

    def pull(self) -> int:
        """Have served here what is served there."""
        changes = self.there.shared().pull(self.here.store, self.repository, self.base)
        for change in changes:
            self._say(str(self.here.store.root), change)
            self._say_missing(change)
        if not changes:
            print(f"{self.repository}: {self.there.url} serves no adapter of it")
        return 0

    def _say(self, where: str, change: Change) -> None:
        now = change.now or "the base"
        if change.before == change.now:
            print(f"{self.repository}: {where} serves {now} on {change.base} already")
        else:
            was = f", {change.before} before" if change.before else ""
            print(f"{self.repository}: {where} serves {now} on {change.base} now{was}")

    def _say_missing(self, change: Change) -> None:
        from homespun_model.bases.base import load_base

        try:
            load_base(change.base, fetch=False)
        except BaseError:
            print(f"{change.base} is not here: see homespun models")
