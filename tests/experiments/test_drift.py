"""The drift study: early refusals, and verdicts, files and figure from results whose orders are known."""

import numpy as np
import pytest

from geomflow.core.errors import ArgumentError, HorizonError, ResolutionError, ResultFileError
from geomflow.core.provenance import provenance
from geomflow.experiments.drift import DriftResult, DriftStudy, _fits
from geomflow.experiments.drift_parts import cos_net_part, infinite_part, mlp_part


def made_up(drift=-1.0, last=0.0):
    """Arrays in which everything follows its law, the drift the given one."""
    study = DriftStudy(widths=(64, 256, 1024), mlp_widths=(32, 128, 512), seeds=4)
    chosen = study.chosen()
    rng = np.random.default_rng(0)
    n, m = np.array(chosen.widths, dtype=float)[:, None], np.array(chosen.mlp_widths, dtype=float)[:, None]
    noise = lambda *shape: np.exp(0.02 * rng.standard_normal(shape))  # noqa: E731
    ramp = np.linspace(0.01, 1, 7)
    arrays = {
        "drift": 3 * n**drift * noise(3, 4), "mlp": m**-1 * noise(3, 4), "mean": 0.1 * n[:, 0] ** -1,
        "last_layer": np.full((3, 4), last), "scatter": n**-0.5 * noise(3, 4), "times": np.linspace(0, 3, 7),
        "full_linearised": (n**-1 * noise(3, 4))[..., None] * ramp,
        "linearised_infinite": (n**-0.5 * noise(3, 4))[..., None] * ramp,
        "full_infinite": (n**-0.5 * noise(3, 4))[..., None] * ramp,
    }  # fmt: skip
    return DriftResult(_fits(chosen, arrays), arrays, {**chosen.__dict__}, provenance({}))


def test_orders_are_fitted_and_judged():
    good = made_up()
    assert good.numbers["drift"]["exponent"] == pytest.approx(-1, abs=0.03)
    assert [word for word, _ in good.card().verdicts] == ["verified"] * 7
    bad = made_up(drift=-0.5, last=1e-9)
    verdicts = [word for word, _ in bad.card().verdicts]
    assert verdicts == ["refuted", *["verified"] * 5, "refuted"]


def test_a_result_is_written_and_read(tmp_path):
    result = made_up()
    result.write(tmp_path)
    for name in ("drift.pdf", "drift.png", "drift.npz", "card.txt", "numbers.tex"):
        assert (tmp_path / name).stat().st_size > 0
    again = DriftResult.load(tmp_path / "drift.npz")
    assert str(again) == str(result)
    (tmp_path / "drift.npz").write_bytes(b"not a result")
    with pytest.raises(ResultFileError):
        DriftResult.load(tmp_path / "drift.npz")


@pytest.mark.parametrize(
    ("change", "error", "word"),
    [
        ({"loss": "calabi"}, ArgumentError, "loss"),
        ({"widths": (64, 32, 16)}, ArgumentError, "increasing"),
        ({"mlp_widths": (64, 32)}, ArgumentError, "mlp_widths"),
        ({"seeds": 1}, ArgumentError, "error bars"),
        ({"time": 0.0}, ArgumentError, "positive"),
        ({"sigma": 0.1}, ResolutionError, "Try"),
        ({"loss": "perelman-f", "time": 1e3}, HorizonError, "shorter"),
    ],
)
def test_bad_settings_are_refused_before_anything_runs(change, error, word, tmp_path):
    with pytest.raises(error, match=word):
        DriftStudy(out=tmp_path / "out", **change).compute()
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_a_small_run():
    chosen = DriftStudy(widths=(64, 128, 256), mlp_widths=(16,), seeds=2, snapshots=2, time=1.0).chosen()
    infinite, _ = infinite_part(chosen)
    found, _ = cos_net_part(chosen, 256, infinite["metrics"])
    assert np.all(found["last_layer"] == 0)
    assert np.all(found["drift"] > 1e-4)
    assert np.all(found["full_linearised"][:, -1] < found["linearised_infinite"][:, -1])
    assert np.all(mlp_part(chosen, 16)[0]["drift"] > 1e-3)
