"""Mining: repeatable, accounted for, byte for byte, and nothing held out in what is trained on."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest
from git_repositories import make_repository as commits_of
from homespun_corpus.errors import NothingToLearn
from homespun_corpus.mining.dataset import Mined, MineSettings, mine
from homespun_corpus.mining.dataset_files import load, save
from homespun_corpus.mining.sample import Sample
from homespun_corpus.repo.repository import Repository
from scratch_repositories import git, make_repository, module_text

PARTS = ("train", "validation", "test")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_repository(tmp_path_factory.mktemp("mined") / "team", commits=16, functions=12)


@pytest.fixture(scope="module")
def mined(folder: Path) -> Mined:
    return mine(Repository.open(folder), MineSettings())


def every(mined: Mined) -> list[Sample]:
    return [sample for part in PARTS for sample in mined.samples(part)]


def test_all_three_parts_have_samples(mined: Mined) -> None:
    assert mined.manifest["split"]["kind"] == "time"
    assert all(len(mined.dataset[part]) > 0 for part in PARTS)
    assert {s.novelty for s in mined.samples("train")} == {"old"}
    assert "old" not in {s.novelty for s in mined.samples("test")}


def test_a_hole_put_back_gives_the_file(folder: Path, mined: Mined) -> None:
    assert_put_back(Repository.open(folder), mined)


def test_holes_of_odd_files_put_back_give_the_file_but_for_its_line_ends(tmp_path: Path) -> None:
    """CRLF, BOM, tabs, all the world's letters, in what is trained on and in what is held out."""
    kinds = (
        lambda text: text.replace("\n", "\r\n").encode(),
        lambda text: b"\xef\xbb\xbf" + text.encode(),
        lambda text: b"\xef\xbb\xbf" + text.replace("\n", "\r\n").replace("    ", "\t").encode(),
        lambda text: text.replace("    ", "\t").replace("_", "\u00e9\u0436_").encode(),
        lambda text: text.replace("the", "\U0001f4a9\u0301 \u5408\u8ba1\u2028\u0085").encode(),
        lambda text: text.replace("\n\n\n", "\n\n\f\n\v\n").replace("of", "\u200f\xa0").encode(),
        lambda text: text.replace(")\n", ")  \t\r\n").rstrip().encode(),
    )
    rng = random.Random(6)
    days = [
        {f"src/part_{day}.py": kinds[day % len(kinds)](module_text(rng, 5))} for day in range(35)
    ]
    folder = commits_of(tmp_path / "team", *days)

    found = mine(Repository.open(folder), MineSettings())

    assert_put_back(Repository.open(folder), found)
    for part in PARTS:
        windows = [s.place.prefix + s.middle + s.place.suffix for s in found.samples(part)]
        assert not any("\r\n" in window for window in windows)
        for sign in ("\ufeff", "\t", "\u00e9", "\U0001f4a9", "\u2028", "\f"):
            assert any(sign in window for window in windows) or part == "validation", (part, sign)


def assert_put_back(repository: Repository, mined: Mined) -> None:
    for sample in every(mined):
        blob = repository.read(sample.blob_id)
        text = plain(blob).decode()
        before, after = plain(blob[: sample.start]), plain(blob[sample.end :])
        assert before + sample.middle.encode() + after == plain(blob)
        begin = sample.place.before
        window = sample.place.prefix + sample.middle + sample.place.suffix
        assert text[begin:].startswith(window)
        if sample.novelty != "old" or sample.place.after:  # some of training end with a function
            assert len(text) == begin + len(window) + sample.place.after
        assert len((text[:begin] + sample.place.prefix).encode()) == len(before)


def plain(source: bytes) -> bytes:
    return source.replace(b"\r\n", b"\n")


def test_the_same_commit_gives_the_same_rows(folder: Path, mined: Mined) -> None:
    again = mine(Repository.open(folder), MineSettings())
    assert again.manifest == mined.manifest
    other = mine(Repository.open(folder), MineSettings(seed=1))
    assert other.manifest["digest"] != mined.manifest["digest"]


def test_every_function_is_kept_or_rejected(mined: Mined) -> None:
    counts = mined.manifest["counts"]
    assert counts["functions"] == counts["kept"] + sum(counts["rejected"].values())
    assert counts["samples"] == len(mined.dataset["train"])
    assert counts["kept"] > 50


def test_nothing_held_out_is_in_what_training_reads(mined: Mined) -> None:
    held = {s.function for part in PARTS[1:] for s in mined.samples(part)}
    seen = "\n".join(
        text
        for s in mined.samples("train")
        for text in (s.place.prefix, s.middle, s.place.suffix, *(r.text for r in s.place.related))
    )
    assert held
    assert [name for name in held if f"def {name}(" in seen] == []


def test_some_training_samples_end_where_their_function_does(folder: Path, mined: Mined) -> None:
    """As one is written at the end of a file; what is asked about stands as it is kept."""
    repository, cut_off = Repository.open(folder), []
    train = list(mined.samples("train"))
    for sample in train:
        place = sample.place
        size = len(repository.read(sample.blob_id).decode())
        shown = place.before + len(place.prefix) + len(sample.middle) + len(place.suffix)
        if not place.after and shown < size:
            cut_off.append(sample)
    assert 0.05 < len(cut_off) / len(train) < 0.2
    assert any(not sample.place.suffix.strip() for sample in cut_off)


