"""The widths experiment: a tiny run as a whole, its verdicts from numbers made by hand, and its figures."""

import copy
from dataclasses import asdict, replace
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pytest

from geomflow.core.errors import ArgumentError, ResultFileError
from geomflow.core.provenance import canonical_json
from geomflow.core.store import save
from geomflow.experiments.widths import Widths, WidthsResult
from geomflow.experiments.widths import run as module
from geomflow.experiments.widths.duality import predicted
from geomflow.experiments.widths.parts import neurons, sample_variance
from geomflow.experiments.widths.report import card, exponent, threshold, within
from geomflow.experiments.widths.settings import Ensembles, default_ensembles
from geomflow.figures.duality import plot_by_distance, plot_by_width
from geomflow.figures.widths import plot_convergence, plot_noise, plot_variance

TINY = Ensembles(
    widths=(16, 64, 256),
    draws=8,
    variance_width=8,
    variance_draws=500,
    noise_widths=(32, 128),
    noise_draws=500,
    noise_sigmas={"1": (0.8, 0.2)},
    duality_widths=(2, 4, 8),
    duality_draws=2**13,
    seed=3,
)
FILES = ("widths.pdf", "widths.png", "duality.pdf", "duality.png", "widths.npz", "derivations.tex", "numbers.tex")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    folder = tmp_path_factory.mktemp("widths")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "default_ensembles", lambda fast, seed: TINY)
        yield SimpleNamespace(folder=folder, result=Widths(out=folder).run())


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


def test_the_run_leaves_its_files_and_reads_back(tiny):
    for name in (*FILES, "card.txt"):
        assert (tiny.folder / name).stat().st_size > 100, name
    again = WidthsResult.load(tiny.folder / "widths.npz")
    assert str(again) == str(tiny.result)
    assert canonical_json(again.numbers) == canonical_json(tiny.result.numbers)
    save(tiny.folder / "other.npz", {}, {"kind": "locality"})
    with pytest.raises(ResultFileError, match="widths"):
        WidthsResult.load(tiny.folder / "other.npz")


def test_a_run_resumes_and_its_seed_decides_its_numbers(tiny, monkeypatch):
    monkeypatch.setattr(module, "_parts", lambda chosen: dict.fromkeys(tiny.result.numbers, _never))
    assert str(Widths(out=tiny.folder, resume=True).compute().card()) == str(tiny.result.card())
    monkeypatch.setattr(module, "default_ensembles", lambda fast, seed: replace(TINY, seed=seed))
    with pytest.raises(ResultFileError, match="seed"):
        Widths(out=tiny.folder, seed=4, resume=True).compute()


def _never():
    raise AssertionError("computed again")


def test_nothing_is_refuted_that_is_true(tiny):
    for word, sentence in tiny.result.card().verdicts:
        if "same random function" in sentence or "fixed width" in sentence:
            assert word in ("refuted", "undecided")
        else:
            assert word in ("verified", "undecided"), sentence


def test_measured_numbers_are_near_their_predictions(tiny):
    numbers = tiny.result.numbers
    assert len([name for name in numbers if name.startswith("convergence.")]) == 4
    for name, part in numbers.items():
        if name.startswith("convergence."):
            assert part["law"]["exponent"] == pytest.approx(-0.5, abs=0.02 + 4 * part["law"]["error"])
        elif name != "duality":
            assert part["deviation"] < 5
    assert numbers["duality"]["two_point_deviation"] < 5
    assert numbers["duality"]["connected_deviation"] < 5


def statement(numbers, phrase):
    (word,) = [w for w, s in card(numbers, {"ensembles": asdict(TINY)}).verdicts if phrase in s]
    return word


@pytest.mark.parametrize(
    ("part", "change", "phrase"),
    [
        ("convergence.gauss-net", {"law": {"exponent": -0.25, "error": 0.01, "prefactor": 1.0}}, "rate N^(-1/2)"),
        ("convergence.cos-net", {"size": 1.3, "size_error": 0.03}, "derived sizes"),
        ("variance.cos-net", {"deviation": 9.0}, "derived variances"),
        ("noise.1", {"deviation": 9.0}, "needs N"),
        ("noise.1", {"law": {"exponent": 0.5, "error": 0.01, "prefactor": 1.5}}, "needs N"),
        ("duality", {"two_point_deviation": 9.0}, "two-point function"),
        ("duality", {"connected_deviation": 9.0}, "connected four-point functions"),
    ],
)
def test_wrong_numbers_are_refuted(tiny, part, change, phrase):
    numbers = copy.deepcopy(tiny.result.numbers)
    numbers[part] |= change
    assert statement(numbers, phrase) == "refuted"


