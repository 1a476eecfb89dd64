"""Every metric of the catalogue, the exactness of the Poisson solution, and metrics from files, good and bad."""

import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import sympy as sp

from geomflow.core.errors import ArgumentError, MetricError, PeriodicityError
from geomflow.geometry.packed import unpack
from geomflow.geometry.torus import Torus
from geomflow.metrics import METRICS, metric_from_file, poisson, torus_metric
from geomflow.metrics.torus.from_file import EXAMPLE
from geomflow.metrics.torus.poisson import conformal_factor
from geomflow.symbolic.jets import pairs


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_of_the_catalogue(name):
    metric = METRICS[name]
    torus = Torus(metric.dim, 16)
    g, measure = metric.sample(torus)
    assert metric.name == name
    assert metric.note
    assert g.shape == (len(pairs(metric.dim)), *torus.shape)
    assert measure.shape == torus.shape
    assert float(jnp.min(measure)) > 0
    full = np.asarray(unpack(g))
    assert np.linalg.eigvalsh(full).min() > 0.1
    # the samples are the formula
    index = (3, 5, 7)[: metric.dim]
    at = dict(zip(metric.coordinates, (float(c[index]) for c in torus.points)))
    np.testing.assert_allclose(full[index], np.array(metric.matrix.subs(at).evalf(20), dtype=float), rtol=1e-14)
    assert float(measure[index]) == pytest.approx(float(metric.measure.subs(at)), rel=1e-14)
    np.testing.assert_allclose(metric.at(torus.points[(slice(None), *index)]), full[index], rtol=1e-14)
    # periodic, exactly
    for x in metric.coordinates:
        moved = metric.matrix.subs(x, x + 2 * sp.pi)
        assert sp.simplify(sp.Matrix(moved - metric.matrix)) == sp.zeros(metric.dim)


def test_at_is_differentiable():
    metric = METRICS["generic-t2"]
    dg = jax.jacfwd(metric.at)(jnp.asarray([0.4, 1.1]))
    x, y = metric.coordinates
    truth = [
        [[float(sp.diff(e, v).subs({x: 0.4, y: 1.1})) for v in (x, y)] for e in row] for row in metric.matrix.tolist()
    ]
    np.testing.assert_allclose(dg, truth, rtol=1e-13)


# -- the Poisson solution -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", [(1, 0), (0, 1), (1, 1), (2, 1), (-1, 3)], ids=str)
def test_poisson_is_an_exact_ricci_flow(mode):
    """w_t = Δ log w, identically: dg/dt = -2 Ric for g = w δ."""
    x, y = sp.symbols("x y", real=True)
    t, t0 = sp.symbols("t t_0", positive=True)
    w = conformal_factor(mode, (mode[0] ** 2 + mode[1] ** 2) * t + t0)
    laplacian = sum(sp.diff(sp.log(w), v, 2) for v in (x, y))
    residual = (sp.diff(w, t) - laplacian).rewrite(sp.exp)
    assert sp.simplify(residual) == 0
    # and a wrong factor would be seen
    assert sp.simplify((sp.diff(w, t) - 2 * laplacian).rewrite(sp.exp)) != 0


@pytest.mark.parametrize(("mode", "t0"), [((1, 0), 1.0), ((1, 1), 1.5), ((1, 2), 1.2)])
def test_poisson_samples_the_factor_at_its_time(mode, t0):
    torus, t = Torus(2, 64), 0.07
    g, measure = poisson(mode, t0, t).sample(torus)
    s = (mode[0] ** 2 + mode[1] ** 2) * t + t0
    w = np.sinh(s) / (np.cosh(s) + np.cos(mode[0] * torus.points[0] + mode[1] * torus.points[1]))
    np.testing.assert_allclose(g, np.stack([w, 0 * w, w]), rtol=1e-14)
    np.testing.assert_array_equal(measure, 1)
    # its area is that of the flat torus at every time
    assert float(torus.integrate(g[0])) == pytest.approx(4 * np.pi**2, rel=1e-11)


@pytest.mark.parametrize("arguments", [((0, 0), 1.0), ((1, 0), 0.0), ((1, 0), -1.0), ((1, 1), 1.0, -0.5)], ids=str)
def test_poisson_refuses_singular_times(arguments):
    with pytest.raises(ArgumentError, match="Poisson"):
        poisson(*arguments)


# -- metrics that are none --------------------------------------------------------------------------------------------

TORUS = Torus(2, 16)


