"""Real git repositories for tests: a small team's invented code with a history of some weeks."""

from __future__ import annotations

import os
import random
import re
import subprocess
from pathlib import Path

NOUNS = re.findall(
    r"\w+",
    """invoice parcel ledger voucher tariff shelf crate route depot pallet courier receipt refund
    quota margin batch docket freight customs carton""",
)
VERBS = re.findall(r"\w+", "load merge audit split rank settle route group close renew check weigh")

_BODIES = (
    """    {a} = {{}}
    for {b} in {c}:
        {a}.setdefault({b}.{d}, []).append({b}.{e})
    return {{{d}: sum({e}s) / {n} for {d}, {e}s in {a}.items()}}
""",
    """    if not {c}:
        raise ValueError("no {c} to {v}")
    {a} = sorted({c}, key=lambda {b}: ({b}.{e}, -{b}.{d}))
    {e}_limit = {n}
    return [{b} for {b} in {a} if {b}.{d} > {e}_limit]
""",
    """    with open_{a}({c}) as {b}:
        {d} = {b}.read_{e}(limit={n})
    if {d} is None:
        log.warning("{a} without {e}: %s", {c})
        return default_{d}({n})
    return {d}.strip().lower()
""",
    """    {d}, {e} = divmod({c}.{a}_total, {n})
    while {e} > {c}.{b}_floor:
        {e} -= {c}.step_{d}()
        {c}.{b}s.append(({d}, {e}))
    return {c}
""",
)


def module_text(rng: random.Random, functions: int) -> str:
    """A Python module of invented functions, no two alike."""
    parts = [f'"""{rng.choice(VERBS).title()} {rng.choice(NOUNS)}s."""\n\nimport logging\n']
    parts.append("\nlog = logging.getLogger(__name__)\n")
    for _ in range(functions):
        a, b, c, d, e = rng.sample(NOUNS, 5)
        verb = rng.choice(VERBS)
        names = {"a": a, "b": b, "c": f"{c}s", "d": d, "e": e, "v": verb, "n": rng.randrange(999)}
        head = f"def {verb}_{a}_{b}_{rng.randrange(99)}({c}s):\n"
        doc = f'    """{verb.title()} the {a} of every {b}."""\n'
        parts.append("\n\n" + head + doc + rng.choice(_BODIES).format(**names))
    return "".join(parts)


def make_repository(folder: Path, *, commits: int = 12, functions: int = 6, seed: int = 0) -> Path:
    """One commit a day, each with a new module; the same seed gives the same commits."""
    rng = random.Random(seed)
    folder.mkdir(parents=True)
    git(folder, "init", "-q", "-b", "main")
    for day in range(commits):
        add_commit(folder, rng, day, functions)
    return folder


def add_commit(folder: Path, rng: random.Random, day: int, functions: int) -> None:
    file = folder / "src" / f"{rng.choice(NOUNS)}_{day}.py"
    file.parent.mkdir(exist_ok=True)
    file.write_text(module_text(rng, functions))
    git(folder, "add", "-A", day=day)
    git(folder, "commit", "-q", "-m", f"Add {file.stem}", day=day)


def git(folder: Path, *arguments: str, day: int = 0) -> str:
    """Run git in ``folder`` on one day of the history, untouched by the user's settings."""
    date = f"{1740830400 + day * 86400} +0000"
    environment = os.environ | {
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull,
        **{
            f"GIT_{who}_{what}": "dev"
            for who in ("AUTHOR", "COMMITTER")
            for what in ("NAME", "EMAIL")
        },
        "GIT_AUTHOR_DATE": date,
        "GIT_COMMITTER_DATE": date,
    }
    done = subprocess.run(
        ["git", *arguments], cwd=folder, env=environment, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()
