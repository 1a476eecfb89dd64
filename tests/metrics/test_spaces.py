"""Every space of the catalogue against its ground truth, and every kind of truth against a space it is false of."""

import dataclasses
import subprocess
import sys
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest
import sympy as sp

from geomflow.core.errors import ArgumentError, CatalogueError
from geomflow.geometry import autodiff
from geomflow.metrics import SPACES, TRUTHS
from geomflow.metrics.spaces import Space, homogeneous_flows, line, table
from geomflow.metrics.spaces.truths.reading import Relations, components, one_form, vector
from geomflow.symbolic.charts.chart import Chart
from geomflow.symbolic.charts.line_element import line_element

ROOT = Path(__file__).resolve().parents[2]
HEAVY = {"cp-3"}  # seconds; all others together take about ten

# known by brackets alone: no coordinates to differentiate by
FRAMES = {"su-2", "nil", "sol", "sl-2-r", "e-2", *(space.name for space in homogeneous_flows.FAMILY)}

EVERY = [pytest.param(name, marks=[pytest.mark.slow] if name in HEAVY else []) for name in SPACES]


@pytest.mark.parametrize("name", EVERY)
def test_the_truths_of_every_space(name):
    space = SPACES[name]
    assert space.name == name
    assert space.note
    assert space.reference
    assert len(space.signature) == space.metric.dim
    wrong = [str(finding) for finding in space.verify() if not finding.holds]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    "names",
    [
        "schwarzschild reissner-nordstroem kerr kerr-newman painleve kottler minkowski flrw goedel kasner pp-wave",
        "de-sitter de-sitter-flat anti-de-sitter taub-nut taub-nut-lorentzian eguchi-hanson nariai",
        "sphere-2 sphere-3 sphere-4 sphere-5 hyperbolic-2 hyperbolic-3 hyperbolic-4 cp-1 cp-2 cp-3 ch-2",
        "berger-sphere su-2 nil sol sl-2-r e-2 sphere-2-sphere-2 cylinder hyperbolic-2-line",
        "cigar bryant-3 bryant-4 gaussian-soliton fik-soliton calabi-u-2 burns sausage poisson-torus cigar-flow",
        "rotational-3 doubly-warped neck torus-of-one-variable conformal-plane general-2 general-3",
    ],
)
def test_what_everyone_looks_for_is_there(names):
    assert set(names.split()) <= set(SPACES)


# A value that is false, for every kind of truth; a new kind needs an entry here.
WRONG = {
    "scalar": ("sphere-2", "1/a^2"),
    "kretschmann": ("kerr", "48*M^2/r^6"),
    "ricci_squared": ("reissner-nordstroem", "4*Q^2/r^8"),
    "volume_density": ("schwarzschild", "r*sin(theta)"),
    "ricci": ("goedel", {"t t": "1", "t y": "exp(x)"}),
    "ricci_mixed": ("rotational-3", {"r r": "-2*f''/f"}),
    "einstein_mixed": ("flrw", {"t t": "-3*(a'^2 + k)/a^2"}),
    "sectional": ("schwarzschild", (("d_t", "d_r", "-2*M/r^3"),)),
    "einstein": ("sphere-3", "1/a^2"),
    "ricci_flat": ("kottler", True),
    "flat": ("schwarzschild", True),
    "constant_curvature": ("sphere-2-sphere-2", "1/a^2"),
    "conformally_flat": ("schwarzschild", True),
    "bach_flat": ("sphere-2-sphere-2", True),
    "locally_symmetric": ("schwarzschild", True),
    "parallel_ricci": ("goedel", True),
    "half_flat": ("sphere-2-sphere-2", True),
    "soliton": ("cigar", ("log(1 + x^2 + y^2)", "0")),
    "soliton_field": ("nil-soliton", ("-x*d_x - y*d_y - z*d_z", "-3/2")),
    "soliton_equations": ("bryant-3", ("f", "0", {"r r": "f'' - w''/w"})),
    "first_integral": ("cigar", ("-log(1 + x^2 + y^2)", "0", "1")),
    "on_shell": ("bryant-3", (({"f''": "w''/w", "w''": "(1 - w'^2 + w*w'*f')/w"}, "soliton", ("f", "0")),)),
    "flow": ("sphere-2", {"a": "1/a"}),
    "conserved": ("berger-sphere", "A/B"),
    "killing": ("schwarzschild", ("d_t", "d_r")),
    "not_killing": ("schwarzschild", ("d_r", "d_phi")),
    "homothetic": ("minkowski", ("t*d_t", "1")),
    "parallel": ("sphere-2", "d_phi"),
    "kaehler": ("cp-2-bianchi", "r^2/(2*(1 + r^2))*(dpsi + cos(theta)*dphi)"),  # parallel, but twice too long
    "potential": ("cp-1", ("z", "log(1 - abs2(z))", "")),
    "embedding": ("sphere-2", (("a*cos(theta)", "a*sin(theta)*cos(phi)", "a*sin(theta)*sin(phi)"), "-++")),
    "maxwell": ("reissner-nordstroem", "2*Q/r*dt"),
    "eigenfunction": ("sphere-2", (("cos(theta)", "1/a^2"),)),
    "concircular": ("sphere-2", (("cos(theta)", "cos(theta)/a^2"),)),
}


