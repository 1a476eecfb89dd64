"""The locality run as a whole: what its card claims, what it leaves in the folder, and how it resumes."""

import ast
import json
import re
import shutil
import sys
from dataclasses import replace
from types import SimpleNamespace

import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import pytest

from geomflow.cli import main
from geomflow.core.checkpoint import Checkpoint
from geomflow.core.errors import ResultFileError
from geomflow.core.store import save
from geomflow.experiments.locality import Locality, load_locality, parts
from geomflow.flows.torus.generate import generated
from geomflow.geometry.torus import Torus
from geomflow.metrics import METRICS

# A phrase of each claim of the card, and the verdict that the mathematics demands.
FAST = {
    "the variation of F is -(Ric + Hess f)": "verified",
    "kernel velocity becomes local at order 2": "verified",
    "every architecture becomes local": "verified",
    "Ricci flow is the local limit of: vielbein.": "verified",
    "the talk's kernel": "refuted",
    "DeTurck trajectories": "verified",
    "modes of the smeared fixed-measure flow grow at k²": "verified",
    "the fixed-measure flow of general data has a limit": "refuted",
    "the grid of the trajectories does not carry narrower kernels": "refused",
}
FULL = {
    **FAST,
    "λ-flow trajectories": "verified",
    "gauge invariants of the smeared fixed-measure flow": "verified",
    "F increases along the networks' own flows": "verified",
    "F increases along the smeared velocity": "refuted",
    "can be followed for t <=": "refused",
}
ON_T2 = {**FULL, "conformal trajectories": "verified"}
# Every part in the order it is computed, and the function of `parts` that computes it.
PARTS = {
    "derivations": "derivations",
    "identities": "identities",
    "velocities": "velocities",
    "architectures": "architectures",
    "deturck": "trajectories",
    "lambda": "trajectories",
    "invariants": "invariants",
    "controls": "controls",
    "perelman": "perelman",
    "monotonicity": "monotonicity",
    "growth": "growth",
    "conformal": "conformal",
}
FAST_PARTS = ["derivations", "identities", "velocities", "architectures", "deturck", "growth"]
FILES = ("locality.pdf", "locality.png", "locality.npz", "derivations.tex", "numbers.tex", "card.txt", "generated.py")


# -- what the run found ------------------------------------------------------------------------------------------------


def check_verdicts(result, expected):
    verdicts = result.card().verdicts
    for phrase, word in expected.items():
        assert [w for w, sentence in verdicts if phrase in sentence] == [word], phrase
    assert len(verdicts) == len(expected)  # no claim goes unchecked


@pytest.mark.parametrize("phrase", FAST)
def test_every_verdict_is_as_the_mathematics_demands(fast_run, phrase):
    words = [word for word, sentence in fast_run.result.card().verdicts if phrase in sentence]
    assert words == [FAST[phrase]]


def test_no_claim_goes_unchecked(fast_run):
    check_verdicts(fast_run.result, FAST)


def test_every_part_is_there_and_no_run_stopped(fast_run):
    numbers, arrays = fast_run.result.numbers, fast_run.result.arrays
    assert list(numbers) == FAST_PARTS
    assert numbers["deturck"]["stopped"] == []
    assert arrays["deturck.states"].shape[0] == arrays["deturck.times"].size
    assert arrays["deturck.smeared"].shape[0] == len(numbers["deturck"]["widths"]) == 3


@pytest.mark.slow
def test_the_whole_run_on_t2(tmp_path):
    result = Locality(out=tmp_path).run()
    check_verdicts(result, ON_T2)
    control = result.numbers["controls"]
    assert control["grid_change"] < 0.01
    assert control["time_error"] < 1e-3
    mode, time = control["small_mode"], result.settings["resolution"]["time"]
    assert mode["predicted"] == pytest.approx(0.5 * mode["sigma"] ** 2 * 16 * time * np.exp(-4 * time))
    assert mode["measured"] == pytest.approx(mode["predicted"], rel=0.02)


