import numpy as np
import pytest
import sympy as sp

from geomflow.core.errors import DerivationError
from geomflow.symbolic.kernels import embedded_torus
from geomflow.symbolic.kernels.embedded_torus import derive_embedded_torus

SIGMA, SIGMA_A = 0.6, 1.3


def coefficient(dim, k, full):
    """The Fourier coefficient of the kernel on the torus, by the trapezoidal rule."""
    z = 2 * np.pi * np.arange(64) / 64
    angles = np.meshgrid(*[z] * dim, indexing="ij")
    inner = sum(np.cos(a) for a in angles)
    kernel = np.exp(-(2 * dim - 2 * inner) / (2 * SIGMA**2))
    if full:
        kernel = kernel * (1 + SIGMA_A**2 * (1 + inner / SIGMA**2))
    return float(np.mean(kernel * np.cos(sum(n * a for n, a in zip(k, angles, strict=True)))))


@pytest.mark.parametrize("k", [(0,), (1,), (5,), (0, 0), (2, 1), (3, 4)])
@pytest.mark.parametrize("which", ["last_layer", "full"])
def test_the_eigenvalues_are_the_fourier_coefficients(k, which):
    record = derive_embedded_torus(len(k))
    values = dict(zip((*record.wave_numbers, record.sigma, record.sigma_a), (*k, SIGMA, SIGMA_A), strict=True))
    eigenvalue = float(sp.N(getattr(record, which).subs(values)))
    assert eigenvalue == pytest.approx(coefficient(len(k), k, which == "full"), rel=1e-9)


def test_the_trace_is_the_kernel_at_coincident_points():
    record = derive_embedded_torus(1)
    function = sp.lambdify((*record.wave_numbers, record.sigma, record.sigma_a), record.full, "scipy")
    total = np.sum(function(np.arange(-40, 41), SIGMA, SIGMA_A))
    assert total == pytest.approx(1 + SIGMA_A**2 * (1 + 1 / SIGMA**2), rel=1e-12)


def test_the_steps_are_recorded():
    assert derive_embedded_torus(2).derivation.text().count("=") >= 5


def test_another_kernel_is_refused():
    c = sp.symbols("c1", real=True)
    with pytest.raises(DerivationError, match="polynomial"):
        embedded_torus._fourier(sp.sqrt(1 + c**2), (c,), derive_embedded_torus(1).wave_numbers)
