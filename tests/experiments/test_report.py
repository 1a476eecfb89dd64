"""The card judges the numbers: doctored numbers must turn its verdicts, and only theirs."""

import copy
import re

import pytest

from geomflow.experiments.locality.report import card, macros, trajectory_checks


@pytest.fixture(scope="module")
def good(fast_run):
    """The numbers of the fast run, and good ones for the parts it leaves out: one doctored number decides."""
    numbers = copy.deepcopy(fast_run.result.numbers)
    local = numbers["deturck"]
    numbers["lambda"], numbers["conformal"] = copy.deepcopy(local), copy.deepcopy(local)
    numbers["controls"] = {
        "grid_change": 1e-6,
        "coarse_size": 32,
        "time_error": 1e-6,
        "small_mode": {"k": 2, "sigma": 0.1, "measured": 0.00717, "predicted": 0.00719},
    }
    numbers["perelman"] = {
        "time": 0.05,
        "widths": [0.4, 0.2, 0.1],
        "horizons": [2.4, 0.61, 0.15],
        "errors": [0.02, 0.007, 0.002],
        "orders": [1.7, 1.9],
        "invariants": {"int R^2": 1.0, "lambda": -0.01},
        "invariant_errors": {"int R^2": [0.02, 0.006, 0.0014], "lambda": [0.016, 0.004, 0.001]},
        "invariant_orders": {"int R^2": [1.93, 1.98], "lambda": [1.94, 1.99]},
        "pulled_back": 1e-14,
        "refusal": "The fixed-measure flow with sigma = 0.1 can be followed for t <= 0.15.",
    }
    flows = ("smeared", "independent", "vielbein")
    numbers["monotonicity"] = {
        "sigma": 0.5,
        "samples": 60,
        "violations": dict(zip(flows, (17, 0, 0), strict=True)),
        "lowest": dict(zip(flows, (-0.2, 0.1, 0.1), strict=True)),
    }
    return numbers


@pytest.fixture
def verdicts(good, fast_run):
    """Return a function: (doctor or None) -> {sentence: verdict}; the doctor changes a copy of the numbers in place."""

    def judge(doctor=None):
        numbers = copy.deepcopy(good)
        if doctor:
            doctor(numbers)
        return {sentence: word for word, sentence in card(numbers, fast_run.result.settings).verdicts}

    return judge


def of(found, phrase):
    """The verdicts of the claims that hold a phrase."""
    return [word for sentence, word in found.items() if phrase in sentence]


def test_good_numbers_pass(verdicts):
    found = verdicts()
    refuted = [sentence for sentence, word in found.items() if word == "refuted"]
    assert [p for p in ("the talk's kernel", "along the smeared", "general data") if of(found, p) == ["refuted"]]
    assert len(refuted) == 3
    assert len(found) == 15
    assert "undecided" not in found.values()


def put(*path):
    """Return a doctor that puts the last argument at a path of keys."""
    *keys, last, value = path

    def doctor(numbers):
        for key in keys:
            numbers = numbers[key]
        numbers[last] = value

    return doctor


def architecture(name, **changes):
    def doctor(numbers):
        next(s for s in numbers["architectures"]["studies"] if s["name"] == name).update(changes)

    return doctor


def stop(numbers):
    numbers["lambda"]["stopped"] = ["sigma = 0.2 stopped at t = 0.03: the metric stopped being positive definite"]


DOCTORED = {
    "gradient": (put("identities", "gradient_error", 1e-6), "the variation of F is -(Ric"),
    "Ricci": (put("identities", "ricci_error", 1e-6), "the variation of F is -(Ric"),
    "certificate": (put("derivations", "certificates", 1, "residual", "1/3"), "the variation of F is -(Ric"),
    "order of L0": (put("velocities", "studies", 2, "orders", [1.9, 1.9]), "kernel velocity becomes local"),
    "constant of L0": (put("velocities", "studies", 0, "measured", 2.0), "kernel velocity becomes local"),
    "own limit": (architecture("gram", order_own=1.0), "every architecture becomes local"),
    "order of DeTurck": (put("deturck", "orders", [1.5, 1.5]), "DeTurck trajectories"),
    "order too high": (put("deturck", "orders", [2.0, 2.3]), "DeTurck trajectories"),
    "one order of two": (put("lambda", "orders", [1.5, 1.99]), "λ-flow trajectories"),
    "Richardson": (put("conformal", "extrapolated_orders", [2.0]), "conformal trajectories"),
    "a stopped width": (stop, "λ-flow trajectories"),
    "invariants of L2": (put("perelman", "invariant_orders", "lambda", [1.0, 1.0]), "gauge invariants of the smeared"),
    "growth": (put("growth", "worst", 1e-2), "grow at k²"),
}


