"""The derived profile equation, against other routes to the same curvature."""

import pytest
import sympy as sp

from geomflow.flows.kaehler.reduction import (
    closed_bundle,
    curvatures,
    momentum_speed,
    open_bundle,
    profile_residual,
    profile_speed,
    projective,
)
from geomflow.metrics.spaces import SPACES

X = sp.Symbol("x", positive=True)
F = sp.Function("F")(X)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5])
def test_the_profile_equation_is_the_one_of_the_literature(n):
    """Four times that of ∂_t g = -R_ij̄ (derivation 08): 2 for Ricci flow, 2 for ds² = Re g."""
    dF, ddF = sp.diff(F, X), sp.diff(F, X, 2)
    known = 4 * (F * ddF - dF**2 + n * dF - (n - 1) * F**2 / X**2)
    assert sp.expand(profile_speed(n) - known) == 0
    assert sp.expand(momentum_speed(n) - 4 * (dF + (n - 1) * F / X - n)) == 0


def test_it_is_ricci_flow_up_to_the_diffeomorphism_that_keeps_x():
    """On the real metric of `calabi-u-2`: ∂_t g = -2 Ric + L_ξ g along ξ = -(∂_t x|_s) ∂_x, component by component."""
    metric = SPACES["calabi-u-2"].metric
    chart = metric.chart
    x, profile = chart.coordinates[0], chart.functions["F"]
    speed, rate = (e.doit().xreplace({X: x}) for e in (momentum_speed(2), profile_speed(2)))
    g, ricci = metric.g(), metric.ricci()
    for i in range(4):
        for j in range(4):
            change = sp.diff(g[i, j], profile) * rate
            # (L_ξ g)_ij = ξ^x ∂_x g_ij + g_xj ∂_i ξ^x + g_ix ∂_j ξ^x, where ξ^x depends on x alone
            lie = -speed * sp.diff(g[i, j], x)
            if i == 0:
                lie -= g[0, j] * sp.diff(speed, x)
            if j == 0:
                lie -= g[i, 0] * sp.diff(speed, x)
            assert sp.simplify(change + 2 * ricci[i, j] - lie) == 0, (i, j)


@pytest.mark.parametrize(("n", "space"), [(1, "soliton-surface"), (2, "calabi-u-2")])
def test_curvature_is_that_of_the_real_metric(n, space):
    metric = SPACES[space].metric
    chart = metric.chart
    found = curvatures(n)
    place = {X: chart.coordinates[0]}
    squared = sum(w * p**2 for w, p in zip(found.weights, found.parts, strict=True))
    scalar, norm = metric.scalar()[()], metric.riemann().norm_squared()[()]
    assert sp.simplify(found.scalar.xreplace(place) - scalar) == 0
    assert sp.simplify(sp.sympify(squared).xreplace(place) - norm) == 0


@pytest.mark.parametrize("n", [1, 2, 3, 4, 6])
def test_parts_of_the_curvature_add_up(n):
    """R from the four components, each counted, is R from the Ricci tensor; on CP^n |Rm|² = 32 n(n+1)."""
    found = curvatures(n)
    # R = 2 Σ_ij R_iījj̄ over ordered pairs of frame vectors
    counts = [1, 2 * (n - 1), n - 1, (n - 1) * (n - 2)][: len(found.parts)]
    total = 2 * sum(c * p for c, p in zip(counts, found.parts, strict=True))
    assert sp.expand(total - found.scalar) == 0
    squared = sum(w * p**2 for w, p in zip(found.weights, found.parts, strict=True))
    round_one = sp.sympify(squared).subs(F, X - X**2).doit()
    assert sp.simplify(round_one - 32 * n * (n + 1)) == 0


@pytest.mark.parametrize(
    ("ansatz", "n", "rates"),
    [
        (projective(), 1, (-8,)),
        (projective(), 3, (-16,)),
        (closed_bundle(1), 2, (-4, -12)),
        (closed_bundle(3), 4, (-4, -28)),
        (open_bundle(2), 2, (0,)),
        (open_bundle(5), 3, (8,)),
    ],
)
def test_the_ends_move_with_the_class(ansatz, n, rates):
    """c_1 in momenta: inwards by 4(n ∓ k) at a zero section or infinity, 4(n+1) for CP^n."""
    assert ansatz.end_rates(n) == rates


def test_the_rate_of_h_is_regular_and_jacobi_about_the_round_metric():
    y, h, dh, ddh, length = sp.symbols("y h dh ddh L", positive=True)
    for n in (1, 2, 3):
        rate = projective().rate(n).subs(dict(zip(sp.symbols("h dh ddh"), (h, dh, ddh), strict=True)))
        assert not sp.denom(sp.together(rate)).has(y)
        m, eps = 3, sp.Symbol("eps")
        # the Jacobi polynomial P_m^{(2, n+1)}(2y - 1): weight y^{n+1} (1-y)²
        mode = sp.jacobi(m, 2, n + 1, 2 * y - 1).doit()
        linear = sp.diff(rate.subs({h: eps * mode, dh: eps * sp.diff(mode, y), ddh: eps * sp.diff(mode, y, 2)}), eps)
        assert sp.expand(linear.subs(eps, 0) + 4 * (m + 1) * (m + n + 3) * mode / length) == 0


def test_a_profile_that_is_no_solution_is_found_out():
    t = sp.Symbol("t", real=True)
    length = 1 - 12 * t
    exact = profile_residual(projective(), 2, X - X**2 / length, (length,), t)
    assert set(exact.values()) == {0}
    slower = profile_residual(projective(), 2, X - X**2 / (1 - 8 * t), (1 - 8 * t,), t)
    assert slower["equation"] != 0
    shifted = profile_residual(projective(), 2, X - X**2 / length, (1 - 8 * t,), t)
    assert shifted["value at y = 1"] != 0
    cone = profile_residual(projective(), 2, 2 * X - 2 * X**2 / length, (length,), t)
    assert cone["slope at y = 0"] == 1
