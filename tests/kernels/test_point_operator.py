"""Operators on point sets without their matrix: against the matrix, on eight simulated devices, spectra; resolution."""

import json
import math
import os
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from geomflow.core.errors import ArgumentError, KernelError, PrecisionError, ResolutionError
from geomflow.geometry.point_sets import PointSet
from geomflow.kernels.fully_connected import FullyConnected
from geomflow.kernels.gaussian import GaussianKernel
from geomflow.kernels.point_operator import PointOperator
from geomflow.kernels.positivity import check_positive, check_resolved, constant_error, resolved_sigma

RNG = np.random.default_rng(0)
POINTS = RNG.uniform(size=(53, 2))
WEIGHTS = RNG.uniform(0.5, 1.5, size=53) / 53
KERNEL = GaussianKernel(0.4)
MATRIX = np.exp(-np.sum((POINTS[:, None] - POINTS[None]) ** 2, -1) / (2 * 0.4**2))
FIELD = RNG.standard_normal((53, 2, 3))


@pytest.mark.parametrize("block", [1, 7, 1000])
def test_is_its_matrix(block):
    operator = PointOperator(KERNEL, POINTS, WEIGHTS, block=block)
    assert np.allclose(operator(FIELD), np.einsum("ij,j,jab->iab", MATRIX, WEIGHTS, FIELD), rtol=1e-12)
    assert np.allclose(operator(FIELD[:, 0, 0]), MATRIX @ (WEIGHTS * FIELD[:, 0, 0]), rtol=1e-12)


def test_transpose_trace_and_dense():
    operator = PointOperator(KERNEL, PointSet(POINTS, WEIGHTS), block=16)
    u, v = FIELD[:, 0, 0], FIELD[:, 0, 1]
    assert np.allclose(operator.dense(), MATRIX * WEIGHTS, rtol=1e-13)
    assert np.allclose(operator.transpose(u), (MATRIX * WEIGHTS).T @ u, rtol=1e-12)
    assert np.allclose(operator.transpose.dense(), operator.dense().T, rtol=1e-13)
    assert abs(v @ operator(u) - operator.transpose(v) @ u) < 1e-13
    assert np.array_equal(operator.transpose.transpose(u), operator(u))
    assert abs(operator.trace - np.trace(operator.dense())) < 1e-14


def test_default_weights_are_the_average_and_jit_is_fine():
    operator = PointOperator(KERNEL, POINTS)
    assert np.allclose(operator(FIELD), np.einsum("ij,jab->iab", MATRIX, FIELD) / 53, rtol=1e-12)
    assert np.allclose(jax.jit(lambda u: operator(u))(FIELD), operator(FIELD), rtol=1e-14)


def test_largest_eigenvalues():
    operator = PointOperator(KERNEL, POINTS, WEIGHTS, block=16)
    root = np.sqrt(WEIGHTS)
    exact = np.linalg.eigvalsh(root[:, None] * MATRIX * root)[::-1]
    assert np.allclose(operator.eigenvalues(6), exact[:6], rtol=1e-10)
    with pytest.raises(ArgumentError, match="between 1 and 52"):
        operator.eigenvalues(53)
    with pytest.raises(ArgumentError, match="not negative"):
        PointOperator(KERNEL, POINTS, np.where(WEIGHTS > 1.4 / 53, -WEIGHTS, WEIGHTS)).eigenvalues(2)


SCRIPT = """
import json, jax, numpy as np, geomflow
geomflow.enable_x64()
from geomflow.kernels.gaussian import GaussianKernel
from geomflow.kernels.point_operator import PointOperator
data = np.load({path!r})
operator = PointOperator(GaussianKernel(0.4), data["points"], data["weights"], block=4, mesh=8)
even = PointOperator(GaussianKernel(0.4), data["points"][:48], data["weights"][:48], block=4, mesh=8)
value = even(data["field"][:48])
print(json.dumps(dict(devices=jax.device_count(), spread=len(value.sharding.device_set),
    found=np.asarray(operator(data["field"])).tolist(), even=np.asarray(value).tolist(),
    eigenvalue=float(operator.eigenvalues(1)[0]))))
"""


def test_eight_devices(tmp_path):
    path = tmp_path / "data.npz"
    np.savez(path, points=POINTS, weights=WEIGHTS, field=FIELD)
    environment = {**os.environ, "XLA_FLAGS": "--xla_force_host_platform_device_count=8", "JAX_PLATFORMS": "cpu"}
    script = SCRIPT.format(path=str(path))
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["devices"] == found["spread"] == 8
    weighted = MATRIX * WEIGHTS
    assert np.allclose(found["found"], np.einsum("ij,jab->iab", weighted, FIELD), rtol=1e-12)
    assert np.allclose(found["even"], np.einsum("ij,jab->iab", weighted[:48, :48], FIELD[:48]), rtol=1e-12)
    assert abs(found["eigenvalue"] / PointOperator(KERNEL, POINTS, WEIGHTS).eigenvalues(1)[0] - 1) < 1e-12


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((KERNEL, POINTS, WEIGHTS[:5]), "one entry for each of the 53 points"),
        ((KERNEL, PointSet(POINTS, WEIGHTS), WEIGHTS), "has its weights"),
        ((KERNEL, POINTS, WEIGHTS * math.nan), "must be finite"),
        ((KERNEL, POINTS, WEIGHTS, 0), "at least 1"),
        ((FullyConnected("sign", 1), POINTS), "infinite at coincident points"),
    ],
)
def test_refusals(arguments, sentence):
    with pytest.raises(ArgumentError, match=sentence):
        PointOperator(*arguments)