@pytest.mark.parametrize(
    ("matrix", "measure", "error", "words"),
    [
        ([["1", "0"], ["sin(x)", "1"]], 1, MetricError, "symmetric"),
        ([["1", "0"]], 1, MetricError, "1 x 1"),
        ([["1 + a", "0"], ["0", "1"]], 1, MetricError, "depends on a"),
        ([["1", "0"], ["0", "1"]], "z", MetricError, "depends on z"),
        ([["1 + x", "0"], ["0", "1"]], 1, PeriodicityError, "periodic in x"),
        ([["1", "0"], ["0", "1 + sin(y/2)"]], 1, PeriodicityError, "periodic in y"),
        ([["1", "0"], ["0", "1"]], "2 + sin(y/2)", PeriodicityError, "periodic in y"),
        ([["1 + 2*cos(x)", "0"], ["0", "1"]], 1, MetricError, "indefinite"),
        ([["1", "1"], ["1", "1"]], 1, MetricError, "singular"),
        ([["1", "0"], ["0", "1"]], "cos(y)", MetricError, "measure .* must be positive"),
        ([["1/sin(x)**2", "0"], ["0", "1"]], 1, MetricError, "not finite"),
    ],
    ids=lambda v: str(v) if not isinstance(v, type) else v.__name__,
)
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_what_is_not_a_metric_is_refused(matrix, measure, error, words):
    with pytest.raises(error, match=words):
        torus_metric("mine", matrix, measure).sample(TORUS)


def test_the_errors_carry_numbers():
    with pytest.raises(MetricError) as indefinite:
        torus_metric("mine", [["1 + 2*cos(x)", "0"], ["0", "1"]]).sample(TORUS)
    assert indefinite.value.eigenvalue == pytest.approx(-1)
    assert indefinite.value.point[0] == pytest.approx(np.pi)
    with pytest.raises(PeriodicityError) as open_end:
        torus_metric("mine", [["1", "0"], ["0", "9 + y"]]).sample(TORUS)
    assert open_end.value.axis == 1
    assert open_end.value.defect == pytest.approx(2 * np.pi)
    with pytest.raises(MetricError) as measure:
        torus_metric("mine", [["1", "0"], ["0", "1"]], "cos(y)").sample(TORUS)
    assert measure.value.point[1] == pytest.approx(np.pi)


def test_dimensions_must_agree():
    with pytest.raises(ArgumentError, match=r"T\^2.*T\^3"):
        METRICS["generic-t2"].sample(Torus(3, 8))


# -- files ------------------------------------------------------------------------------------------------------------


def written(tmp_path, text, name="mine.py"):
    path = tmp_path / name
    path.write_text(text)
    return path


def test_the_example_file_works(tmp_path):
    metric = metric_from_file(written(tmp_path, EXAMPLE), 2)
    g, measure = metric.sample(TORUS)
    x, y = TORUS.points
    np.testing.assert_allclose(g, jnp.stack([1 + jnp.cos(y) / 5, jnp.sin(x) / 10, jnp.ones_like(x)]), rtol=1e-14)
    np.testing.assert_allclose(measure, 1 + jnp.cos(x) / 4, rtol=1e-14)
    assert metric.name == "mine"


def test_a_matrix_in_three_dimensions_without_measure(tmp_path):
    text = "import sympy as sp\ndef metric(x, y, z):\n    return sp.diag(1 + sp.cos(z)/5, 1, 2)\n"
    g, measure = metric_from_file(written(tmp_path, text), 3).sample(Torus(3, 8))
    assert g.shape == (6, 8, 8, 8)
    np.testing.assert_array_equal(measure, 1)


HEADER = "from sympy import *\n"


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        ("metrik = 1\n", ArgumentError, "must define a function `metric`"),
        ("metric = 1\n", ArgumentError, "must define a function `metric`"),
        ("def metric(x):\n    return [[1]]\n", ArgumentError, "at 2 SymPy coordinates"),
        ("def metric(x, y):\n    return [[1, 0], [0]]\n", ArgumentError, "at 2 SymPy coordinates"),
        ("def metric(x, y):\n    return [[1, 0], [0, 1]]\ndef measure(x):\n    return 1\n", ArgumentError, "measure"),
        ("def metric(x, y):\n    return [[1]]\n", MetricError, "2 x 2"),
        ("def metric(x, y):\n    return [[1, x], [0, 1]]\n", MetricError, "symmetric"),
        ("def metric(x, y):\n    return [[1 + x**2, 0], [0, 1]]\n", PeriodicityError, "periodic in x"),
        (HEADER + "def metric(x, y):\n    return [[cos(x), 0], [0, 1]]\n", MetricError, "indefinite"),
        (HEADER + "def metric(x, y):\n    return [[2 + Symbol('a'), 0], [0, 1]]\n", MetricError, "depends on a"),
    ],
)
def test_bad_files(tmp_path, text, error, words):
    with pytest.raises(error, match=words):
        metric_from_file(written(tmp_path, text), 2).sample(TORUS)


def test_missing_file(tmp_path):
    with pytest.raises(ArgumentError, match="There is no file") as error:
        metric_from_file(tmp_path / "nowhere.py", 2)
    assert "def metric(x, y):" in str(error.value)


FLOAT32 = """
from geomflow.core.errors import PrecisionError
from geomflow.geometry.torus import Torus
from geomflow.metrics import METRICS
try:
    METRICS["generic-t2"].sample(Torus(2, 8))
except PrecisionError as error:
    print(error)
"""


def test_float32_is_refused():
    run = subprocess.run([sys.executable, "-c", FLOAT32], capture_output=True, text=True, check=True)
    assert "geomflow.enable_x64()" in run.stdout