def test_every_kind_of_truth_is_shown_to_fail():
    assert set(WRONG) == {name for name, kind in TRUTHS.items() if kind.always is None}


@pytest.mark.parametrize("kind", WRONG)
def test_a_wrong_truth_is_reported_in_a_sentence(kind):
    name, value = WRONG[kind]
    truths = {**SPACES[name].truths, kind: value}
    finding = dataclasses.replace(SPACES[name], truths=truths).check(kind)
    assert not finding.holds
    sentence = str(finding)
    assert sentence.startswith(f"Space `{name}`, truth `{kind}`: ")
    assert "does not hold: " in sentence
    assert "the difference" in sentence or "is a Killing field" in sentence
    assert sentence.endswith(".")


def test_an_almost_kaehler_form_is_not_kaehler():
    """Kodaira and Thurston's nilmanifold: the form is closed and compatible with the metric, but not parallel."""
    element = "dx^2 + dy^2 + (dz - x*dy)^2 + dw^2"
    truths = {"kaehler": "x*dz - x^2/2*dy + y*dw"}
    space = Space("kodaira-thurston", line("x y z w", element), "note", "reference", truths, "++++")
    assert not space.check("kaehler").holds


def test_the_difference_is_the_difference():
    finding = dataclasses.replace(SPACES["sphere-2"], truths={"scalar": "1/a^2"}).check("scalar")
    assert str(finding) == ("Space `sphere-2`, truth `scalar`: R = 1/a^2 does not hold: the difference is a**(-2).")
    finding = dataclasses.replace(SPACES["kottler"], truths={"ricci_flat": True}).check("ricci_flat")
    assert "in component (t, t) is " in str(finding)


@pytest.mark.parametrize(
    ("space", "kind"),
    [
        ("schwarzschild", "ricci_flat"),
        ("minkowski", "flat"),
        ("cylinder", "conformally_flat"),
        ("kerr", "bach_flat"),
        ("sphere-2", "conformally_flat"),
    ],
)
def test_that_something_does_not_vanish_can_be_wrong(space, kind):
    finding = dataclasses.replace(SPACES[space], truths={kind: False}).check(kind)
    assert not finding.holds
    assert "vanishes identically" in finding.difference or "every surface" in finding.difference


def doubled(tensor):
    return tensor * 2


@pytest.mark.parametrize(
    ("kind", "space", "spoil"),
    [
        ("signature", "schwarzschild", lambda m: m._memo.update(g=-m.g())),
        ("compatibility", "doubly-warped", lambda m: m.curvature._memo.update({("Γ", 1, 0, 1): m.curvature.zero})),
        ("definition", "doubly-warped", lambda m: m._memo.update(riemann=doubled(m.riemann()))),
        ("first_bianchi", "kerr", lambda m: m.riemann().components.__setitem__((0, 1, 2, 3), m.chart.field.zero)),
        ("contracted_bianchi", "doubly-warped", lambda m: m._memo.update(scalar=doubled(m.scalar()))),
        ("surface", "conformal-plane", lambda m: m._memo.update(ricci=doubled(m.ricci()))),
        ("weyl", "doubly-warped", lambda m: m._memo.update(weyl=m.riemann())),
        ("weyl", "rotational-3", lambda m: m._memo.update(weyl=m.riemann())),
        ("cotton", "doubly-warped", lambda m: m._memo.update(cotton=doubled(m.cotton()))),
        ("bach", "doubly-warped", lambda m: m._memo.update(bach=m.g())),
    ],
)
def test_an_identity_notices_a_spoiled_engine(kind, space, spoil):
    copy = dataclasses.replace(SPACES[space])
    assert copy.check(kind).holds
    spoil(copy.metric)
    assert not copy.check(kind).holds


