"""A small memorise run: what its card claims, what it leaves in the folder, and what it refuses."""

import copy

import numpy as np
import pytest

from geomflow.core.errors import ArgumentError, ResolutionError, ResultFileError
from geomflow.experiments.memorise import Memorise, MemoriseResult, run

FILES = ("memorise.pdf", "memorise.png", "memorise.npz", "card.txt", "numbers.tex")
CLAIMS = {
    "have the derived spectra": "verified",
    "spectra fall like powers": "verified",
    "each mode of g - g* decays at its eigenvalue": "verified",
    "late rates are the eigenvalues": "verified",
    "affine parametrisations keep their rates": "verified",
    "the rates at the start are those at the end for: cholesky.": "refuted",
    "a finite network memorises at the eigenvalues of its own kernel": "verified",
    "rates scatter about those of N = ∞": "verified",
    "the training error goes to zero": "verified",
    "the metric is learnt with them": "refuted",
}
OPTIONS = {"fast": True, "sigma": 0.6, "points": 16, "draws": 3, "networks": 64, "widths": (64, 4096)}


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "SIZE", 16)
        patch.setattr(run, "LARGEST", 3)
        patch.setattr(run, "WAVES", np.arange(1, 4))
        patch.setattr(run, "AFFINE", ("", "packed"))
        patch.setattr(run, "POINT_PARAMETRISATIONS", ("packed",))
        patch.setattr(run, "RATE_POINTS", 10)
        patch.setattr(run, "FAST_PARAMETRISATIONS", ("packed-orthonormal", "cholesky"))
        yield Memorise(out=tmp_path_factory.mktemp("memorise"), **OPTIONS).compute()


def test_every_verdict_is_as_the_mathematics_demands(result):
    verdicts = result.card().verdicts
    for phrase, word in CLAIMS.items():
        assert [w for w, sentence in verdicts if phrase in sentence] == [word], phrase
    assert len(verdicts) == len(CLAIMS)


@pytest.mark.parametrize(
    ("part", "change", "phrase"),
    [
        ("rates", {"worst": {"packed": 1e-3}}, "decays at its eigenvalue"),
        ("points", {"worst": {"packed": 1e-3}}, "decays at its eigenvalue"),
        ("finite", {"integrated_worst": 1e-3}, "its own kernel"),
        ("finite", {"scatter": [[1e-3] * 3] * 2}, "rates scatter"),
        ("finite", {"infinite": [0.9, 0.7, 0.5]}, "rates scatter"),
    ],
)
def test_wrong_numbers_are_refuted(result, part, change, phrase):
    broken = {**result.numbers, part: {**result.numbers[part], **change}}
    verdicts = MemoriseResult(broken, result.arrays, result.settings, result.provenance).card().verdicts
    assert [word for word, sentence in verdicts if phrase in sentence] == ["refuted"]


@pytest.mark.parametrize(
    ("kind", "change", "phrase"),
    [
        ("spectrum", {"gram_error": 1e-6}, "have the derived spectra"),
        ("spectrum", {"decay": 3.0}, "spectra fall like powers"),
        ("settling", {"late": 2.0}, "late rates are"),
        ("settling", {"wave": 0.7}, "late rates are"),
        ("settling", {"late": 1.01}, "affine parametrisations keep"),
    ],
)
def test_a_wrong_study_is_refuted(result, kind, change, phrase):
    numbers = copy.deepcopy(result.numbers)
    listed = numbers["spectrum"]["circle"] if kind == "spectrum" else numbers["settling"]["studies"]
    for study in listed:
        study |= {key: value for key, value in change.items() if study[key] is not None}
    verdicts = MemoriseResult(numbers, result.arrays, result.settings, result.provenance).card().verdicts
    assert [word for word, sentence in verdicts if phrase in sentence] == ["refuted"]


def test_a_result_is_written_and_read(result, tmp_path):
    result.write(tmp_path)
    for name in FILES:
        assert (tmp_path / name).stat().st_size > 100
    again = MemoriseResult.load(tmp_path / "memorise.npz")
    assert str(again) == str(result)
    np.testing.assert_array_equal(again.arrays["finite.rates"], result.arrays["finite.rates"])
    (tmp_path / "memorise.npz").write_bytes(b"not a result")
    with pytest.raises(ResultFileError):
        MemoriseResult.load(tmp_path / "memorise.npz")


def test_a_finished_run_resumes_without_computing(result, tmp_path, monkeypatch):
    def compute(metric, chosen):
        return {"x": np.arange(3)}, {"seen": chosen.seed}

    monkeypatch.setattr(run, "_PARTS", {"spectrum": compute, "contrast": compute})
    first = Memorise(out=tmp_path, fast=True).compute()
    assert list(first.numbers) == ["spectrum"]  # the contrast is no part of a fast run

    def forbidden(metric, chosen):
        raise AssertionError("computed again")

    monkeypatch.setattr(run, "_PARTS", {"spectrum": forbidden})
    assert Memorise(out=tmp_path, fast=True, resume=True).compute().numbers == first.numbers
    with pytest.raises(ResultFileError, match="other settings"):
        Memorise(out=tmp_path, fast=True, resume=True, seed=1).compute()


@pytest.mark.parametrize(
    ("change", "error", "word"),
    [
        ({"sigma": 0.1}, ResolutionError, "sigma"),
        ({"sigma": 0.0}, ArgumentError, "positive"),
        ({"points": 1}, ArgumentError, "points"),
        ({"draws": 1}, ArgumentError, "error bars"),
        ({"noise": -0.1}, ArgumentError, "noise"),
        ({"widths": (0,)}, ArgumentError, "width"),
        ({"metric": "generic-t3"}, ArgumentError, "lives on"),
    ],
)
def test_bad_input_is_refused_before_anything_is_computed(tmp_path, change, error, word):
    with pytest.raises(error, match=word):
        Memorise(out=tmp_path / "none", **change).compute()
    assert not (tmp_path / "none").exists()


@pytest.mark.slow
def test_the_whole_run(tmp_path):
    result = Memorise(out=tmp_path).run()
    words = [word for word, _ in result.card().verdicts]
    assert words.count("refuted") == 2
    assert "undecided" not in words
