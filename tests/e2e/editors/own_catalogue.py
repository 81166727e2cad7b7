"""``homespun`` with one base beside the starter, which a test says how to get.

python own_catalogue.py ROW.json ARGUMENTS…
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from homespun_model.catalogue import catalogue
from pytest import MonkeyPatch


def main() -> None:
    """Do what the arguments say."""
    row = catalogue.CatalogueEntry.from_dict(json.loads(Path(sys.argv.pop(1)).read_text()))
    starter = catalogue.published().find(catalogue.STARTER)
    assert starter is not None
    own = catalogue.Catalogue((starter, row))
    MonkeyPatch().setattr(catalogue, "published", lambda: own)
    from homespun_server import cli  # takes the catalogue by its name

    cli.main()


if __name__ == "__main__":
    main()
