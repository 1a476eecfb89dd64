"""A small finite-infinite run: errors side by side, files, and what it refuses."""

import numpy as np
import pytest

from geomflow.core.errors import ArgumentError, ResultFileError
from geomflow.experiments.finite_infinite import FiniteInfinite, FiniteInfiniteResult

SMALL = {"counts": (6, 12), "widths": (16,), "hidden": 1, "draws": 2, "time": 20.0, "noise": 0.05}


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    return FiniteInfinite(out=tmp_path_factory.mktemp("finite-infinite"), **SMALL).compute()


def test_all_learners_have_all_errors(result):
    learners = ("finite-16", "linearised-16", "ntk", "ntk-forever", "nngp")
    expected = {f"{c}.{n}.{q}" for c in ("exact", "noisy") for n in learners for q in ("train", "test", "curvature")}
    assert set(result.arrays) == expected | {"distance.linearised", "distance.infinite"}
    assert all(result.arrays[name].shape == (2, 2) for name in expected)
    assert result.arrays["distance.infinite"].shape == (2, 2, 1)
    assert all(np.all(np.isfinite(values)) for values in result.arrays.values())


def test_errors_are_in_their_order(result):
    a = result.arrays
    assert np.all(a["exact.ntk-forever.train"] < 1e-9)  # it interpolates
    assert np.all(a["noisy.ntk-forever.train"] < 1e-9)  # the noise as well
    assert np.all(a["exact.nngp.train"] < 1e-3)
    assert np.all(a["noisy.nngp.train"] > 1e-3)  # it was told of the noise
    assert np.all(a["exact.ntk.train"] > a["exact.ntk-forever.train"])
    assert np.all(a["exact.ntk.test"] > 0.05)
    assert not np.allclose(a["exact.ntk.test"], a["noisy.ntk.test"])
    assert np.all(a["distance.linearised"] < 0.3)


def test_the_card_shows_them_side_by_side(result):
    text = str(result)
    for name in ("finite, N = 16", "linearised, N = 16", "infinite NTK, time t", "infinite NNGP, posterior"):
        assert text.count(name) >= 2, name
    assert {word for word, _ in result.card().verdicts} <= {"verified", "refuted", "undecided"}


def made_up(result, to_infinite=-0.5, to_linearised=-1.0, ratio=3.0):
    """A result of three widths and four draws in which everything follows its law."""
    widths, rng = np.array([16, 64, 256]), np.random.default_rng(0)
    noise = lambda *shape: np.exp(0.02 * rng.standard_normal(shape))  # noqa: E731
    kinds = [f"{kind}-{n}" for n in widths for kind in ("finite", "linearised")] + ["ntk", "ntk-forever", "nngp"]
    size = {"nngp": 0.1, "ntk-forever": 0.1 * ratio**2}
    arrays = {
        f"{case}.{kind}.{q}": size.get(kind, 0.1 * ratio if kind == "ntk" else 0.1 * ratio**2) * noise(4, 2)
        for case in ("exact", "noisy") for kind in kinds for q in ("train", "test", "curvature")
    }  # fmt: skip
    arrays["exact.ntk.curvature"] = arrays["exact.ntk.test"] * 5 * noise(4, 2)
    arrays["distance.infinite"] = widths**to_infinite * noise(4, 2, 3)
    arrays["distance.linearised"] = widths**to_linearised * noise(4, 2, 3)
    return FiniteInfiniteResult({}, arrays, {**result.settings, "widths": widths.tolist()}, result.provenance)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, ["verified", "verified", "refuted", "verified", "verified", "verified"]),
        ({"to_infinite": -0.1}, ["refuted", "verified", "refuted", "verified", "verified", "verified"]),
        ({"to_linearised": -0.3}, ["verified", "refuted", "refuted", "verified", "verified", "verified"]),
        ({"ratio": 0.5}, ["verified", "verified", "refuted", "refuted", "refuted", "refuted"]),
        ({"ratio": 1.0}, ["verified", "verified", "refuted", "undecided", "undecided", "undecided"]),
    ],
)
def test_the_numbers_decide_every_verdict(result, change, words):
    assert [word for word, _ in made_up(result, **change).card().verdicts] == words


def test_a_singular_gram_matrix_is_said_to_be_one(result):
    arrays = {**result.arrays}
    for quantity in ("train", "test", "curvature"):
        arrays[f"noisy.ntk-forever.{quantity}"] = np.full((2, 2), np.nan)
    broken = FiniteInfiniteResult({}, arrays, result.settings, result.provenance)
    assert "refused: singular" in str(broken)
    assert [s for w, s in broken.card().verdicts if w == "refused"]


def test_a_result_is_written_read_and_resumed(result, tmp_path):
    result.write(tmp_path)
    for name in ("pdf", "png", "npz"):
        assert (tmp_path / f"finite-infinite.{name}").stat().st_size > 1000
    again = FiniteInfiniteResult.load(tmp_path / "finite-infinite.npz")
    assert str(again) == str(result)
    (tmp_path / "finite-infinite.npz").write_bytes(b"not a result")
    with pytest.raises(ResultFileError):
        FiniteInfiniteResult.load(tmp_path / "finite-infinite.npz")


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"counts": (8, 4)}, "counts"),
        ({"widths": ()}, "widths"),
        ({"draws": 1}, "error bars"),
        ({"time": 0.0}, "time"),
        ({"noise": -1.0}, "noise"),
        ({"activation": "relu"}, "kink"),
        ({"metric": "generic-t3"}, "lives on"),
    ],
)
def test_bad_input_is_refused_before_anything_is_computed(tmp_path, change, word):
    with pytest.raises(ArgumentError, match=word):
        FiniteInfinite(out=tmp_path / "none", **change).compute()
    assert not (tmp_path / "none").exists()


@pytest.mark.slow
def test_the_whole_run(tmp_path):
    result = FiniteInfinite(out=tmp_path).run()
    verdicts = {sentence: word for word, sentence in result.card().verdicts}
    assert any("N^(-1/2)" in s and w == "verified" for s, w in verdicts.items())
    assert any("curvature is learnt" in s and w == "refuted" for s, w in verdicts.items())