def test_more_refusals():
    with pytest.raises(ArgumentError, match="one value for each of the 53 points"):
        PointOperator(KERNEL, POINTS)(FIELD[:5])
    with pytest.raises(PrecisionError):
        PointOperator(KERNEL, POINTS.astype("float32"))


# --- positivity ------------------------------------------------------------------------------------------------------


def test_positive_kernels_pass():
    values = check_positive(KERNEL, POINTS)
    assert np.allclose(values[-5:], np.linalg.eigvalsh(MATRIX)[-5:], rtol=1e-12)
    check_positive(np.zeros((3, 3)))
    check_positive(np.ones((40, 40)))  # singular, with negative rounding


def test_indefinite_kernels_are_refused():
    matrix = MATRIX - 0.5 * np.eye(53)
    with pytest.raises(KernelError, match="positive semi-definite") as caught:
        check_positive(matrix)
    lowest = np.linalg.eigvalsh(matrix)[0]
    assert abs(caught.value.eigenvalue - lowest) < 1e-12
    assert -lowest <= caught.value.jitter < -1.001 * lowest
    check_positive(matrix + caught.value.jitter * np.eye(53))


def test_other_matrices_are_refused():
    with pytest.raises(KernelError, match="symmetric") as caught:
        check_positive(MATRIX + np.triu(np.full((53, 53), 0.01), 1))
    assert abs(caught.value.asymmetry - 0.01) < 1e-3
    for matrix, sentence in ((MATRIX[:3], "square"), (MATRIX * math.inf, "finite")):
        with pytest.raises(ArgumentError, match=sentence):
            check_positive(matrix)
    with pytest.raises(ArgumentError, match="`points` must be given"):
        check_positive(KERNEL)


# --- the width that a point set resolves -----------------------------------------------------------------------------


def grid(count, dim):
    axes = (np.arange(count) + 0.5) / count
    points = np.stack(np.meshgrid(*[axes] * dim, indexing="ij"), -1).reshape(-1, dim)
    return PointSet(points, np.full(count**dim, 1 / count**dim))


@pytest.mark.parametrize(("count", "dim"), [(200, 1), (24, 2)])
@pytest.mark.parametrize("tolerance", [1e-1, 1e-3])
def test_grid_resolves_what_theory_says(count, dim, tolerance):
    # the error at a point of the grid is 2d exp(-2π²(σ/h)²)
    exact = math.sqrt(math.log(2 * dim / tolerance) / (2 * math.pi**2)) / count
    assert abs(resolved_sigma(grid(count, dim), tolerance=tolerance) / exact - 1) < 0.02
    assert constant_error(grid(count, dim), 1.05 * exact) < tolerance < constant_error(grid(count, dim), 0.95 * exact)


def test_random_points_resolve_wider_kernels():
    count = 2000
    points = np.random.default_rng(1).uniform(size=(count, 2))
    sigma = resolved_sigma(points, np.full(count, 1 / count), tolerance=0.05)
    # the median of a normal's absolute value is 0.6745 of its width, (ρ (2√π σ)²)^{-1/2}
    exact = 0.6745 / (0.05 * 2 * math.sqrt(math.pi * count))
    assert 0.6 < sigma / exact < 1.4


def test_too_small_a_width_is_refused_with_the_one_that_is_resolved():
    points = grid(24, 2)
    with pytest.raises(ResolutionError, match="too small for this point set") as caught:
        check_resolved(points, 0.3 / 24)
    assert abs(caught.value.sigma_min - resolved_sigma(points)) < 1e-12
    assert caught.value.sigma == 0.3 / 24
    check_resolved(points, 1.01 * caught.value.sigma_min)
    with pytest.raises(ResolutionError, match="too wide for"):
        check_resolved(points, 2.0)


def test_no_width_is_resolved():
    points = np.random.default_rng(1).uniform(size=(100, 2))
    with pytest.raises(ResolutionError, match="No width keeps constants") as caught:
        resolved_sigma(points, np.full(100, 0.01), tolerance=1e-6)
    assert caught.value.error > 1e-6
    with pytest.raises(ArgumentError, match="`weights` must be given"):
        resolved_sigma(points)
    with pytest.raises(ArgumentError, match="positive"):
        constant_error(points, -1.0, np.full(100, 0.01))
    with pytest.raises(ArgumentError, match="three points"):
        resolved_sigma(points[:2], np.full(2, 0.5))
    assert constant_error(points, 5.0, jnp.full(100, 0.01)) == math.inf
