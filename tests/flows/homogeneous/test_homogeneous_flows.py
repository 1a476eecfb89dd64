"""Left-invariant Ricci flow: right-hand sides against the exact engine, refusals, extinction, what is conserved."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import sympy as sp

from geomflow.core.errors import ArgumentError, CatalogueError, FlowError, MetricError
from geomflow.flows.exact import homogeneous as exact
from geomflow.flows.homogeneous import GROUPS, DiagonalFlow, InvariantFlow, berger_extinction, su2_extinction
from geomflow.flows.homogeneous.base import COLLAPSE
from geomflow.flows.homogeneous.darboux_halphen import DarbouxHalphen, conserved, modular
from geomflow.metrics import SPACES
from geomflow.metrics.spaces.homogeneous_flows import solvable_complex_hyperbolic
from geomflow.symbolic.charts.lie_groups import LieAlgebra, abelian, left_invariant, su2

TIGHT = {"rtol": 1e-11, "atol": 1e-13}
OF_SPACES = {"su2": "su-2", "sl2r": "sl-2-r", "e2": "e-2", "nil": "nil", "sol": "sol"}
# A group of dimension two, one that is neither unimodular nor solvable, and one of Heisenberg's kind in dimension five.
TYPED = {
    "line and dilation": LieAlgebra.from_brackets(2, {(1, 2): {2: 3}}),
    "bianchi V": LieAlgebra.from_coframe(["0", "w1*w2", "w1*w3"]),
    "complex hyperbolic": solvable_complex_hyperbolic(),
    "su2 and dilation": su2().direct_sum(LieAlgebra.from_brackets(2, {(1, 2): {2: 1}})),
}


def tilted(algebra, change):
    """Return the algebra in the frame e'_a = change[b, a] e_b; the metric g in it is changeᵀ g change."""
    change, back = np.array(change.tolist(), dtype=object), np.array(change.inv().tolist(), dtype=object)
    return LieAlgebra(np.einsum("kl,lij,ia,jb->kab", back, algebra.structure, change, change))


def rational_metric(n):
    rows = [[sp.Rational(1, 2 + i + j) + (2 + i if i == j else 0) for j in range(n)] for i in range(n)]
    return sp.Matrix(rows)


@pytest.mark.parametrize("name", [*GROUPS, *TYPED])
def test_curvature_of_any_metric_is_that_of_the_exact_engine(name):
    algebra = GROUPS[name] if name in GROUPS else TYPED[name]
    matrix = rational_metric(algebra.dim)
    metric, flow = left_invariant(algebra, matrix), InvariantFlow(algebra)
    state = flow.pack(np.array(matrix.tolist(), dtype=float))
    found, curvature, seen = jax.jit(lambda y: (flow.matrix(flow.ricci(y)), flow.curvature(y), flow.observables(y)))(
        state
    )
    ricci = np.array([[float(metric.ricci()[a, b]) for b in range(algebra.dim)] for a in range(algebra.dim)])
    np.testing.assert_allclose(found, ricci, rtol=1e-12, atol=1e-13)
    kretschmann = float(metric.chart.sympy(metric.kretschmann().components[()]))
    np.testing.assert_allclose(curvature, np.sqrt(kretschmann), rtol=1e-12, atol=1e-13)
    mixed = np.sort(np.linalg.eigvals(np.linalg.solve(np.array(matrix.tolist(), dtype=float), ricci)).real)
    np.testing.assert_allclose([seen[f"ric_{a + 1}"] for a in range(algebra.dim)], mixed, rtol=1e-11, atol=1e-13)
    assert float(seen["R"]) == pytest.approx(np.sum(mixed), abs=1e-12)
    assert float(seen["volume"]) == pytest.approx(float(sp.sqrt(matrix.det())), rel=1e-13)