def test_numbers_decide_what_is_refuted_at_finite_width(tiny):
    numbers = copy.deepcopy(tiny.result.numbers)
    numbers["duality"]["connected_difference"] = 20.0
    assert statement(numbers, "same random function") == "refuted"
    numbers["duality"]["connected_difference"] = 2.0
    assert statement(numbers, "same random function") == "undecided"
    numbers["noise.1"] |= {"measured": [0.1, 0.1, 0.9, 0.9], "error": [0.01] * 4}
    assert statement(numbers, "local limit as") == "refuted"
    numbers["noise.1"] |= {"measured": [0.9, 0.9, 0.1, 0.1]}
    assert statement(numbers, "local limit as") == "undecided"


def test_judgements():
    assert threshold(0.05, 1) == pytest.approx(1.96, abs=1e-2)
    assert threshold(1e-3, 10) > threshold(1e-3, 1)
    assert [within(z, 4) for z in (2.0, 4.5, 8.0)] == ["verified", "undecided", "refuted"]
    laws = [{"exponent": e, "error": 0.01} for e in (-0.52, -0.58, -0.7)]
    assert [exponent(law, -0.5) for law in laws] == ["verified", "undecided", "refuted"]


def test_sample_variance_and_its_error():
    draws = np.random.default_rng(0).normal(size=(400, 2000)) * 3
    variance, error = sample_variance(draws)
    assert variance.mean() == pytest.approx(9, rel=0.01)
    assert error.mean() == pytest.approx(9 * np.sqrt(2 / 400), rel=0.03)
    assert variance.std() == pytest.approx(error.mean(), rel=0.05)  # the error bars are honest


def test_some_neurons_of_a_network_are_a_network():
    import jax

    from geomflow.experiments.widths.parts import cos_net, erf_network

    wide = cos_net(jax.random.key(0), 10)
    part = neurons(wide, 3, 7)
    assert part.width == 4
    np.testing.assert_array_equal(part.phases, wide.phases[3:7])
    mlp = neurons(erf_network(jax.random.key(0), 10), 3, 7)
    assert [layer.weight.shape for layer in mlp.layers] == [(4, 2), (1, 4)]


def test_predictions_are_the_coincident_ones():
    pair, connected = predicted("cos-net", np.full((4, 1), 0.2), 5)
    assert pair[0] == pytest.approx(1)
    assert connected[0] == pytest.approx(1.5 / 5)


def test_figures_show_the_numbers(tiny):
    numbers = tiny.result.numbers
    _, (a, b, c) = plt.subplots(1, 3)
    ax = plot_convergence(numbers, a)
    containers = {c.get_label(): c for c in ax.containers}
    np.testing.assert_array_equal(containers["cos-net"][0].get_ydata(), numbers["convergence.cos-net"]["mean"])
    ax = plot_variance(numbers, b)
    part = numbers["variance.gauss-net"]
    shown = {c.get_label(): c for c in ax.containers}["gauss-net"][0].get_ydata()
    np.testing.assert_allclose(shown, part["width"] * np.array(part["measured"]))
    ax = plot_noise(numbers, c)
    assert len(ax.containers) == len(set(numbers["noise.1"]["width"]))
    for plot, by, axis in ((plot_by_width, "by_width", "widths"), (plot_by_distance, "by_distance", "separations")):
        _, own = plt.subplots()
        shown = {c.get_label(): c for c in plot(numbers["duality"], own).containers}["gauss-net"][0]
        np.testing.assert_array_equal(shown.get_xdata(), numbers["duality"][axis])
        np.testing.assert_array_equal(shown.get_ydata(), numbers["duality"]["gauss-net"][by]["connected"])


def test_bad_ladders_are_refused_before_anything_is_computed(tmp_path):
    for bad in ({"widths": (16, 8, 4)}, {"widths": (16, 64)}, {"draws": 2}):
        with pytest.raises(ArgumentError, match=next(iter(bad))):
            Widths(out=tmp_path, **bad).compute()
    assert not list(tmp_path.iterdir())
    assert default_ensembles(False, 0).widths == tuple(2**n for n in range(4, 15))


@pytest.mark.slow
def test_the_default_run(tmp_path):
    verdicts = Widths(out=tmp_path).run().card().verdicts
    assert [word for word, _ in verdicts] == ["verified"] * 4 + ["refuted"] + ["verified"] * 2 + ["refuted"]
