import numpy as np
import pytest

from geomflow.core.errors import ArgumentError, ResolutionError, ResultFileError
from geomflow.experiments.plane import Plane, PlaneResult

TINY = {"size": 12, "sigmas": (1.2, 0.85, 0.6), "widths": (64, 512, 4096), "draws": 3, "time": 0.1}


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    return Plane(out=tmp_path_factory.mktemp("plane"), **TINY).compute()


def test_the_numbers_are_those_of_the_arrays(result):
    numbers, total = result.numbers, result.arrays["total"]
    assert total.shape == (3, 3, 3)
    assert np.all(np.diff(numbers["bias"]) < 0)
    assert numbers["weights"] == pytest.approx([(s / np.sqrt(2 * np.pi)) ** 2 for s in TINY["sigmas"]], rel=1e-2)
    # wide networks reach the distance of infinite width, narrow ones of narrow kernels do not
    assert np.sqrt(np.mean(total[0, -1] ** 2)) == pytest.approx(numbers["bias"][0], rel=0.2)
    assert np.mean(total[-1, 0]) > 1.5 * numbers["bias"][-1]
    for _, size, error in numbers["size"]:
        assert abs(size - 1) < 4 * error + 0.15


def test_the_card_says_what_was_found(result):
    text = str(result)
    assert "measured over predicted" in text
    assert "-1/(d+4)" in text or "No least distance" in text
    verdicts = [word for word, _ in result.card().verdicts]
    assert set(verdicts) <= {"verified", "undecided"}


def test_a_result_is_written_read_and_resumed(result, tmp_path):
    result.write(tmp_path)
    for name in ("plane.pdf", "plane.png", "plane.npz", "card.txt", "numbers.tex"):
        assert (tmp_path / name).stat().st_size > 0
    again = PlaneResult.load(tmp_path / "plane.npz")
    np.testing.assert_array_equal(again.arrays["noise"], result.arrays["noise"])
    assert str(again) == str(result)
    (tmp_path / "plane.npz").write_bytes(b"not a result")
    with pytest.raises(ResultFileError):
        PlaneResult.load(tmp_path / "plane.npz")


def test_other_settings_do_not_resume(tmp_path):
    small = {**TINY, "widths": (16, 32, 64), "draws": 2}
    first = Plane(out=tmp_path, **small).compute()
    resumed = Plane(out=tmp_path, resume=True, **small).compute()
    np.testing.assert_array_equal(first.arrays["total"], resumed.arrays["total"])
    with pytest.raises(ResultFileError, match="other settings"):
        Plane(out=tmp_path, resume=True, **{**small, "seed": 1}).compute()


@pytest.mark.parametrize(
    ("change", "error", "word"),
    [
        ({"sigmas": (0.6, 0.8, 1.0)}, ArgumentError, "decreasing"),
        ({"sigmas": (1.0, 0.5, 0.01)}, ResolutionError, "Try"),
        ({"widths": (64, 32, 16)}, ArgumentError, "increasing"),
        ({"draws": 1}, ArgumentError, "error bars"),
        ({"time": 0.0}, ArgumentError, "positive"),
        ({"dim": 4}, ArgumentError, "2 or 3"),
    ],
)
def test_bad_settings_are_refused_before_anything_runs(change, error, word, tmp_path):
    with pytest.raises(error, match=word):
        Plane(out=tmp_path / "out", **{**TINY, **change}).compute()
    assert not (tmp_path / "out").exists()
