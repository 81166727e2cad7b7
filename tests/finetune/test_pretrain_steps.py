"""The recipe as its page says to run it: four commands, real clones, a card at the end."""

from __future__ import annotations

import json
import random
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from git_repositories import make_repository
from homespun_finetune.pretrain.overlap import SEED, longest_runs
from homespun_finetune.pretrain.settings import RECIPE
from scratch_repositories import git, module_text

SMALL = {
    "max_repository_share": 1.0,
    "held_out_share": 0.2,
    "size": 400,
    "context_length": 256,
    "hidden_size": 32,
    "intermediate_size": 64,
    "layers": 1,
    "heads": 2,
    "kv_heads": 1,
    "head_dim": 16,
    "tokens": 256 * 2 * 20,
    "rows_per_step": 2,
    "rows_per_pass": 2,
}


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two clones, the list that names them, and the recipe with everything made small."""
    root = tmp_path_factory.mktemp("starter")
    listed = ["repository\tcommit\tlicence\tuse"]
    for seed, use in enumerate(("train", "measure")):
        rng = random.Random(seed)
        files = {f"src/part_{i}.py": module_text(rng, 5) for i in range(8)}
        clone = make_repository(root / "clones" / f"team+{use}", files | {"LICENSE": "MIT License"})
        listed.append(f"team/{use}\t{git(clone, 'rev-parse', 'HEAD')}\tMIT\t{use}")
    (root / "list.tsv").write_text("\n".join(listed) + "\n")
    recipe = RECIPE.read_text()
    for key, value in SMALL.items():
        recipe, count = re.subn(rf"(?m)^{key} = \S+", f"{key} = {value}", recipe)
        assert count == 1, key
    (root / "small.toml").write_text(recipe)
    return root


def step(workplace: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "homespun_finetune.pretrain"]
    command += ["--recipe", "small.toml", "--sources", "list.tsv", *arguments]
    done = subprocess.run(
        command, check=False, cwd=workplace, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return done.stderr


@pytest.mark.slow
def test_prepare_train_export_measure(workplace: Path) -> None:
    step(workplace, "prepare", "clones", "prepared")
    assert '"minutes_left"' in step(workplace, "train", "prepared", "run")
    step(workplace, "export", "run", "out")
    card = workplace / "out" / "README.md"
    assert "team/measure" in card.read_text() and "Written down again" not in card.read_text()
    step(workplace, "measure", "clones", "prepared", "run", "out")
    [line] = json.loads((workplace / "run" / "measured.json").read_text())["lines"]
    assert line["repository"] == "team/measure" and line["holes"] == 200
    assert line["bits_per_byte"] > 1 and 0 <= line["exact_line"] <= line["ends_itself"] + 1
    assert f"| team/measure | python | {line['exact_line']:.1%} |" in card.read_text()
    assert "Written down again" in card.read_text()


def test_the_longest_run_is_found_wherever_it_stands() -> None:
    rng = np.random.default_rng(0)
    texts = [rng.integers(0, 60_000, 5_000).astype(np.uint16) for _ in range(3)]
    written = [
        [1, 2, *texts[1][700:740].tolist(), 3, *texts[2][-SEED:].tolist()],
        texts[0][: SEED - 1].tolist(),
        texts[0][:SEED].tolist(),
        [],
    ]
    assert longest_runs(written, texts) == [40, 0, SEED, 0]


def test_a_run_that_repeats_itself_counts_in_full() -> None:
    text = np.array([7] * 25 + [8] + [7, 8] * 16, dtype=np.uint16)
    assert longest_runs([[7] * 30, [7, 8] * 20], [text]) == [25, 34]