@pytest.mark.slow
def test_the_fast_run_on_t3(tmp_path):
    check_verdicts(Locality(dim=3, fast=True, out=tmp_path).run(), FAST)


def test_controls_of_a_ladder_that_goes_below_the_grid_spacing(monkeypatch):
    """Widths down to 0.75 h are allowed: the controls must not break after minutes of work."""
    monkeypatch.setattr(
        parts, "trajectory_study", lambda g, name, flow, widths, *_, **__: SimpleNamespace(widths=widths, errors=widths)
    )
    torus, widths = Torus(2, 16), (1.2, 0.6, 0.3)
    resolution = replace(Locality().resolution(), size=16, widths=widths)
    _, control = parts.controls(METRICS["generic-t2"], torus, resolution, {s: s for s in widths})
    assert control["time_error"] == 0


# -- what the run left in the folder -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FILES)
def test_every_file_is_there(fast_run, name):
    assert (fast_run.folder / name).stat().st_size > 500


def test_nothing_else_is_left_in_the_folder(fast_run):
    assert {path.name for path in fast_run.folder.iterdir()} == {*FILES, "parts"}
    assert {path.name for path in (fast_run.folder / "parts").iterdir()} == {
        "settings.json",
        *(f"{name}.part.npz" for name in FAST_PARTS),
    }


def test_the_picture_decodes_and_is_not_blank(fast_run):
    image = plt.imread(fast_run.folder / "locality.png")[..., :3]
    assert image.shape[1] == pytest.approx(7.0 * 300, abs=2)  # two columns at 300 dpi
    white = np.all(image > 0.99, axis=-1)
    assert 0.2 < white.mean() < 0.9
    rows, columns = image.shape[0] // 2, image.shape[1] // 2
    for quarter in (image[:rows, :columns], image[:rows, columns:], image[rows:, :columns], image[rows:, columns:]):
        assert quarter.std() > 0.05
    assert (fast_run.folder / "locality.pdf").read_bytes().startswith(b"%PDF-")


def test_the_card_on_disk_is_the_card(fast_run):
    assert (fast_run.folder / "card.txt").read_text(encoding="utf-8") == f"{fast_run.result.card()}\n"


def test_the_derivations_are_balanced_latex(fast_run):
    text = (fast_run.folder / "derivations.tex").read_text(encoding="utf-8")
    assert text.count(r"\begin{align*}") == text.count(r"\end{align*}") == 2  # the variation of F, and the kernel
    unescaped = text.replace(r"\{", "").replace(r"\}", "")
    assert unescaped.count("{") == unescaped.count("}")
    assert text.count(r"\left") == text.count(r"\right")


def test_every_macro_parses(fast_run):
    lines = (fast_run.folder / "numbers.tex").read_text(encoding="utf-8").splitlines()
    found = {}
    for line in lines:
        if line.startswith("%"):
            continue
        match = re.fullmatch(r"\\newcommand\{\\(GF[A-Za-z]+)\}\{(.+)\}", line)
        assert match, line
        number = re.fullmatch(r"(?:\\ensuremath\{)?([-\d.]+)(?: \\times 10\^\{(-?\d+)\}\})?\}?", match[2])
        assert number, line
        found[match[1]] = float(number[1]) * 10.0 ** int(number[2] or 0)
    assert len(found) == len(lines) - 1  # no macro twice
    numbers = fast_run.result.numbers
    assert found["GFLoneOrderDeturck"] == pytest.approx(numbers["deturck"]["orders"][-1], abs=1e-3)
    assert found["GFGradientError"] == pytest.approx(numbers["identities"]["gradient_error"], rel=0.1)
    talk = next(s for s in numbers["architectures"]["studies"] if s["name"] == "independent")
    assert found["GFTalkLimit"] == pytest.approx(talk["limit"], abs=1e-3)


