"""F increases along the flow of every positive kernel, and need not along a smeared velocity."""

import numpy as np

from geomflow.compare.monotonicity import NETWORKS, monotonicity_study, random_metric
from geomflow.geometry.packed import unpack
from geomflow.geometry.torus import Torus

TORUS = Torus(2, 32)


def test_networks_never_violate_and_the_smeared_velocity_does():
    study = monotonicity_study(TORUS, 0.5, samples=20)
    assert [study.violations[name] for name in NETWORKS] == [0, 0]
    assert min(study.lowest[name] for name in NETWORKS) > 0
    assert study.violations["smeared"] > 0
    assert study.lowest["smeared"] < 0


def test_without_a_kernel_nothing_violates():
    study = monotonicity_study(TORUS, 0.0, samples=3)
    assert set(study.violations.values()) == {0}
    # the vielbein's local limit is the local flow, less the Nyquist modes a rough metric has: those only take away
    assert 0.9 < study.lowest["vielbein"] <= 1


def test_random_metrics_are_metrics_and_follow_their_seed():
    g, measure = random_metric(TORUS, seed=3)
    assert np.linalg.eigvalsh(np.asarray(unpack(g))).min() > 0.09
    assert float(measure.min()) > 0
    np.testing.assert_array_equal(g, random_metric(TORUS, seed=3)[0])
    assert not np.allclose(g, random_metric(TORUS, seed=4)[0])