def test_some_training_samples_stand_bare_and_no_test_does(mined: Mined) -> None:
    train = list(mined.samples("train"))
    bare = [s for s in train if not s.place.path]
    assert 0.2 < len(bare) / len(train) < 0.4
    assert all(not s.place.related for s in bare)
    assert any(s.place.related for s in train)
    assert all(s.place.path == s.path for s in mined.samples("test"))


def test_related_code_is_never_the_files_own(mined: Mined) -> None:
    for sample in every(mined):
        assert sample.path not in {piece.path for piece in sample.place.related}


def test_excluded_paths_are_counted_and_not_trained_on(folder: Path, mined: Mined) -> None:
    paths = sorted({s.path for s in mined.samples("train")})
    found = mine(Repository.open(folder), MineSettings(exclude=(f"/{paths[0]}",)))
    assert paths[0] not in {s.path for s in every(found)}
    assert found.manifest["counts"]["rejected"]["excluded"] > 0


def test_a_saved_dataset_loads_as_it_was(
    mined: Mined, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        save(mined, tmp_path / "data")
    assert capfd.readouterr() == ("", "")
    loaded = load(tmp_path / "data")
    assert loaded.manifest == mined.manifest
    assert every(loaded) == every(mined)
    assert [entry.name for entry in tmp_path.iterdir()] == ["data"]


def test_nothing_to_learn_says_why(tmp_path: Path) -> None:
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\r\n")
    with pytest.raises(NothingToLearn, match="no function in a known language"):
        mine(Repository.open(tmp_path), MineSettings())
    (tmp_path / "short.py").write_text("def f():\n    pass\n")
    with pytest.raises(NothingToLearn, match="short"):
        mine(Repository.open(tmp_path), MineSettings())


def test_no_training_prompt_shows_a_near_copy_of_held_out_code(tmp_path: Path) -> None:
    """An old function that a new one nearly repeats is rejected; no window shows it."""
    folder = make_repository(tmp_path / "team", commits=14, functions=10)
    late = sorted((folder / "src").glob("*_13.py"))[0]
    early = sorted((folder / "src").glob("*_0.py"))[0]
    copied = late.read_text().split("\n\n\n")[1].replace("def ", "def early_")
    history = git(folder, "rev-list", "--reverse", "HEAD").split()
    git(folder, "checkout", "-q", "-B", "again", history[0])
    early.write_text(early.read_text() + "\n\n" + copied)
    git(folder, "commit", "-qam", "first")
    for commit in history[1:]:
        git(folder, "cherry-pick", commit)
    found = mine(Repository.open(folder), MineSettings())
    assert found.manifest["counts"]["rejected"]["held-out-duplicate"] == 1
    train = list(found.samples("train"))
    assert any(s.path == f"src/{early.name}" for s in train)
    for s in train:
        related = "".join(piece.text for piece in s.place.related)
        assert "def early_" not in s.place.prefix + s.middle + s.place.suffix + related


def test_no_secret_is_in_any_row(tmp_path: Path) -> None:
    folder = make_repository(tmp_path / "team", commits=16, functions=12)
    secrets = {
        "before": "hV7#kq2LpZ",
        "key": "9f8e7d6c5b4a39281706f5e4d3c2b1a0",
        "inside": "postgres://app:x9Kq2LpZ7@db.internal/app",
    }
    for file in sorted((folder / "src").glob("*.py")):
        text = file.read_text()
        begin, middle, end = text.split("\n\n\n", 2)
        leak = f'def leak_{file.stem}(name):\n    return connect(name, "{secrets["inside"]}", 3)'
        top = f'{begin}\nPASSWORD = "{secrets["before"]}"'
        file.write_text("\n\n\n".join([top, middle, leak, end, f"# api_key: {secrets['key']}\n"]))
    shutil.rmtree(folder / ".git")

    mined = mine(Repository.open(folder), MineSettings())

    rows = repr([s.to_row() for s in every(mined)])
    assert [name for name, secret in secrets.items() if secret in rows] == []
    assert mined.manifest["counts"]["rejected"]["secret"] > 0


def test_a_hostile_tree_is_mined_all_the_same(folder: Path, tmp_path: Path) -> None:
    team = tmp_path / "team"
    shutil.copytree(folder / "src", team)
    line = "x = " + "1 + " * 220_000 + "1\n"
    hostile: dict[str, bytes] = {
        "one_line.py": line.encode(),
        "huge.py": (line[:600] + "\n").encode() * 3000,
        "latin.py": b"def f(a):\n    return '\xe9' + a\n",
        "deep.py": b"def f():\n    return " + b"(\n" * 100_000 + b")\n" * 100_000,
        "open.js": b"f(\n" * 50_000,
        "null.go": b"package a\n\0\n",
        "new\nline.py": (team / sorted(p.name for p in team.iterdir())[0]).read_bytes(),
        "empty.rs": b"",
        "bom.py": b"\xef\xbb\xbfdef g(a, b):\r\n    c = a + b\r\n    return c * c + a - b\r\n",
    }
    for name, content in hostile.items():
        (team / name).write_bytes(content)
    (tmp_path / "outside.py").write_text("def outside(a, b):\n    return secret_of(a, b, a + b)\n")
    (team / "link.py").symlink_to(tmp_path / "outside.py")
    (team / "loop").symlink_to(team)

    found = mine(Repository.open(team), MineSettings())

    counts = found.manifest["counts"]
    assert counts["files_left_out"]["undecodable"] == 2
    assert counts["files_left_out"]["oversized"] == 1
    assert counts["files_left_out"]["minified"] == 1
    assert counts["functions"] == counts["kept"] + sum(counts["rejected"].values())
    assert "secret_of" not in repr([s.to_row() for s in every(found)])