def test_the_generated_code_stands_alone(fast_run):
    """It imports jax and Python's own library, nothing else, and its Ricci flow is the library's."""
    source = (fast_run.folder / "generated.py").read_text(encoding="utf-8")
    imports = [node for node in ast.walk(ast.parse(source)) if isinstance(node, (ast.Import, ast.ImportFrom))]
    names = {alias.name for node in imports if isinstance(node, ast.Import) for alias in node.names}
    names |= {str(node.module) for node in imports if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in names} <= {"jax", *sys.stdlib_module_names}
    module = {}
    exec(compile(source, "generated.py", "exec"), module)
    torus = Torus(2, 16)
    g, _ = METRICS["generic-t2"].sample(torus)
    ours = generated("ricci_velocity", 2)(g, *torus.jets(g))
    np.testing.assert_allclose(module["ricci_velocity"](g, *torus.jets(g)), ours, rtol=1e-12, atol=1e-13)
    symbol = module["cos_net_symbol"](jnp.array([3.0, 1.0]), jnp.asarray(0.4))[0]
    assert float(symbol) == pytest.approx(np.exp(-0.16 * 10 / 2), rel=1e-12)


# -- the data file -----------------------------------------------------------------------------------------------------


def test_the_data_come_back_as_they_were(fast_run):
    loaded, result = load_locality(fast_run.folder / "locality.npz"), fast_run.result
    assert loaded.numbers == result.numbers
    assert loaded.settings == json.loads(json.dumps(result.settings))
    assert loaded.provenance == result.provenance
    assert list(loaded.arrays) == list(result.arrays)
    for name, array in loaded.arrays.items():
        np.testing.assert_array_equal(array, result.arrays[name])
    assert str(loaded) == str(result)
    assert loaded.torus == result.torus


def test_the_data_hold_no_pickle(fast_run):
    files = [fast_run.folder / "locality.npz", *(fast_run.folder / "parts").glob("*.npz")]
    for file in files:
        with np.load(file, allow_pickle=False) as archive:
            assert all(archive[name].dtype.kind in "biufcSU" for name in archive.files)
            assert json.loads(str(archive["header"]))["format"] == "geomflow-result"


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.999])
def test_a_truncated_file_is_refused(fast_run, tmp_path, kept):
    data = (fast_run.folder / "locality.npz").read_bytes()
    short = tmp_path / "short.npz"
    short.write_bytes(data[: int(kept * len(data))])
    with pytest.raises(ResultFileError, match="cut short or damaged") as caught:
        load_locality(short)
    assert "short.npz" in str(caught.value)


