"""One prompt for one place: an exam and a server build the same ids for the same hole."""

from __future__ import annotations

from pathlib import Path

from git_repositories import commit
from homespun_corpus.mining.dataset import MineSettings, mine
from homespun_corpus.repo.repository import Repository
from homespun_model.bases.base import load_base
from homespun_server.document_home import Home, home_of
from homespun_server.documents import Document, Encoding
from homespun_server.places import clear_place_in
from homespun_server.repository_index import read_now
from scratch_repositories import git, make_repository
from tiny_models import tiny_base

SECRET = 'ACCESS_KEY = "' + "".join(("AKIA", "Q3EGRTXWBN", "5LZ7HP")) + '"\n'


def test_exam_and_server_build_the_same_ids(tmp_path: Path) -> None:
    team = make_repository(tmp_path / "team", commits=14, functions=10)
    for path in sorted((team / "src").iterdir())[:4]:  # secrets and \r\n in some windows
        text = path.read_text()
        commit(team, {f"src/late_{path.stem}.py": _with_secret(text).replace("s:", "z:")})
    mined = mine(Repository.open(team), MineSettings())
    then = tmp_path / "then"  # the tree that the server sees is the one at the split
    git(tmp_path, "clone", "-q", str(team), str(then))
    git(then, "checkout", "-q", mined.manifest["split"]["train_commit"])
    root = home_of(then / "src", known=lambda _: False).root
    assert root is not None
    base = load_base(str(tiny_base(tmp_path / "base")))
    prompts = base.prompts()
    repository = Repository.open(team)
    held_out = [*mined.samples("validation"), *mined.samples("test")]
    with_code = 0
    for sample in held_out:
        source = repository.read(sample.blob_id)
        text = (source[: sample.start] + source[sample.end :]).decode()
        document = Document.create(text, uri="file:///a.py", encoding=Encoding.UTF16)
        offset = len(source[: sample.start].decode())
        place = clear_place_in(document, offset, Home(root, sample.path))
        asked, _ = read_now(place, root, base.tokenizer.encode)
        assert prompts.build(asked) == prompts.build(sample.place)
        with_code += bool(asked.related)
    assert len(held_out) > 60
    assert with_code > 40
    assert any(sample.place.before and "AKIA" in _file(repository, sample) for sample in held_out)


def _with_secret(text: str) -> str:
    first, rest = text.split("\n\n\n", 1)
    middle, last = rest.rsplit("\n\n\n", 1)
    return "\n\n\n".join((first, middle, SECRET, last)).replace("\n", "\r\n")


def _file(repository: Repository, sample: object) -> str:
    return repository.read(sample.blob_id).decode()  # type: ignore[attr-defined]
