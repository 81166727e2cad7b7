"""What was fitted to bases is well formed, and a base takes what fits one of its size."""

from __future__ import annotations

import pytest
from homespun_model.bases.base import load_base
from homespun_model.bases.fitted import SMALL, fitted_to
from homespun_model.decoding.draft import Rates
from homespun_model.decoding.ngram_index import MAX_MATCH


def test_the_starter_has_its_own() -> None:
    assert load_base().fitted is SMALL
    assert SMALL.base == "starter"


@pytest.mark.parametrize("parameters", [1, 6_000_000, 500_000_000, 7_000_000_000])
def test_longer_matches_are_trusted_more_and_never_wholly(parameters: int) -> None:
    trust = fitted_to(parameters).trust
    assert len(trust) == MAX_MATCH + 1
    assert list(trust) == sorted(trust)
    assert trust[0] == 0
    assert trust[-1] < 1


def test_where_a_draft_costs_less_more_is_drafted() -> None:
    cheap, dear = Rates(fitted_to(500_000_000)), Rates(SMALL)
    assert cheap.worth(4) >= dear.worth(4)
