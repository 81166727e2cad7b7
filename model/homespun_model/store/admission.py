"""Whether a published adapter may be loaded at all, for a base, before anything of it is.

Its hashes, its base and its prompt version are checked, and its configuration is found to be plain
LoRA. Knows no weights.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from homespun_model.bases.identity import BaseRecord
from homespun_model.bases.plain_lora import odd_config
from homespun_model.errors import StoreError
from homespun_model.store.revision import Revision, problems

if TYPE_CHECKING:
    from homespun_model.bases.base import Base


def check(adapter: Revision, base: Base) -> None:
    """StoreError unless the revision is whole and was made for this base and these prompts."""
    wrong = problems(adapter) or _foreign(adapter.manifest, base) or odd_config(adapter.path)
    if wrong:
        raise StoreError(f"adapter {adapter.name} of {adapter.repository} is refused: {wrong[0]}")


def _foreign(manifest: dict[str, Any], base: Base) -> list[str]:
    """The manifest is as untrusted as any file: it may lack every key."""
    trained_on = BaseRecord.in_manifest(manifest)
    if trained_on is None or not trained_on.is_same(base.record):
        named = repr(trained_on.id) if trained_on else "which it does not say"
        return [f"it was trained on another base, {named}, not {base.id!r}"]
    version = manifest.get("prompt_version")
    if type(version) is not int or version not in base.prompt_versions:
        known = ", ".join(f"v{known}" for known in base.prompt_versions)
        return [f"it reads prompts of format v{version}, not {known}: train it again"]
    return []
