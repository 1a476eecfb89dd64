"""The network flow against what its parametrisation says on paper."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest

from geomflow.flows import FixedMeasureFlow, NetworkFlow
from geomflow.geometry.packed import pack, unpack
from geomflow.geometry.torus import Torus
from geomflow.metrics import METRICS

TORUS = Torus(2, 32)
G, M = METRICS["generic-t2"].sample(TORUS)
TARGET = FixedMeasureFlow(TORUS, measure=M).velocity(G)


def network(name, **options):
    return NetworkFlow(TORUS, measure=M, parametrisation=name, **options)


def test_the_vielbein_frame_has_perelmans_flow_as_its_local_limit():
    np.testing.assert_allclose(network("vielbein").velocity(G), TARGET, atol=1e-12)


def test_independent_networks_lower_indices_with_delta_and_lack_one_over_m():
    inverse = jnp.linalg.inv(unpack(G))
    raised = M[..., None, None] * (inverse @ unpack(TARGET) @ inverse)
    np.testing.assert_allclose(network("independent").velocity(G), pack(raised), atol=1e-12)


def test_packed_networks_move_off_diagonal_components_twice_as_fast():
    packed, orthonormal = network("packed").velocity(G), network("packed-orthonormal").velocity(G)
    np.testing.assert_allclose(packed, orthonormal * jnp.array([1.0, 2.0, 1.0])[:, None, None], atol=1e-12)


def test_the_kernel_acts_between_the_jacobians():
    """For independent networks J is constant, so the kernel acts on the velocity itself; the vielbein's is not."""
    sigma = 0.4
    for name, commutes in [("independent", True), ("vielbein", False)]:
        flow = network(name).smeared(sigma)
        outside = TORUS.multiply(network(name).velocity(G), flow.kernel)
        assert np.allclose(flow.velocity(G), outside, atol=1e-12) is commutes


@pytest.mark.parametrize("name", ["independent", "vielbein"])
def test_perelmans_f_increases_along_the_flow(name):
    flow = network(name).smeared(0.4)
    run = flow.run(G, np.array([0.0, 0.02, 0.04]), rtol=1e-7, atol=1e-9).require_completed("network flow")
    functional = eqx.filter_jit(FixedMeasureFlow(TORUS, measure=M).functional)
    values = [float(functional(state)) for state in run.states]
    assert values[0] < values[1] < values[2]
