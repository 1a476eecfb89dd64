"""How left-invariant metrics end: the theorems of Isenberg and Jackson, Chow and Knopf, and Cao and Saloff-Coste."""

import jax.numpy as jnp
import numpy as np
import pytest

from geomflow.flows.homogeneous import DiagonalFlow, InvariantFlow, berger_extinction

TIGHT = {"rtol": 1e-11, "atol": 1e-14}


def ended(flow, state, time, **options):
    solution = flow.run(jnp.array(state), np.array([0.0, time]), **(TIGHT | options))
    assert solution.completed, solution.reason
    return np.asarray(solution.last)


def exponents(flow, state, early, late):
    """Return d log g_aa / d log t between two late times."""
    first, second = ended(flow, state, early), ended(flow, state, late)
    return np.log(second / first) / np.log(late / early)


def test_su2_shrinks_to_a_round_point_of_type_one():
    flow, start = DiagonalFlow("su2"), jnp.array([3.0, 2.0, 1.0])
    end = flow.extinction(start)
    late, later = (ended(flow, start, end * (1 - left), rtol=1e-12, atol=1e-18) for left in (1e-3, 1e-4))
    for state, left in ((late, 1e-3 * end), (later, 1e-4 * end)):
        # round: A = 4(T - t), |Rm|² = 12/A²
        assert left * float(flow.curvature(jnp.array(state))) == pytest.approx(np.sqrt(12) / 4, rel=1e-4)
    # the anisotropy falls like (T - t)², as (B - A)/(A² B) of the Berger spheres stays
    anisotropy = [(state[0] - state[2]) / state[0] for state in (late, later)]
    assert np.log10(anisotropy[0] / anisotropy[1]) == pytest.approx(2.0, abs=1e-3)


def test_normalised_su2_keeps_its_volume_and_becomes_round():
    flow = DiagonalFlow("su2", normalised=True)
    early, state = (ended(flow, [3.0, 2.0, 1.0], t) for t in (2.0, 3.0))
    np.testing.assert_allclose(state, 6 ** (1 / 3), rtol=1e-5)
    assert np.prod(state) == pytest.approx(6.0, rel=1e-9)
    # (A - C)/A falls like A² of the sphere that shrinks by A' = -4: at the rate 8/A on its own scale
    anisotropy = [(s[0] - s[2]) / s[0] for s in (early, state)]
    assert np.log(anisotropy[0] / anisotropy[1]) == pytest.approx(8 / 6 ** (1 / 3), rel=1e-3)
    rates = flow.equations()
    assert rates["A"].subs(dict.fromkeys(rates["A"].free_symbols, 2)) == 0
    values = dict(zip("ABC", (3.0, 2.0, 1.0), strict=True))
    written = [float(f.subs({s: values[str(s)] for s in f.free_symbols})) for f in rates.values()]
    np.testing.assert_allclose(flow(0.0, jnp.array([3.0, 2.0, 1.0])), written, rtol=1e-13)


def test_nil_collapses_with_thirds():
    powers = exponents(DiagonalFlow("nil"), [2.0, 1.0, 3.0], 1e5, 1e7)
    np.testing.assert_allclose(powers, [-1 / 3, 1 / 3, 1 / 3], atol=1e-5)


def test_sol_tends_to_its_soliton():
    flow = DiagonalFlow("sol")
    state = ended(flow, [4.0, 1.0, 1.0], 1e4)
    np.testing.assert_allclose(state[[0, 2]], 2.0, rtol=1e-4)  # (AC)^½
    assert state[1] / 1e4 == pytest.approx(16.0, rel=1e-3)
    assert (state[0] - state[2]) * state[1] == pytest.approx(3.0, rel=1e-9)


def test_e2_converges_to_flat_exponentially():
    flow = DiagonalFlow("e2")
    start = np.array([4.0, 1.0, 4.8])
    h, m = 2.0, 24.0  # (AB)^½ and C(A + B)
    rate = 32 * h / m
    early, late = (ended(flow, start, t, atol=1e-16) for t in (2.0, 5.0))
    np.testing.assert_allclose(late, [h, h, m / (2 * h)], rtol=1e-5)
    log = [np.log(s[0] / s[1]) for s in (early, late)]
    assert np.log(log[0] / log[1]) / 3.0 == pytest.approx(rate, rel=1e-4)
    assert float(flow.curvature(jnp.array(late))) < 1e-4


def test_sl2r_becomes_a_surface_that_grows():
    flow = DiagonalFlow("sl2r")
    earlier, state = (ended(flow, [1.0, 2.0, 1.0], t) for t in (100.0, 1000.0))
    np.testing.assert_allclose(state[1:] / 1000, 8.0, rtol=1e-3)
    assert state[1] / state[2] == pytest.approx(1.0, abs=1e-9)
    assert state[0] == pytest.approx(earlier[0], rel=2e-3)
    # a surface of curvature -1/(2t): type III, |Rm|² = 4 K²
    assert 1000 * float(flow.curvature(jnp.array(state))) == pytest.approx(1.0, rel=2e-3)


def test_berger_spheres_backward():
    flow = DiagonalFlow("su2")
    # fibres shorter than round: ancient, the fibre tends to a length and the base grows linearly
    k = 2.0
    state = ended(flow, [0.5, 1.0, 1.0], -1e4)
    assert state[0] == pytest.approx(k**-0.5, rel=1e-4)
    assert state[1] / 1e4 == pytest.approx(8.0, rel=1e-3)
    # fibres longer than round: singular in the past, at the age π/(16 √J), J = (A - B)/(A² B)
    a, b = 2.0, 1.0
    birth = np.pi / 16 / np.sqrt((a - b) / (a**2 * b)) - berger_extinction(a, b)
    solution = flow.run(jnp.array([a, b, b]), np.array([0.0, -1.0]), **TIGHT)
    assert not solution.completed
    assert solution.last_time == pytest.approx(-birth, rel=1e-9)


def test_backward_undoes_forward():
    flow = InvariantFlow("sl2r")
    start = flow.pack([[2.0, 0.3, -0.2], [0.3, 1.5, 0.4], [-0.2, 0.4, 1.0]])
    there = flow.run(start, np.array([0.0, 0.05]), **TIGHT).last
    back = flow.run(there, np.array([0.05, 0.0]), **TIGHT).last
    assert float(jnp.max(jnp.abs(there - start))) > 0.1
    np.testing.assert_allclose(back, start, rtol=1e-8)
