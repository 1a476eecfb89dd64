"""Flows written with abstract indices: against formulas typed here, in several gauges; gradient flows by their F."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import sympy as sp

from geomflow.core.errors import ArgumentError, MetricError
from geomflow.flows import DeTurckFlow, FixedMeasureFlow, RicciFlow
from geomflow.flows.solve import Explicit
from geomflow.flows.solve.exponential import Exponential
from geomflow.flows.torus.bourguignon import ricci_bourguignon
from geomflow.flows.torus.extended import list_flow
from geomflow.flows.torus.functional import functional_gradient_flow
from geomflow.flows.torus.recipe import independent
from geomflow.flows.torus.user_made import symbolic_flow
from geomflow.functionals import FUNCTIONALS, Functional
from geomflow.geometry.packed import pack, unpack
from geomflow.geometry.torus import Torus
from geomflow.metrics import METRICS
from geomflow.symbolic.abstract.expression import Head, laplacian, ricci, scalar_field, tensor_field
from geomflow.symbolic.flows.flow import Flow, gradient_flow, ricci_flow

TORUS = Torus(2, 24)
G, M = METRICS["generic-t2"].sample(TORUS)
X, Y = TORUS.points
U = 0.5 * jnp.cos(X) + 0.3 * jnp.sin(X - Y)
INVERSE = jnp.linalg.inv(unpack(G))
ROOT = jnp.sqrt(jnp.linalg.det(unpack(G)))


def close(value, truth, tolerance=1e-11):
    np.testing.assert_allclose(value, truth, atol=tolerance * float(jnp.max(jnp.abs(truth))), rtol=0)


def test_ricci_flow_written_down_is_ricci_flow():
    close(symbolic_flow(TORUS, ricci_flow()).velocity(G), RicciFlow(TORUS).velocity(G), 1e-13)
    close(symbolic_flow(TORUS, ricci_flow(), gauge="deturck").velocity(G), DeTurckFlow(TORUS).velocity(G), 1e-12)


def test_lists_flow():
    """dg/dt + 2 Ric = 2 α du du and du/dt = div grad u, in divergence form."""
    flow = list_flow(TORUS, 0.7, gauge="none")
    found = flow.velocity(flow.state(G, u=U))
    du = TORUS.gradient(U)
    squares = pack(jnp.einsum("i...,j...->...ij", du, du))
    close(found.g - RicciFlow(TORUS).velocity(G), 2 * 0.7 * squares, 1e-10)
    flux = ROOT * jnp.einsum("...ij,j...->i...", INVERSE, du)
    close(found.u, TORUS.divergence(flux) / ROOT, 1e-6)  # √g is not band-limited


@pytest.mark.slow
def test_gauges_of_lists_flow_agree():
    found = []
    for gauge in ("none", "deturck", METRICS["generic-t2"].sample(TORUS)[0]):
        flow = list_flow(TORUS, 0.7, gauge=gauge)
        start = flow.state(G, u=U)
        last = flow.run(start, 0.03, rtol=1e-9, atol=1e-11).require_completed("flow").last
        numbers = flow.observables(last)
        density = flow.volume_density(last.g)
        found.append([numbers["volume"], numbers["mean R^2"], TORUS.integrate(density * last.u**2)])
        assert float(jnp.max(last.u)) < float(jnp.max(U))
        assert float(jnp.min(last.u)) > float(jnp.min(U))
    np.testing.assert_allclose(found[1:], [found[0]] * 2, rtol=2e-7)
    assert isinstance(list_flow(TORUS, 0.7).method(start), Exponential)
    assert isinstance(list_flow(TORUS, 0.7, gauge="none").method(start), Explicit)


@pytest.mark.parametrize("dim", [2, 3])
def test_linear_rates_of_ricci_bourguignon(dim):
    """In units of k²: 1 - 2(n-1)ρ for the transverse trace, 1 for longitudinal modes."""
    torus, rho, step = Torus(dim, 8), -0.4, 1e-4
    flow = ricci_bourguignon(torus, rho)
    assert flow.diffusivity == pytest.approx(1 + 0.8 * (dim - 1))
    wave = jnp.cos(2 * torus.points[0])
    across = np.eye(dim) - np.outer(np.eye(dim)[0], np.eye(dim)[0])
    modes = {1 + 0.8 * (dim - 1): across, 1.0: np.outer(np.eye(dim)[0], np.eye(dim)[0])}
    for rate, tensor in modes.items():
        h = step * pack(wave[..., None, None] * jnp.asarray(tensor))
        flat = pack(jnp.broadcast_to(jnp.eye(dim), (*torus.shape, dim, dim)))
        slope = (flow.velocity(flat + h) - flow.velocity(flat - h)) / 2
        close(unpack(slope)[..., -1, -1] if rate > 1 else slope[0], -4 * rate * (h[-1] if rate > 1 else h[0]), 1e-5)


def test_ricci_bourguignon_is_refused_where_it_is_not_parabolic():
    for dim, bound in ((2, 0.5), (3, 0.25)):
        assert ricci_bourguignon(Torus(dim, 8), bound - 1e-9).diffusivity == 1.0
        with pytest.raises(ArgumentError, match=f"rho < .* = {bound}.*smaller rho") as error:
            ricci_bourguignon(Torus(dim, 8), bound)
        assert error.value.rho == bound


# -- gradient flows ----------------------------------------------------------------------------------------------------

CONSTANTS = {"alpha": 0.7, "tau": 0.3}


def square(head, field):
    """|E|² of a component of the velocity, packed as the states are."""
    indices = independent(head, 2)
    if head.rank == 0:
        return field**2
    if head.rank == 1:
        return jnp.einsum("...ij,i...,j...->...", INVERSE, field, field)
    full = np.zeros((*TORUS.shape, 2, 2))
    for (i, j), component in zip(indices, field):
        full[..., i, j], full[..., j, i] = component, -component
    return jnp.einsum("...ia,...jb,...ij,...ab->...", INVERSE, INVERSE, full, full)


FAST = ["list-entropy", "einstein-maxwell", "ricci-squared"]
REST = ["perelman-w", "list-flow", "calabi", "riemann-squared"]


@pytest.mark.parametrize("name", [*FAST, *(pytest.param(name, marks=pytest.mark.slow) for name in REST)])
def test_the_functional_changes_as_its_gradient_says(name):
    """dF/dt = rate ∫ |E|² w dV, F differentiated by JAX along the velocity."""
    rate, functional = 2, FUNCTIONALS[name]
    weighted = "f" in functional.fields
    flow = functional_gradient_flow(TORUS, functional, rate=rate, constants=CONSTANTS, measure=M if weighted else None)
    given = {}
    for head, _ in flow.recipe.fields:
        waves = [0.3 * jnp.cos((1 + i % 2) * X + Y - i) for i in range(len(independent(head, 2)))]
        given[head.name] = jnp.stack(waves) if head.rank else waves[0]
    state = flow.state(G, **given)
    flow.check(state)
    velocity = eqx.filter_jit(flow.velocity)(state)
    change = jax.jit(lambda s, v: jax.jvp(flow.functional, (s,), (v,))[1])(state, velocity)
    v = unpack(getattr(velocity, "g", velocity))
    total = jnp.einsum("...ia,...jb,...ij,...ab->...", INVERSE, INVERSE, v, v)
    for head, _ in flow.recipe.fields:
        total = total + square(head, getattr(velocity, head.name))
    expected = float(TORUS.integrate(total * (M if weighted else ROOT))) / rate
    assert float(change) == pytest.approx(expected, rel=1e-5)
    assert float(change) > 1


def test_perelmans_flow_is_the_gradient_flow_of_f():
    flow = functional_gradient_flow(TORUS, "perelman-f", rate=2, measure=M)
    close(flow.velocity(G), FixedMeasureFlow(TORUS, measure=M).velocity(G), 1e-10)
    assert float(flow.functional(G)) == pytest.approx(float(FixedMeasureFlow(TORUS, measure=M).functional(G)))


def test_a_typed_density():
    """∫ |∇u|² dV falls along its own flow, and du/dt = 2 Δu; the run records it."""
    energy = Functional.typed("energy", "E", "|grad u|^2")
    flow = functional_gradient_flow(TORUS, energy)
    state = flow.state(G, u=U)
    run = flow.run(state, 0.01, watch=flow.observables, rtol=1e-7, atol=1e-9).require_completed("flow")
    values = run.history.values["functional"]
    assert np.all(np.diff(values) < 0)
    du = TORUS.gradient(U)
    value = TORUS.integrate(ROOT * jnp.einsum("...ij,i...,j...->...", INVERSE, du, du))
    assert values[0] == pytest.approx(float(value), rel=1e-12)
    flux = ROOT * jnp.einsum("...ij,j...->i...", INVERSE, du)
    close(flow.velocity(state).u, 2 * TORUS.divergence(flux) / ROOT, 1e-6)


# -- refusals ----------------------------------------------------------------------------------------------------------


def test_refusals():
    u = scalar_field("u")
    written = Flow("my flow", -2 * sp.Symbol("beta") * ricci("i", "j"), {"u": laplacian(u)})
    with pytest.raises(ArgumentError, match=r"my flow contains beta.*'beta': "):
        symbolic_flow(TORUS, written)
    with pytest.raises(ArgumentError, match="gauge"):
        symbolic_flow(TORUS, ricci_flow(), gauge="harmonic")
    moving = Flow("moving", -2 * sp.Symbol("tau") * ricci("i", "j"), constants={"tau": -1})
    with pytest.raises(ArgumentError, match="move in time"):
        symbolic_flow(TORUS, moving, constants={"tau": 1.0})
    flow = symbolic_flow(TORUS, written, constants={"beta": 1.0})
    with pytest.raises(ArgumentError, match="moves u beside the metric, but none"):
        flow.state(G)
    with pytest.raises(ArgumentError, match="`u` must have shape"):
        flow.run(flow.state(G, u=U[:5]), 0.1)
    with pytest.raises(ArgumentError, match=r"`u` must have shape .* is missing"):
        flow.check(G)
    with pytest.raises(ArgumentError, match="needs `measure`"):
        functional_gradient_flow(TORUS, "perelman-f")
    with pytest.raises(ArgumentError, match="has no weight"):
        functional_gradient_flow(TORUS, "hilbert", measure=M)
    with pytest.raises(ArgumentError, match="pole in dimension 2"):
        functional_gradient_flow(TORUS, "weyl-squared")


def test_a_metric_that_is_not_positive_is_named():
    bad = G.at[0, 3, 5].set(-0.2)
    with pytest.raises(MetricError, match="positive definite, but is indefinite at x = ") as error:
        RicciFlow(TORUS).run(bad, 0.1)
    np.testing.assert_allclose(error.value.point, np.asarray(TORUS.points)[:, 3, 5])
    assert error.value.eigenvalue == pytest.approx(np.linalg.eigvalsh(np.asarray(unpack(bad)))[3, 5, 0])
    with pytest.raises(ArgumentError, match="components i <= j"):
        RicciFlow(TORUS).run(G[:2], 0.1)
    with pytest.raises(MetricError, match="singular"):
        RicciFlow(TORUS).check(G.at[:, 0, 0].set(jnp.array([1.0, 1.0, 1.0 + 1e-14])))


def test_tensor_fields_are_packed_by_their_symmetry():
    heads = [Head("A", 1), Head("S", 2, "symmetric"), Head("B", 2, "antisymmetric")]
    assert [len(independent(head, 3)) for head in heads] == [3, 6, 3]
    torsion = gradient_flow(FUNCTIONALS["generalised-ricci"].variation(), 2)
    assert "B" in torsion.fields
    assert tensor_field("A", "i") is not None
