"""Bad input of a locality run: each is refused with a sentence, before anything is computed."""

import os
import subprocess
import sys

import pytest

from geomflow.cli import main
from geomflow.core.errors import (
    ArgumentError,
    CatalogueError,
    GridError,
    MetricError,
    OutputError,
    PeriodicityError,
    ResolutionError,
)
from geomflow.experiments.locality import Locality, parts


@pytest.fixture(autouse=True)
def _nothing_is_computed(monkeypatch):
    def computed(*_):
        raise AssertionError("something was computed")

    for name in (
        *("derivations", "identities", "velocities", "architectures", "trajectories", "controls"),
        *("perelman", "monotonicity", "growth", "conformal"),
    ):
        monkeypatch.setattr(parts, name, computed)


@pytest.fixture
def refused(tmp_path):
    """Run with the given options and return the error; its message must hold the given words."""

    def run(error, *words, **options):
        out = tmp_path / "out"
        with pytest.raises(error) as caught:
            Locality(**{"fast": True, "out": out, **options}).run()
        assert not (out / "parts").exists()
        message = str(caught.value)
        for word in words:
            assert word in message
        assert message.endswith((".", "\n"))
        return caught.value

    return run


@pytest.fixture
def metric_file(tmp_path):
    def write(text):
        path = tmp_path / "mine.py"
        path.write_text(f"import sympy as sp\n{text}\n", encoding="utf-8")
        return str(path)

    return write


# -- grids and ladders -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [33, 65])
def test_an_odd_grid(refused, size):
    assert refused(GridError, "even", str(size), size=size).size == size


@pytest.mark.parametrize("size", [0, 2, 6, -32])
def test_a_tiny_grid(refused, size):
    assert refused(GridError, "at least 8", size=size).size == size


def test_a_width_below_what_the_grid_carries(refused):
    error = refused(ResolutionError, "at least 0.1473", "grid of 48 points", size=32, widths=(0.8, 0.4, 0.1))
    assert error.sigma == 0.1
    assert error.sigma_min == pytest.approx(0.75 * 2 * 3.141592653589793 / 32)


@pytest.mark.parametrize("widths", [(0.8, 0.4, -0.2), (0.8, 0.4, float("nan")), (0.8, 0.4, 0.0)])
def test_a_width_that_is_no_width(refused, widths):
    refused(ArgumentError, widths=widths)


@pytest.mark.parametrize("widths", [(0.2, 0.4, 0.8), (0.8, 0.8, 0.4), (0.8, 0.4), (0.8,), ()])
def test_a_ladder_that_does_not_go_down_three_steps(refused, widths):
    refused(ArgumentError, "`widths`", "three or more decreasing", "Try", widths=widths)


def test_a_coarser_grid_needs_no_more_than_its_own_ladder(tmp_path):
    """The ladders that no option sets have grids of their own, so this input is good."""
    with pytest.raises(AssertionError, match="something was computed"):
        Locality(size=32, widths=(0.8, 0.4, 0.2), out=tmp_path).run()


@pytest.mark.parametrize("time", [0.0, -0.1, float("nan")])
def test_a_time_that_is_not_positive(refused, time):
    refused(ArgumentError, "positive", time=time)


@pytest.mark.parametrize("dim", [1, 4, 0])
def test_another_dimension(refused, dim):
    refused(ArgumentError, "`dim` must be 2 or 3", f"is {dim}", dim=dim)


# -- metrics -----------------------------------------------------------------------------------------------------------


def test_an_unknown_metric(refused):
    error = refused(CatalogueError, "generic-t22", "Did you mean", "`generic-t2`", metric="generic-t22")
    assert "generic-t2" in error.closest


def test_a_metric_of_another_dimension(refused):
    refused(ArgumentError, "generic-t3", "T^3", "--dim 3", metric="generic-t3")


def test_a_missing_file(refused, tmp_path):
    refused(ArgumentError, "There is no file", "nowhere.py", "def metric(x, y)", metric=str(tmp_path / "nowhere.py"))


def test_a_file_without_a_metric(refused, metric_file):
    refused(ArgumentError, "must define a function `metric`", metric=metric_file("g = 1"))


def test_an_indefinite_metric(refused, metric_file):
    """1 + 2 cos x is -1 at x = π."""
    metric = metric_file("def metric(x, y): return [[1 + 2*sp.cos(x), 0], [0, 1]]")
    error = refused(MetricError, "indefinite", "eigenvalue there is -1", "3.1416", metric=metric)
    assert error.eigenvalue == pytest.approx(-1)
    assert error.point[0] == pytest.approx(3.141592653589793)


def test_a_singular_metric(refused, metric_file):
    metric = metric_file("def metric(x, y): return [[1, 0], [0, 1 - sp.cos(y)]]")
    error = refused(MetricError, "singular at x = (", "0.0000)", metric=metric)
    assert error.eigenvalue == pytest.approx(0, abs=1e-15)
    assert error.point[1] == 0


def test_a_metric_that_is_not_symmetric(refused, metric_file):
    metric = metric_file("def metric(x, y): return [[2, sp.sin(x)], [sp.cos(x), 2]]")
    refused(MetricError, "symmetric", "g_01 = sin(x)", "g_10 = cos(x)", metric=metric)


def test_a_metric_that_does_not_close_up(refused, metric_file):
    metric = metric_file("def metric(x, y): return [[2 + sp.cos(y/2), 0], [0, 1]]")
    error = refused(PeriodicityError, "2π-periodic in y", "integer multiples", metric=metric)
    assert error.axis == 1
    assert error.defect > 0.1


def test_a_measure_that_is_not_positive(refused, metric_file):
    metric = metric_file("def metric(x, y): return [[1, 0], [0, 1]]\ndef measure(x, y): return 1 + 2*sp.cos(y)")
    refused(MetricError, "measure", "positive", "m = -1", metric=metric)


def test_a_metric_that_does_not_move(refused):
    refused(ArgumentError, "flat", metric="flat-t2")


@pytest.mark.parametrize("text", ["def metric(x, y) return 1", "def metric(x, y): return [[undefined, 0], [0, 1]]"])
def test_an_error_in_the_file(refused, metric_file, text):
    refused(ArgumentError, "mine.py", metric=metric_file(text))


# -- folders, the command line, precision ------------------------------------------------------------------------------


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(OutputError, match="cannot be written") as caught:
        Locality(fast=True, out=tmp_path / "file" / "out").run()
    assert caught.value.path == tmp_path / "file" / "out" / "parts"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--size", "33"], "33"),
        (["--metric", "generic-t22"], "Did you mean `generic-t2`"),
        (["--dim", "4"], "must be 2 or 3"),
        (["--widths", "0.2", "0.4", "0.8"], "three or more decreasing"),
    ],
)
def test_the_command_line_answers_in_one_line(tmp_path, capsys, options, words):
    assert main(["locality", "--fast", "--out", str(tmp_path), *options]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("geomflow: ")
    assert words in err
    assert err.count("\n") == 1


def test_single_precision_is_refused(tmp_path):
    code = (
        "from pathlib import Path; import sys\n"
        "from geomflow.experiments.locality import Locality\n"
        "Locality(fast=True, out=Path(sys.argv[1])).run()"
    )
    environment = {name: value for name, value in os.environ.items() if name != "JAX_ENABLE_X64"}
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "out")], capture_output=True, text=True, env=environment
    )
    assert done.returncode == 1
    assert "PrecisionError: Geometry needs float64" in done.stderr
    assert "geomflow.enable_x64()" in done.stderr
    assert not (tmp_path / "out" / "parts").exists()