@pytest.mark.parametrize("name", list(GROUPS))
def test_diagonal_and_full_flow_agree(name):
    state = jnp.array([0.7, 1.9, 3.1])
    diagonal, full = DiagonalFlow(name), InvariantFlow(name)
    packed = full.pack(jnp.diag(state))
    np.testing.assert_allclose(full.matrix(full(0.0, packed)), jnp.diag(diagonal(0.0, state)), rtol=1e-13, atol=1e-14)
    np.testing.assert_allclose(full.curvature(packed), diagonal.curvature(state), rtol=1e-13, atol=1e-7)
    np.testing.assert_allclose(full.principal_ricci(packed), jnp.sort(diagonal.principal_ricci(state)), atol=1e-13)
    for key in ("volume", "R"):
        np.testing.assert_allclose(full.observables(packed)[key], diagonal.observables(state)[key], atol=1e-13)


@pytest.mark.parametrize("name", list(OF_SPACES))
def test_the_equations_are_those_of_the_literature(name):
    found = DiagonalFlow(name).equations()
    for key, known in SPACES[OF_SPACES[name]].truths["flow"].items():
        chart = SPACES[OF_SPACES[name]].metric.chart
        own = {c.name: c for c in chart.constants}
        difference = found[key].xreplace({s: own[str(s)] for s in found[key].free_symbols}) - chart.parse(known)
        assert sp.simplify(difference) == 0


def test_numbers_of_the_frame_enter_the_shared_program():
    # dω1 = l1 ω2∧ω3 with l = (1, 2, 4): the factors (1, 2, 4)/2 of Milnor's theorem are seen by the rates
    algebra = LieAlgebra.from_coframe(["1*w2*w3", "2*w3*w1", "4*w1*w2"])
    flow, rates = DiagonalFlow(algebra), DiagonalFlow(algebra).equations()
    values = {"A": 0.7, "B": 1.9, "C": 3.1}
    expected = [float(f.subs({s: values[str(s)] for s in f.free_symbols})) for f in rates.values()]
    np.testing.assert_allclose(flow(0.0, jnp.array(list(values.values()))), expected, rtol=1e-13)
    metric = left_invariant(algebra, ["7/10", "19/10", "31/10"])
    np.testing.assert_allclose(expected, [-2 * float(metric.ricci()[a, a]) for a in range(3)], rtol=1e-13)


def test_a_diagonal_ansatz_that_is_not_kept_is_refused_with_its_component():
    algebra = LieAlgebra.from_coframe(["0", "w1*w2", "w1*w2 + w1*w3"])
    with pytest.raises(ArgumentError, match=r"Ric\(e2, e3\) = .* is not zero.*InvariantFlow") as refused:
        DiagonalFlow(algebra)
    assert refused.value.component == (2, 3)
    flow = InvariantFlow(algebra)
    assert abs(float(flow.matrix(flow(0.0, flow.pack(np.eye(3))))[1, 2])) > 0.1


