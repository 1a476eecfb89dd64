"""Surgery on the symmetric dumbbell: mirror images, volumes, extinction, refusal of a neck that is none."""

import numpy as np
import pytest

from geomflow.core.errors import MetricError
from geomflow.flows.warped.grading import as_function, from_profile
from geomflow.flows.warped.pinch import approach
from geomflow.flows.warped.surgery import flow_with_surgery, neck_delta, surgery

POINTS = 201


def dumbbell(s):
    return np.sin(s) * (1 - 0.8 * np.sin(s) ** 2)


@pytest.fixture(scope="module")
def start():
    return from_profile(dumbbell, np.pi, dim=3, points=POINTS, finest=0.02)


@pytest.fixture(scope="module")
def root(start):
    return flow_with_surgery(*start, 0.01, delta=0.35, points=POINTS, rtol=1e-8)


def test_two_pieces_that_are_mirror_images(root):
    left, right = (side for side in root.cut.sides)
    assert np.allclose(left[1].psi, right[1].psi, rtol=1e-9)
    assert np.allclose(left[1].phi, right[1].phi, rtol=1e-9)
    assert len(list(root.everything())) == 3
    assert all(piece.born == root.died for piece in root.pieces)


def test_both_become_extinct_round_and_at_one_time(root):
    first, second = root.pieces
    assert first.died == pytest.approx(second.died, rel=1e-7)
    assert first.died == pytest.approx(0.0540826, rel=1e-6)  # whatever the radius of surgery
    for piece in root.pieces:
        assert piece.roundness < 1e-3
        assert piece.end.type_one
        assert piece.end.constant == pytest.approx(np.sqrt(3) / 2, rel=1e-4)  # of the round sphere
        assert piece.volume_died < 1e-5 * piece.volume_born
    assert "cut at ψ = 0.01" in str(root)
    assert str(root).count("extinct") == 2


def test_volume_is_accounted_for(root):
    before, left, right = root.cut.volumes
    assert root.volume_died == before
    assert [piece.volume_born for piece in root.pieces] == pytest.approx([left, right], rel=1e-12)
    assert root.cut.drop == pytest.approx(before - left - right)
    # a few radii of a cylinder, less the caps: ∫ (1 - tanh²) over both sides is 2r; the neck widens, hence a bit more
    assert 4 * np.pi * 0.01**3 < root.cut.drop < 5 * 4 * np.pi * 0.01**3
    assert root.volume_born > before > left + right


def test_the_cap_is_standard_at_its_tip_and_the_rest_is_untouched(root):
    run, cut = root.approach, root.cut
    old, _ = as_function(run.flow, run.state)
    flow, state = cut.sides[0]
    s, psi = flow.profile(state)
    d = (cut.place - s)[1:-1]
    tip, far = d < 0.3 * cut.radius, d > 12 * cut.radius
    assert tip.sum() > 3
    assert np.allclose(psi[1:-1][tip], cut.radius * np.tanh(d[tip] / cut.radius), rtol=1e-5)
    assert np.allclose(psi[1:-1][far], old(s[1:-1][far]), rtol=1e-7)
    scalar = np.asarray(flow.curvatures(state)[0])
    assert scalar[-1] == pytest.approx(12 / cut.radius**2, rel=1e-2)  # K = 2/r² in all planes at the tip
    assert np.all(scalar[1:-1][tip] > 0)


def test_no_surgery_where_there_is_no_neck(start, root):
    with pytest.raises(MetricError, match=r"is a δ-neck for δ = 0\.3") as caught:
        surgery(root.approach.flow, root.approach.state, delta=0.2)
    assert caught.value.delta == root.cut.delta
    with pytest.raises(MetricError, match="δ-neck"):
        surgery(*start)
    with pytest.raises(MetricError, match="nothing to cut"):
        surgery(*from_profile(np.sin, np.pi, points=51))


def test_delta_of_a_known_neck():
    # ψ = r(1 + (s/10r)²/2): within r/δ the worst of x²/200, x/100 and 1/100 is x/100 = δ at x = 1/δ = 10
    assert neck_delta(lambda s: 0.3 * (1 + (s / 3) ** 2 / 2), 0.0, 0.3, 9.0) == pytest.approx(
        np.sqrt(1 / 200) ** (2 / 3), rel=0.02
    )


def test_a_sphere_without_a_neck_is_followed_to_its_end():
    piece = flow_with_surgery(*from_profile(np.sin, np.pi, dim=3, points=51), 1e-2)
    assert piece.pieces == ()
    assert piece.died == pytest.approx(0.25, rel=1e-7)


def test_a_run_may_start_late(start):
    assert approach(*start, 0.1, points=POINTS, start=5.0).time == pytest.approx(
        5 + approach(*start, 0.1, points=POINTS).time
    )
