"""The standard library in two halves that never meet."""

from __future__ import annotations

from itertools import islice

from homespun_finetune import stdlib_samples


def test_a_module_is_replayed_or_measured_never_both() -> None:
    replayed = {path for path, _ in stdlib_samples.replay_texts(0)}
    measured = {sample.path for sample in stdlib_samples.measured_samples(0)}
    assert replayed and measured and not replayed & measured
    assert abs(len(replayed) - len(measured)) < len(replayed) / 2


def test_the_seed_changes_the_order_and_not_the_halves() -> None:
    first = [path for path, _ in stdlib_samples.replay_texts(0)]
    other = [path for path, _ in stdlib_samples.replay_texts(1)]
    assert first == [path for path, _ in stdlib_samples.replay_texts(0)]
    assert first != other
    assert set(first) == set(other)


def test_holes_are_cut_as_in_a_teams_code() -> None:
    for samples in (stdlib_samples.measured_samples(0), stdlib_samples.replay_samples(0)):
        for sample in islice(samples, 30):
            place = sample.place
            assert sample.kind != "plain"
            assert place.language == "python" and place.path == sample.path
            assert not place.related
            if place.before == place.after == 0:
                size = len((place.prefix + sample.middle).encode())
                assert sample.end == size


def test_pages_of_our_own_for_the_languages_that_python_brings_none_of() -> None:
    samples = stdlib_samples.generic_samples(["go", "rust", "tsx", "typescript", "python", ""], 0)
    assert {sample.place.language for sample in samples} == {"go", "rust", "typescript"}
    assert len(samples) > 2 * stdlib_samples.HOLES_A_PAGE
    assert stdlib_samples.generic_samples(["python"], 0) == []


def test_tests_and_other_peoples_packages_are_not_the_library() -> None:
    paths = [path for path, _ in stdlib_samples.replay_texts(0)]
    assert not [path for path in paths if {"test", "site-packages"} & set(path.split("/"))]
