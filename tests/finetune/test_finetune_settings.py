"""What a team may move, and what the base's width decides."""

from __future__ import annotations

import json

import pytest
from homespun_corpus.filters.team_settings import TrainWishes
from homespun_finetune.settings import EvaluateSettings, TrainSettings, learning_rate_for


def test_wishes_go_over_the_products_choice_and_nothing_else_moves() -> None:
    settings = TrainSettings(seed=7).wishing(TrainWishes(passes=2, dropout=0.0))
    assert (settings.passes, settings.dropout) == (2, 0.0)
    assert settings.end_weight == TrainSettings().end_weight
    assert settings.seed == 7


def test_every_wish_is_a_training_setting() -> None:
    wishes = TrainWishes(learning_rate=1e-3, passes=2, dropout=0.1, end_weight=2.0)
    changed = TrainSettings().wishing(wishes).to_json()
    assert {key for key, value in changed.items() if value != TrainSettings().to_json()[key]} == {
        "learning_rate",
        "passes",
        "dropout",
        "end_weight",
    }


def test_narrow_models_learn_at_higher_rates() -> None:
    assert learning_rate_for(2000) == pytest.approx(2.5e-4)
    assert learning_rate_for(512) == pytest.approx(7.25e-4, rel=0.01)


def test_settings_go_into_a_manifest() -> None:
    assert json.loads(json.dumps(TrainSettings().to_json()))["rank"] == 32
    assert json.loads(json.dumps(EvaluateSettings().to_json()))["share"] == 0.3