def test_what_is_no_metric_or_no_group_is_refused():
    flow, full = DiagonalFlow("su2"), InvariantFlow("nil")
    with pytest.raises(CatalogueError, match="su2"):
        DiagonalFlow("su-2")
    with pytest.raises(ArgumentError, match="numbers"):
        InvariantFlow(LieAlgebra.from_coframe(["0", "h*w1*w2", "w1*w3"], constants="h"))
    with pytest.raises(ArgumentError, match="dimension 2"):
        InvariantFlow(abelian(1))
    with pytest.raises(MetricError, match=r"smallest eigenvalue is -0\.5") as refused:
        flow.run(jnp.array([1.0, -0.5, 2.0]), 0.1)
    assert refused.value.eigenvalue == -0.5
    with pytest.raises(MetricError, match="finite"):
        flow.run(jnp.array([1.0, np.nan, 2.0]), 0.1)
    with pytest.raises(MetricError, match="positive"):
        full.run(full.pack([[1.0, 2.0, 0.0], [2.0, 1.0, 0.0], [0.0, 0.0, 1.0]]), 0.1)
    with pytest.raises(ArgumentError, match=r"\(6,\)"):
        full.run(jnp.ones(3), 0.1)
    with pytest.raises(ArgumentError, match="symmetric"):
        full.pack([[1.0, 0.1, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    with pytest.raises(FlowError, match=r"extinct at t = 0\.202903155,") as refused:
        flow.run(jnp.array([0.5, 1.0, 1.0]), 0.3)
    assert refused.value.time == pytest.approx(0.2029031550, abs=1e-10)


# --- extinction ---


def test_berger_extinction():
    assert berger_extinction(0.5, 1.0) == pytest.approx(0.2029031550, abs=5e-11)
    for a, b in ((0.5, 1.0), (0.1, 2.0)):
        conserved_quantity, root = (b - a) / (a**2 * b), np.sqrt(1 - a / b)
        literature = (root / (a / b) + np.arctanh(root)) / (8 * np.sqrt(conserved_quantity))
        assert berger_extinction(a, b) == pytest.approx(literature, rel=1e-14)
    assert berger_extinction(1.0, 1.0) == 0.25
    # no seam where the series takes over, nor at x = 1
    for step in (1e-4 * (1 - 1e-9), 1e-4 * (1 + 1e-9), -1e-4 * (1 - 1e-9), -1e-4 * (1 + 1e-9)):
        inner, outer = berger_extinction(1 - step, 1.0), berger_extinction(1 - 1.0001 * step, 1.0)
        assert outer - inner == pytest.approx(-1e-4 * step / 8 * (1 - 1 / 3), rel=2e-3)
    with pytest.raises(ArgumentError, match="A, B > 0"):
        berger_extinction(0.0, 1.0)


@pytest.mark.parametrize("metric", [(3.0, 2.0, 1.0), (10.0, 1.0, 0.01), (1.0, 0.999, 0.001), (1.001, 1.0, 0.999)])
def test_triaxial_extinction(metric):
    later = DarbouxHalphen(*metric)
    assert su2_extinction(*metric[::-1]) == later.extinction
    assert later.constants == conserved(*metric)
    np.testing.assert_allclose(later.at(0.0), metric, rtol=1e-12)
    # the flow of the generated equations from a later metric ends at the same time
    end = 0.9 * later.extinction
    solution = DiagonalFlow("su2").run(jnp.array(metric), np.array([0.0, end]), **TIGHT)
    np.testing.assert_allclose(solution.last, later.at(end), rtol=1e-9)
    assert end + su2_extinction(*solution.last) == pytest.approx(later.extinction, rel=1e-10)


def test_triaxial_extinction_joins_that_of_berger():
    assert su2_extinction(1.0, 2.0, 1.0) == berger_extinction(2.0, 1.0)
    assert su2_extinction(2.0, 1.0, 2.0) == berger_extinction(1.0, 2.0)
    for ends in ((2.0, 1.0, 1.0), (1.0, 2.0, 2.0)):
        a, b, c = ends
        near = su2_extinction(a, b * (1 + 1e-7), c * (1 - 1e-7))
        assert near == pytest.approx(berger_extinction(a, b), rel=1e-11)
    assert su2_extinction(1.0 + 1e-9, 1.0, 1.0 - 1e-9) == pytest.approx(0.25, rel=1e-12)
    with pytest.raises(ArgumentError, match="A > B > C"):
        DarbouxHalphen(1.0, 2.0, 3.0)
    with pytest.raises(ArgumentError, match="lives for"):
        DarbouxHalphen(3.0, 2.0, 1.0).at(1.0)


def test_modular_function():
    from scipy.special import ellipkm1

    for s in (0.2, 0.7, 1.0, 1.8, 9.0):
        x, complement = modular(s)
        assert x + complement == pytest.approx(1.0, abs=1e-15)
        assert ellipkm1(x) / ellipkm1(complement) == pytest.approx(s, rel=1e-13)


@pytest.mark.parametrize("metric", [(0.5, 1.0, 1.0), (4.0, 1.0, 1.0), (3.0, 2.0, 1.0)])
def test_the_integrator_finds_the_extinction_time(metric):
    # R' = 2|Ric|² >= (2/3) R², with equality for the round metric that it becomes: T - t -> 3/(2R)
    flow = DiagonalFlow("su2")
    end = flow.extinction(jnp.array(metric))
    assert end is not None
    solution = flow.run(jnp.array(metric), np.array([0.0, end * (1 - 1e-6)]), rtol=1e-12, atol=1e-16)
    assert solution.completed
    assert solution.last_time + 1.5 / float(flow.scalar(solution.last)) == pytest.approx(end, abs=1e-9)


def test_extinction_does_not_depend_on_the_frame():
    change = sp.Matrix([[1, 1, 0], [0, 2, 1], [1, 0, 3]])
    numbers = np.array(change.tolist(), dtype=float)
    flow = InvariantFlow(tilted(su2(), change))
    state = flow.pack(numbers.T @ np.diag([3.0, 2.0, 1.0]) @ numbers)
    assert flow.extinction(state) == pytest.approx(DarbouxHalphen(3.0, 2.0, 1.0).extinction, rel=1e-12)
    for other in ("sl2r", "e2", "nil", "sol", "abelian"):
        assert DiagonalFlow(other).extinction(jnp.array([3.0, 2.0, 1.0])) is None
    assert DiagonalFlow("su2", normalised=True).extinction(jnp.array([3.0, 2.0, 1.0])) is None


# --- exact solutions ---


@pytest.mark.parametrize("solution", [s for s in exact.FAMILY if s.conserved], ids=lambda s: s.name)
def test_what_is_conserved(solution):
    before = solution.conserved(solution.state(solution.start))
    after = solution.conserved(np.asarray(solution.run().last))
    assert solution.error() < 1e-9
    for name, value in before.items():
        assert after[name] == pytest.approx(value, rel=1e-9), name


def test_a_wrong_clock_has_no_proof(monkeypatch):
    monkeypatch.setattr(exact, "TIMES", exact.TIMES | {"sol-general-flow": "m/(16*h)*(w/(w^2 - 1) - atan(w))"})
    assert "dt/dw" in exact.by_parameter("sol-general-flow")()
    monkeypatch.undo()
    assert exact.by_parameter("sol-general-flow")() == ""


def test_the_triaxial_solution_is_proved_piece_by_piece(monkeypatch):
    from geomflow.flows.exact import darboux_halphen as proof

    assert proof.triaxial_proof() == ""
    first, second = proof.constants()
    monkeypatch.setattr(proof, "constants", lambda: (first, second + proof.U * proof.K))
    assert "constant p" in proof.conserved_proof()
    assert "t = 0" in proof.modular_proof()
    monkeypatch.undo()
    metric, product = proof.solution()
    monkeypatch.setattr(proof, "solution", lambda: ([metric[0], metric[1], 2 * metric[2]], product))
    assert "2 Ric" in proof.flow_proof()
    monkeypatch.undo()
    slope = proof.slope()
    monkeypatch.setattr(proof, "slope", lambda: -slope)
    assert "dx/dv" in proof.modular_proof()


def test_order_in_time():
    known = next(s for s in exact.FAMILY if s.name == "berger-flow")
    times = np.array([0.0, known.end / 2])
    ends = [known.flow().run(known.state(0.0), times, fixed_steps=steps).last for steps in (8, 16, 32)]
    errors = [float(np.max(np.abs(end - known.state(times[-1])))) for end in ends]
    assert abs(np.log2(errors[1] / errors[2]) - 5) < 0.5, errors


def test_jit_is_eager():
    flow = InvariantFlow(TYPED["complex hyperbolic"])
    state = flow.pack(np.array(rational_metric(4).tolist(), dtype=float))
    np.testing.assert_allclose(jax.jit(lambda y: flow(0.0, y))(state), flow(0.0, state), rtol=1e-13, atol=1e-14)


def test_collapse_is_watched():
    flow = DiagonalFlow("nil")
    stays = flow.leaves(jnp.array([2.0, 1.0, 3.0]))
    assert float(stays(jnp.array([2.0, 1.1 * COLLAPSE, 3.0]))) > 0
    assert float(stays(jnp.array([2.0, 0.9 * COLLAPSE, 3.0]))) < 0
