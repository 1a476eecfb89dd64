"""The derived metric-NTK: the table at g = 1, exact identities, and the numerical parametrisations at some metric."""

from itertools import product

import numpy as np
import pytest
import sympy as sp

from geomflow.core.errors import ArgumentError, DerivationError
from geomflow.networks.metric_ntk import covariance_defect
from geomflow.networks.metric_ntk import local_form as numeric_local_form
from geomflow.networks.parametrisations import PARAMETRISATIONS
from geomflow.symbolic.kernels.metric_ntk import (
    KAPPA,
    MEASURE,
    METRIC_NTKS,
    derive_metric_ntk,
    duhamel,
    symmetric_square,
)

HALF = sp.Rational(1, 2)


def delta(i, j):
    return int(i == j)


def test_every_parametrisation_is_derived():
    assert set(METRIC_NTKS) == set(PARAMETRISATIONS.names())


@pytest.mark.parametrize(
    ("name", "table", "speeds", "affine", "factor"),
    [
        ("independent", (1, 1, 0), (1, 1), True, None),
        ("packed", (1, 1, 1), (1, 2), True, None),
        ("packed-orthonormal", (1, HALF, HALF), (1, 1), True, None),
        ("cholesky", (4, 1, 1), (4, 2), False, None),
        ("gram", (4, 2, 2), (4, 4), False, None),
        ("exp", (1, HALF, HALF), (1, 1), False, None),
        ("exp-framed", (1, HALF, HALF), (1, 1), False, 1),
        ("vielbein", (1, HALF, HALF), (1, 1), True, 1 / MEASURE),
    ],
)
@pytest.mark.parametrize("dim", [2, pytest.param(3, marks=pytest.mark.slow)])
def test_table_of_local_forms(name, table, speeds, affine, factor, dim):
    derived = derive_metric_ntk(name, dim)
    p = derived.at()
    assert (p[0, 0, 0, 0], p[0, 1, 0, 1], p[0, 1, 1, 0]) == table
    assert derived.speeds() == speeds
    assert (derived.affine, derived.factor) == (affine, factor)
    assert derived.covariant == (factor is not None)
    if factor is None:
        assert derived.defect(derived.counterexample).evalf() > 1e-3
        assert "no multiple" in derived.derivation.text()


def values_at(derived, g, m):
    """The numerical values of the coordinates at a metric."""
    roots = np.linalg.eigh(g)
    matrices = {"g": g, "L": np.linalg.cholesky(g), "A": roots[1] * np.sqrt(roots[0]) @ roots[1].T}
    matrices["e"] = matrices["L"] if derived.name == "vielbein" else matrices["A"]
    if derived.name == "exp":
        return dict(zip(derived.coordinates, np.diag(g), strict=True))
    return {s: matrices[s.name[0]][int(s.name[1]) - 1, int(s.name[2]) - 1] for s in derived.coordinates} | {MEASURE: m}


@pytest.mark.parametrize("name", METRIC_NTKS)
def test_derived_local_form_is_the_numerical_one(name):
    derived, m = derive_metric_ntk(name, 2), 0.7
    g = np.array([[1.4, 0.0], [0.0, 0.6]]) if name == "exp" else np.array([[1.4, 0.3], [0.3, 0.8]])
    values = values_at(derived, g, m)
    np.testing.assert_allclose(np.array(derived.metric.subs(values), dtype=float), g, atol=1e-12)
    numeric = np.asarray(numeric_local_form(PARAMETRISATIONS[name].jacobian(g, m)))
    np.testing.assert_allclose(np.array(derived.at(values).tolist(), dtype=float), numeric, atol=1e-12)
    np.testing.assert_allclose(float(derived.defect(values) ** 2), covariance_defect(numeric, g) ** 2, atol=1e-12)


def test_gram_form_depends_on_the_root_through_the_metric_alone():
    derived = derive_metric_ntk("gram", 3)
    g, p = derived.metric, derived.local_form
    for i, j, k, l in product(range(3), repeat=4):
        expected = delta(i, k) * g[j, l] + g[i, k] * delta(j, l) + delta(i, l) * g[j, k] + g[i, l] * delta(j, k)
        assert sp.expand(p[i, j, k, l] - expected) == 0


def test_cholesky_form_at_a_symbolic_metric():
    derived = derive_metric_ntk("cholesky", 2)
    a, b, c = sp.symbols("a b c", positive=True)
    lower = sp.Matrix([[a, b], [b, c]]).cholesky()
    p = derived.at({s: lower[int(s.name[1]) - 1, int(s.name[2]) - 1] for s in derived.coordinates})
    expected = {
        (0, 0, 0, 0): 4 * a,
        (0, 0, 0, 1): 2 * b,
        (0, 1, 0, 1): a + b**2 / a,
        (1, 1, 1, 1): 4 * c,
        (0, 0, 1, 1): 0,
    }
    for index, value in expected.items():
        assert sp.simplify(p[index] - value) == 0


def test_exponential_has_the_logarithmic_mean_in_the_eigenbasis():
    derived = derive_metric_ntk("exp", 2)
    first, second = derived.coordinates
    mean = (first - second) / (sp.log(first) - sp.log(second))
    p = derived.local_form
    assert (p[0, 0, 0, 0], p[0, 0, 1, 1], p[0, 0, 0, 1]) == (first**2, 0, 0)
    assert sp.simplify(sp.expand_log(p[0, 1, 0, 1] - mean**2 / 2, force=True)) == 0
    s = sp.Symbol("s", real=True)
    assert duhamel(s, s) == sp.exp(s)


def test_covariant_forms_are_exactly_so():
    for name, factor in (("exp-framed", 1), ("vielbein", 1 / MEASURE)):
        derived = derive_metric_ntk(name, 2)
        square = symmetric_square(derived.metric)
        for index in product(range(2), repeat=4):
            assert sp.expand(derived.local_form[index] - factor * square[index]) == 0


def test_kernel_between_two_points():
    derived = derive_metric_ntk("cholesky", 2)
    theta, primed = derived.theta()
    names = {s.name: s for s in derived.coordinates}
    first, other = names["L11"], names["L21"]
    assert theta[0, 0, 0, 0] == 4 * KAPPA * first * primed[first]
    assert theta[0, 1, 0, 0] == 2 * KAPPA * other * primed[first]
    assert theta[0, 0, 0, 1] == 2 * KAPPA * first * primed[other]
    with pytest.raises(DerivationError, match="eigenbasis"):
        derive_metric_ntk("exp", 2).theta()


def test_exact_defects_of_the_sheet():
    derived = derive_metric_ntk("exp", 3)
    for condition, expected in ((sp.Rational(3, 2), 0.00466), (4, 0.0367), (16, 0.0628)):
        values = dict(zip(derived.coordinates, (1, sp.sqrt(condition), condition), strict=True))
        assert abs(float(derived.defect(values)) - expected) < 1e-4


def test_bad_input():
    with pytest.raises(ArgumentError, match="independent, packed"):
        derive_metric_ntk("svd")
    with pytest.raises(ArgumentError, match="at least 2"):
        derive_metric_ntk("packed", 1)