@pytest.mark.parametrize(("doctor", "phrase"), DOCTORED.values(), ids=DOCTORED)
def test_a_doctored_number_leaves_its_claim_undecided_and_no_other(verdicts, doctor, phrase):
    before, after = verdicts(), verdicts(doctor)
    assert of(before, phrase) == ["verified"]
    assert of(after, phrase) == ["undecided"]
    assert [word for s, word in before.items() if phrase not in s] == [
        word for s, word in after.items() if phrase not in s
    ]


@pytest.mark.parametrize(
    "doctor",
    [
        put("controls", "grid_change", 0.02),
        put("controls", "time_error", 2e-3),
        put("controls", "small_mode", {"k": 2, "sigma": 0.2, "measured": 0.03, "predicted": 0.02}),
    ],
    ids=["grid", "time", "small mode"],
)
def test_a_failed_control_takes_every_trajectory_with_it(verdicts, doctor):
    assert of(verdicts(doctor), "trajectories tend to") == ["undecided"] * 3


def test_the_talk_is_judged_by_its_number(verdicts):
    found = verdicts(architecture("independent", reproduces_ricci_flow=True, limit=1e-13))
    assert of(found, "the talk's kernel") == ["verified"]
    assert of(found, "Ricci flow is the local limit of: independent, vielbein.") == ["verified"]


def test_no_architecture_at_all(verdicts):
    found = verdicts(architecture("vielbein", reproduces_ricci_flow=False))
    assert of(found, "Ricci flow is the local limit of: any of them") == ["undecided"]


def test_the_talk_is_refuted_only_if_no_speed_helps(verdicts):
    """A local limit that is Ricci flow up to rounding and a constant speed is not held against it."""
    found = verdicts(architecture("independent", limit=0.5, limit_best_speed=1e-6))
    assert of(found, "the talk's kernel") == ["undecided"]


def test_the_ill_posed_claim_follows_the_rate(verdicts):
    """Were the longitudinal rate not positive, the claim would not be refuted."""
    assert of(verdicts(), "general data") == ["refuted"]
    damped = put("growth", "linear_rates", "fixed measure", "longitudinal", -1.0)
    assert of(verdicts(damped), "general data") == ["undecided"]


def test_parts_that_were_not_run_leave_no_statement(fast_run):
    sentences = [sentence for _, sentence in fast_run.result.card().verdicts]
    for phrase in ("λ-flow traj", "conformal", "gauge invariants", "F increases", "can be followed"):
        assert not any(phrase in sentence for sentence in sentences)


@pytest.mark.parametrize(("orders", "passes"), [([1.5, 1.9, 2.1], True), ([1.5, 1.89, 2.0], False)])
def test_the_last_two_orders_count(orders, passes):
    checks = trajectory_checks({"orders": orders, "extrapolated_orders": [3.0, 3.5], "stopped": []})
    assert checks == {"direct orders": passes, "Richardson order": True, "no width stopped": True}


@pytest.mark.parametrize("completed", [0, 1, 2])
def test_a_ladder_that_lost_widths_is_undecided(verdicts, completed):
    """With fewer than three widths left there is no Richardson order: the card says so and does not break."""

    def doctor(numbers):
        study = numbers["deturck"]
        study.update(
            widths=study["widths"][:completed],
            errors=study["errors"][:completed],
            orders=[1.99][: max(0, completed - 1)],
            extrapolated=study["extrapolated"][: max(0, completed - 1)],
            extrapolated_orders=[],
            stopped=["sigma = 0.2 stopped at t = 0.03: the metric stopped being positive definite"] * (3 - completed),
        )

    assert of(verdicts(doctor), "DeTurck trajectories") == ["undecided"]


def test_the_card_fits_on_a_hundred_columns(fast_run, good, capsys):
    for numbers in (good, fast_run.result.numbers):
        sheet = card(numbers, fast_run.result.settings)
        assert max(map(len, str(sheet).splitlines())) <= 100
        assert max(map(len, sheet.ascii().splitlines())) <= 100
        assert sheet.ascii().isascii()
        sheet.show()
        assert "geomflow locality: T^2" in capsys.readouterr().out


def test_the_card_holds_its_numbers(fast_run):
    text = str(fast_run.result)
    for study in fast_run.result.numbers["velocities"]["studies"]:
        assert f"order {study['orders'][-1]:.3f}" in text
    assert all(f"{order:.3f}" in text for order in fast_run.result.numbers["deturck"]["orders"])
    assert "nan" not in text
    assert "inf " not in text


def test_macros_are_letters_and_numbers(good):
    found = macros(good)
    assert len(found) >= 20
    for name, (value, form) in found.items():
        assert re.fullmatch("[A-Za-z]+", name)
        assert float(format(value, form)) == pytest.approx(value, rel=0.06)
