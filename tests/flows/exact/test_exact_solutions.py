"""Every exact solution is proved, and reproduced by its flow to 1e-8; a new entry is tested without a line here."""

import dataclasses

import jax
import numpy as np
import pytest

from geomflow.core.errors import FlowError
from geomflow.flows.exact import EXACT, by_space
from geomflow.metrics.spaces import SPACES, Space


@pytest.mark.parametrize("name", EXACT)
def test_an_exact_solution_is_proved(name):
    assert EXACT[name].proof() == ""


@pytest.mark.parametrize("name", EXACT)
def test_its_flow_reproduces_it(name):
    solution = EXACT[name]
    run = solution.run().require_completed(name)
    exact = solution.state(solution.end)
    for found, wanted in zip(jax.tree.leaves(run.last), jax.tree.leaves(exact), strict=True):
        assert np.max(np.abs(found - wanted)) <= 1e-8 * (np.max(np.abs(wanted)) or 1.0)
    # and it moved: an integrator that does nothing fails
    start = solution.state(solution.start)
    moved = max(np.max(np.abs(a - b)) for a, b in zip(jax.tree.leaves(start), jax.tree.leaves(exact), strict=True))
    assert moved > 1e-3 or name.endswith("-static")
    if solution.conserved is not None:
        for before, after in zip(
            solution.conserved(start).values(), solution.conserved(run.last).values(), strict=True
        ):
            np.testing.assert_allclose(after, before, rtol=1e-8)


@pytest.mark.parametrize("name", [name for name, entry in EXACT.items() if entry.extinction is not None])
def test_it_does_not_outlive_itself(name):
    solution = EXACT[name]
    flow, state = solution.flow(), solution.state(solution.start)
    known, beyond = flow.extinction(state), np.array([solution.start, solution.extinction + 1.0])
    if known is None:  # no formula: the curvature stops it
        run = flow.run(state, beyond, most_curvature=1e3 * flow.curvature(state), **solution.options)
        assert not run.completed
        assert 0 < solution.extinction - run.last_time < 0.01 * (solution.extinction - solution.start)
    else:
        assert solution.start + known == pytest.approx(solution.extinction, rel=1e-9)
        with pytest.raises(FlowError, match="extinct") as refusal:
            flow.run(state, beyond)
        assert refusal.value.time == pytest.approx(solution.extinction, rel=1e-9)


def test_a_solution_that_is_none_is_found_out():
    name = next(iter(EXACT))
    late = dataclasses.replace(EXACT[name], state=lambda t: EXACT[name].state(1.001 * t))
    assert late.error() > 1e-6
    sausage = SPACES["sausage"]
    wrong = Space("not-a-flow", sausage.build, "", "", {"flow": {"t": "2"}}, sausage.signature, sausage.at)
    assert wrong.check("flow").difference
    assert by_space("sausage")() == ""
