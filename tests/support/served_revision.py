"""What a store serves for a repository, where only one base has an adapter in use."""

from __future__ import annotations

from homespun_model.store.store import AdapterStore, Revision


def served_revision(store: AdapterStore, repository: str) -> Revision | None:
    """The one revision in use; None where there is none."""
    found = store.currents(repository)
    assert len(found) <= 1
    return store.open_current(repository, found[0].file) if found else None