def test_a_changed_byte_is_noticed(fast_run, tmp_path):
    data = bytearray((fast_run.folder / "locality.npz").read_bytes())
    data[len(data) // 2] ^= 1
    (tmp_path / "changed.npz").write_bytes(data)
    with pytest.raises(ResultFileError, match="damaged"):
        load_locality(tmp_path / "changed.npz")


def test_a_foreign_file_is_refused(tmp_path):
    np.savez(tmp_path / "foreign.npz", x=np.arange(3))
    with pytest.raises(ResultFileError, match="not a result of geomflow"):
        load_locality(tmp_path / "foreign.npz")
    save(tmp_path / "other.npz", {"x": np.arange(3)}, {"kind": "another experiment"})
    with pytest.raises(ResultFileError, match="not one of `geomflow locality`"):
        load_locality(tmp_path / "other.npz")


# -- resuming ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def copy(fast_run, tmp_path):
    """A copy of the parts of the finished run."""
    shutil.copytree(fast_run.folder / "parts", tmp_path / "parts")
    return tmp_path


def replace_parts(monkeypatch, answer):
    """Let `answer(part's name)` stand for every computation."""
    for function in set(PARTS.values()) - {"trajectories"}:
        monkeypatch.setattr(parts, function, lambda *_, name=function: answer(name))
    monkeypatch.setattr(parts, "trajectories", lambda *arguments: answer(arguments[-1]))


@pytest.fixture
def recorded(fast_run, monkeypatch):
    """The parts answer from the finished run and note that they were asked: a run of a second."""
    asked = []
    checkpoint = Checkpoint(fast_run.folder / "parts", fast_run.result.settings)

    def answer(name):
        asked.append(name)
        return checkpoint.get(name)

    replace_parts(monkeypatch, answer)
    return asked


@pytest.fixture
def forbidden(monkeypatch):
    """No part may be computed."""

    def answer(name):
        raise AssertionError(f"{name} was computed again")

    replace_parts(monkeypatch, answer)


def test_a_finished_run_resumes_without_computing(fast_run, copy, forbidden):
    resumed = Locality(fast=True, out=copy, resume=True).compute()
    assert str(resumed) == str(fast_run.result)
    assert resumed.numbers == fast_run.result.numbers


@pytest.mark.parametrize("name", ["identities", "deturck", "growth"])
def test_a_part_that_was_deleted_is_computed_again_alone(fast_run, copy, recorded, name):
    (copy / "parts" / f"{name}.part.npz").unlink()
    assert str(Locality(fast=True, out=copy, resume=True).compute()) == str(fast_run.result)
    assert recorded == [name]


def test_a_part_computed_again_is_the_same(fast_run, copy, monkeypatch, forbidden):
    monkeypatch.undo()
    (copy / "parts" / "derivations.part.npz").unlink()
    resumed = Locality(fast=True, out=copy, resume=True).compute()
    assert str(resumed) == str(fast_run.result)


def test_a_full_run_asks_for_every_part(tmp_path, monkeypatch):
    asked = []

    def answer(name):
        asked.append(name)
        return {}, {"widths": [], "errors": []}

    replace_parts(monkeypatch, answer)
    Locality(out=tmp_path).compute()
    assert asked == list(PARTS)


def test_without_resume_everything_is_computed(fast_run, copy, recorded):
    Locality(fast=True, out=copy).compute()
    assert recorded == FAST_PARTS


@pytest.mark.parametrize(
    ("setting", "options"),
    [("time", {"time": 0.1}), ("widths", {"widths": (0.8, 0.4, 0.3)}), ("metric.name", {"metric": "nearly-flat-t2"})],
)
def test_other_settings_are_refused_by_name(copy, forbidden, setting, options):
    with pytest.raises(ResultFileError, match="other settings") as caught:
        Locality(fast=True, out=copy, resume=True, **options).compute()
    assert setting in str(caught.value)
    assert {path.name for path in (copy / "parts").glob("*.npz")} == {f"{name}.part.npz" for name in FAST_PARTS}


@pytest.mark.parametrize("damage", [lambda data: data[:-100], lambda data: data[:400] + b"\0" + data[401:]])
def test_a_damaged_part_is_named(copy, forbidden, damage):
    part = copy / "parts" / "deturck.part.npz"
    part.write_bytes(damage(part.read_bytes()))
    with pytest.raises(ResultFileError, match="delete it to recompute") as caught:
        Locality(fast=True, out=copy, resume=True).compute()
    assert str(part) in str(caught.value)


def test_ctrl_c_loses_nothing_computed(fast_run, tmp_path, recorded, monkeypatch, capsys):
    def interrupt(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(parts, "trajectories", interrupt)
        assert main(["locality", "--fast", "--out", str(tmp_path)]) == 130
    assert "Go on with `--resume`" in capsys.readouterr().out
    before, after = FAST_PARTS[:4], FAST_PARTS[4:]
    assert recorded == before
    kept = {path.name for path in (tmp_path / "parts").iterdir()}
    assert kept == {"settings.json", *(f"{name}.part.npz" for name in before)}  # no half-written file
    assert not (tmp_path / "locality.npz").exists()
    recorded.clear()
    resumed = Locality(fast=True, out=tmp_path, resume=True).compute()
    assert recorded == after
    assert str(resumed) == str(fast_run.result)
    np.testing.assert_array_equal(resumed.arrays["deturck.states"], fast_run.result.arrays["deturck.states"])