def test_every_identity_is_shown_to_fail():
    mark = next(m for m in test_an_identity_notices_a_spoiled_engine.pytestmark if m.name == "parametrize")
    assert {case[0] for case in mark.args[1]} == {name for name, kind in TRUTHS.items() if kind.always is not None}


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in SPACES if name not in FRAMES])
def test_ricci_against_automatic_differentiation(name):
    space = SPACES[name]
    metric, chart = space.metric, space.metric.chart
    functions = {f: chart.parse(space.at[key]) for key, f in chart.functions.items() if key in space.at}
    # every coordinate at a place of its own, unless the space names one
    place = {x: sp.Rational(str(space.at.get(x.name, sp.Rational(7 + k, 9)))) for k, x in enumerate(chart.coordinates)}
    numbers = {c: sp.sympify(str(space.at.get(c.name, 1))) for c in chart.constants}

    def put(matrix):
        return sp.Matrix(matrix).subs(functions).doit().subs(numbers)

    numeric = sp.lambdify(chart.coordinates, put(metric.g().sympy()), modules="jax")
    point = jnp.array([float(place[x]) for x in chart.coordinates])
    found = autodiff.ricci(lambda x: jnp.asarray(numeric(*x), dtype=float), point)
    exact = np.array(put(metric.ricci().sympy()).subs(place).evalf(), dtype=float)
    np.testing.assert_allclose(found, exact, atol=1e-9 * max(1.0, np.abs(exact).max()))


def test_a_truth_of_an_unknown_kind_is_refused():
    with pytest.raises(CatalogueError, match="no truth called `scaler`"):
        Space("x", line("x y", "dx^2 + dy^2"), "note", "reference", {"scaler": "0"})
    with pytest.raises(ArgumentError, match=r"must be a row of \+ and -"):
        Space("x", line("x y", "dx^2 + dy^2"), "note", "reference", {}, "++0")
    with pytest.raises(ArgumentError, match="claims nothing under `einstein`"):
        SPACES["cigar"].check("einstein")


def test_a_metric_is_built_once_and_only_when_it_is_needed():
    calls = []
    build = line("x y", "dx^2 + dy^2")
    space = Space("x", lambda: calls.append(1) or build(), "note", "reference", {"flat": True}, "++")
    assert not calls
    assert space.metric is space.metric
    assert all(f.holds for f in space.verify())
    assert len(calls) == 1


@pytest.fixture
def plane():
    return line_element(Chart("r phi", "k", {"f": "r"}), "dr^2 + f^2*dphi^2")


@pytest.mark.parametrize("text", ["r", "d_r*d_phi", "d_r + 1", "d_r^2"])
def test_a_vector_is_linear(plane, text):
    with pytest.raises(ArgumentError, match="must be linear in d_r, d_phi"):
        vector(plane, text)


def test_typed_fields_and_components(plane):
    assert [vector(plane, "r*d_phi - f'*d_r")[i] for i in (0, 1)] == [-plane.chart.parse("f'"), plane.chart.parse("r")]
    assert one_form(plane, "f*dphi").up == (False,)
    tensor = components(plane, {"r phi": "k"}, 2)
    assert tensor[1, 0] == tensor[0, 1] == plane.chart.parse("k")
    assert components(plane, {"r phi": "k"}, 2, (True, False))[1, 0] == 0
    with pytest.raises(ArgumentError, match="has 2 indices, but `r r r` has 3"):
        components(plane, {"r r r": "1"}, 2)
    with pytest.raises(ArgumentError, match="`x` is no index of the metric; it has r, phi"):
        components(plane, {"x r": "1"}, 2)


def test_relations(plane):
    relations = Relations(plane, {"f''": "-k*f"})
    assert relations.reduced(plane.chart.parse("diff(f, r, 4)")) == plane.chart.parse("k^2*f")
    assert relations.imposed(plane.scalar() - plane.function("2*k")).is_zero()
    with pytest.raises(ArgumentError, match="`r` is neither"):
        Relations(plane, {"r": "1"})


def test_the_document_shows_the_catalogue():
    text = (ROOT / "docs" / "spaces.md").read_text(encoding="utf-8")
    for part in (table.spaces(), table.truths()):
        assert part in text, "run `python -m geomflow.metrics.spaces.table` and put its output into docs/spaces.md"


@pytest.mark.parametrize(
    "code",
    [
        "from geomflow.metrics import SPACES; assert 'kerr' in SPACES",
        "from geomflow.cli import main; assert main(['list', 'spaces']) == 0",
        "from geomflow.cli import main; assert main(['curvature', 'cigar']) == 0",
    ],
)
def test_no_jax_for_exact_work(code):
    done = subprocess.run([sys.executable, "-c", f"{code}; import sys; sys.exit(3 * ('jax' in sys.modules))"], cwd=ROOT)
    assert done.returncode == 0


def test_the_numeric_half_is_still_there():
    import geomflow.metrics as metrics

    assert {name for name in metrics.__all__ if getattr(metrics, name) is None} == set()
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = metrics.nothing
