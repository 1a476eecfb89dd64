"""`geomflow generate`: the module it writes runs alone and is right, the card, the check, and the refusals."""

import hashlib
import importlib.util
import re
import runpy
import shlex
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from geomflow.cli import main
from geomflow.codegen.metric_functions import metric_program
from geomflow.core.errors import ArgumentError, CatalogueError, GenerationError, GeomflowError, OutputError
from geomflow.experiments import generate
from geomflow.experiments.generate import Generate, checked
from geomflow.metrics.spaces import SPACES


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Every test runs in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def written(path):
    """Import the module in a file."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    try:
        spec.loader.exec_module(module)
    finally:
        del sys.modules[path.stem]
    return module


@pytest.fixture(scope="module")
def kerr(tmp_path_factory):
    """Kerr's module on disk, and what was made."""
    path = tmp_path_factory.mktemp("kerr") / "kerr.py"
    quantities = ("ricci", "scalar", "kretschmann", "riemann", "volume")
    return path, Generate(what="kerr", quantities=quantities, out=path).run()


def remade(text):
    """Return what the command in a docstring writes."""
    (command,) = re.findall(r"^    (geomflow generate .*)$", text, flags=re.MULTILINE)
    assert main([*shlex.split(command)[1:], "--out", "remade.py"]) == 0
    return Path("remade.py").read_text(encoding="utf-8")


def kretschmann_of_kerr(point, M, a):
    """Henry (2000): 48 M²(r² - c²)((r² + c²)² - 16 r² c²)/(r² + c²)⁶ with c = a cos θ."""
    r, c = point[1], a * jnp.cos(point[2])
    return 48 * M**2 * (r**2 - c**2) * ((r**2 + c**2) ** 2 - 16 * r**2 * c**2) / (r**2 + c**2) ** 6


def points(count, low, high):
    return np.random.default_rng(5).uniform(low, high, (count, len(low))).T


def test_the_functions_of_kerr(kerr):
    module = written(kerr[0])
    at = points(1500, [0, 2, 0.2, 0], [1, 9, 3, 6])  # more than one chunk
    exact = kretschmann_of_kerr(at, 0.9, 0.6)
    np.testing.assert_allclose(module.kretschmann(at, 0.9, 0.6), exact[None], rtol=1e-11)
    rm = module.full(module.riemann(at, 0.9, 0.6), "riemann", 4)
    assert rm.shape == (1500, 4, 4, 4, 4)
    np.testing.assert_allclose(rm, jnp.transpose(rm, (0, 3, 4, 1, 2)), atol=1e-14)
    assert float(jnp.abs(module.ricci(at, 0.9, 0.6)).max()) == 0.0
    area = (at[1] ** 2 + 0.36 * np.cos(at[2]) ** 2) * np.sin(at[2])
    np.testing.assert_allclose(module.volume(at, 0.9, 0.6)[0], area, rtol=1e-12)


def test_the_transformations_of_the_written_functions(kerr):
    module = written(kerr[0])
    at = points(7, [0, 2, 0.2, 0], [1, 9, 3, 6])
    mine, exact = lambda x, M: module.kretschmann(x, M, 0.6)[0], lambda x, M: kretschmann_of_kerr(x, M, 0.6)
    np.testing.assert_allclose(jax.jit(mine)(at, 0.9), mine(at, 0.9), rtol=1e-13)
    np.testing.assert_allclose(jax.vmap(mine, (1, None))(at, 0.9), mine(at, 0.9), rtol=1e-13)
    for i in (0, 1):
        found = jax.grad(lambda *x: mine(*x).sum(), i)(at, 0.9)
        np.testing.assert_allclose(found, jax.grad(lambda *x: exact(*x).sum(), i)(at, 0.9), rtol=1e-11)
    slope = jax.jvp(mine, (at, 0.9), (np.ones_like(at), 1.0))[1]
    np.testing.assert_allclose(slope, jax.jvp(exact, (at, 0.9), (np.ones_like(at), 1.0))[1], rtol=1e-11)


def test_the_file_runs_without_geomflow_and_sympy(kerr):
    code = (
        "import runpy, sys\n"
        "sys.modules |= {'geomflow': None, 'sympy': None, 'flint': None}\n"
        f"runpy.run_path({str(kerr[0])!r}, run_name='__main__')\n"
    )
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    names = re.findall(r"^(\w+) = ", done.stdout, flags=re.MULTILINE)
    assert names == ["ricci", "scalar", "kretschmann", "riemann", "volume"]
    errors = [float(e) for e in re.findall(r"differs from the exact values by (\S+)", done.stdout)]
    assert len(errors) == 5
    assert max(errors) < 1e-13


def test_an_edited_file_says_so(kerr, folder, capsys):
    text = kerr[0].read_text(encoding="utf-8")
    spoilt, count = re.subn(r"(def kretschmann\(.*?return \[\[)", r"\g<1>1.001*", text, flags=re.DOTALL)
    assert count == 1
    (folder / "spoilt.py").write_text(spoilt, encoding="utf-8")
    with pytest.raises(SystemExit, match="kretschmann is wrong at this point"):
        runpy.run_path("spoilt.py", run_name="__main__")


def test_the_docstring_says_what_it_is_and_how_it_was_made(kerr, folder):
    path, made = kerr
    text = path.read_text(encoding="utf-8")
    doc, body = re.fullmatch(r'r"""(.*?)\n"""\n\n(.*)', text, flags=re.DOTALL).groups()
    assert r"ds^2 = \frac{" in doc
    assert r"$R_{ij} = R^a{}_{iaj}$" in doc
    assert "components 00 01 02 03 11 12 13 22 23 33" in doc
    assert "ricci(point, M, a) -> (10, *batch)" in doc
    assert "point: t, r, theta, phi, shape (4, *batch)" in doc
    assert "SymPy" in doc
    assert str(folder) not in text
    assert str(path.parent) not in text
    assert made.at["point"][1] == 3.0  # outside the horizon, as the catalogue says
    assert made.digest == hashlib.sha256(body.encode()).hexdigest()
    assert doc.endswith(f"docstring: {made.digest}")
    assert remade(doc) == text


def test_the_card_and_the_lines_that_call_it(folder, capsys):
    assert main(["generate", "sphere-3"]) == 0
    out = capsys.readouterr().out
    card, usage = out.split("\n\nimport jax", 1)
    program = metric_program(SPACES["sphere-3"].metric, "ricci")
    assert re.search(r"ricci\(point, a\) +\(6, \*batch\) +symmetric", card)
    ways = ", ".join(f"{way} {body.operations}" for way, body in program.rules.items())
    assert re.search(rf"operations per point +{program.operations} +{ways}\n", card)
    assert re.search(r"file +sphere_3.py +\d+ lines", card)
    assert re.search(r"verified +at one point", card)
    lines = ("import jax" + usage).strip().splitlines()
    assert len(lines) == 3
    names = {}
    sys.path.insert(0, str(folder))
    try:
        exec("\n".join(lines[:2]), names)
        ricci = eval(lines[2], names)
    finally:
        sys.path.remove(str(folder))
        sys.modules.pop("sphere_3", None)
    point = eval(re.search(r"jnp.array\((\[.*?\])\)", lines[2]).group(1))
    a = float(re.search(r"\]\), (.*?)\)", lines[2]).group(1))
    sphere = np.diag([1, np.sin(point[0]) ** 2, (np.sin(point[0]) * np.sin(point[1])) ** 2]) * a**2
    np.testing.assert_allclose(ricci, 2 / a**2 * sphere, atol=1e-14)


def test_a_typed_metric_with_functions_and_constants(folder):
    words = ["--coordinates", "t r", "--functions", "f:r", "u:t r", "--constants", "lambda k", "--positive", "r"]
    element = ["--line-element", "-f'^2*exp(2*u)*dt^2 + lambda*dr^2"]
    assert main(["generate", *words, *element, "--quantities", "scalar", "metric", "--out", "mine.py"]) == 0
    module = written(folder / "mine.py")
    x = jnp.array([0.3, 0.7])

    def u(t, r):
        return jnp.sin(t) * r**2

    def scalar(t, r, lam):
        # R = -2 w_ss/w with w = f' e^u along the arc length s = √λ r, and f = r³
        w = lambda y: 3 * y**2 * jnp.exp(u(t, y))  # noqa: E731
        return -2 * jax.grad(jax.grad(w))(r) / (lam * w(r))

    f_jet = jnp.array([0.7**3, 3 * 0.7**2, 6 * 0.7, 6.0])
    t, r = x
    u_jet = jnp.array([u(t, r), jnp.cos(t) * r**2, 2 * jnp.sin(t) * r, -u(t, r), 2 * jnp.cos(t) * r, 2 * jnp.sin(t)])
    np.testing.assert_allclose(module.scalar(x, 1.3, 0.0, f_jet, u_jet)[0], scalar(*x, 1.3), rtol=1e-12)
    text = (folder / "mine.py").read_text(encoding="utf-8")
    assert "lambda_: one number" in text
    assert "f_value, f_r, f_rr, f_rrr" in text
    assert remade(text) == text
    assert "--positive r" in text
    runpy.run_path("mine.py", run_name="__main__")  # the metric takes fewer derivatives of f


def test_a_frame(folder):
    """SU(2) with its left-invariant metric of radii √A, √B, √C, by Milnor (1976)."""
    Generate(what="su-2", quantities=("ricci",), out=folder / "new" / "su_2.py").run()
    module = written(folder / "new" / "su_2.py")
    A, B, C = 1.1, 1.7, 2.3
    found = module.full(module.ricci(np.zeros(3), A, B, C), "symmetric", 3)
    expected = [2 * (x**2 - (y - z) ** 2) / (y * z) for x, y, z in ((A, B, C), (B, C, A), (C, A, B))]
    np.testing.assert_allclose(found, np.diag(expected), rtol=1e-13)


def test_jets(folder):
    """A sphere of radius a in the jets of a² (dθ² + sin²θ dφ²): R_1212 = sin²θ a², Γ, and only the jets that occur."""
    assert main(["generate", "--jets", "2", "--quantities", "riemann", "christoffel", "inverse"]) == 0
    module = written(folder / "jets_2.py")
    a, theta = 1.3, 0.7
    sin, cos = np.sin(theta), np.cos(theta)
    g = a**2 * np.array([1, 0, sin**2])
    dg = a**2 * np.array([[0, 0], [0, 0], [2 * sin * cos, 0]])
    ddg = a**2 * np.array([[0, 0, 0], [0, 0, 0], [2 * (cos**2 - sin**2), 0, 0]])
    np.testing.assert_allclose(module.riemann(g, dg, ddg), [a**2 * sin**2], rtol=1e-13)
    gamma = module.full(module.christoffel(g, dg), "connection", 2)
    expected = np.zeros((2, 2, 2))
    expected[0, 1, 1], expected[1, 0, 1], expected[1, 1, 0] = -sin * cos, cos / sin, cos / sin
    np.testing.assert_allclose(gamma, expected, atol=1e-14)
    np.testing.assert_allclose(module.inverse(g), np.array([1, 0, 1 / sin**2]) / a**2, rtol=1e-13)
    text = (folder / "jets_2.py").read_text(encoding="utf-8")
    assert "ddg_11_00" in text
    assert remade(text) == text


def test_jets_agree_with_a_chart(folder):
    """A general 3-metric in two ways: its jets, and its six functions, whose jets are the same numbers."""
    Generate(jets=3, quantities=("ricci",), derivatives=False).run()
    Generate(what="general-2", quantities=("ricci", "christoffel"), derivatives=False).run()
    jets, chart = written(folder / "jets_3.py"), written(folder / "general_2.py")
    e, f, g = (np.random.default_rng(i).uniform(0.2, 0.4, 6) + c * np.eye(6)[0] for i, c in enumerate((2, 0, 2)))
    # g_ij dx^i dx^j + dz^2
    packed, slopes, bends = np.zeros(6), np.zeros((6, 3)), np.zeros((6, 6))
    packed[5] = 1
    for place, function in ((0, e), (1, f), (3, g)):
        packed[place], slopes[place, :2] = function[0], function[1:3]
        bends[place, [0, 1, 3]] = function[3:]
    found = jets.ricci(packed, slopes, bends)
    np.testing.assert_allclose(found[jnp.array([0, 1, 3])], chart.ricci(np.zeros(2), e, f, g), rtol=1e-12)
    np.testing.assert_allclose(found[jnp.array([2, 4, 5])], 0, atol=1e-14)


def test_without_derivatives(folder):
    made = Generate(what="cigar", quantities=("scalar", "ricci", "scalar"), derivatives=False).run()
    text = (folder / "cigar.py").read_text(encoding="utf-8")
    assert "_forward" not in text.split("# --- generated functions")[1]
    assert "--no-derivatives" in text
    assert text.count("def scalar(") == 1
    assert remade(text) == text
    assert "backward" not in str(made.card)
    module = written(folder / "cigar.py")
    grad = jax.grad(lambda x: module.scalar(x)[0])(jnp.array([0.3, 0.4]))  # by JAX: R = 4/(1 + x² + y²)
    np.testing.assert_allclose(grad, -8 * np.array([0.3, 0.4]) / 1.25**2, rtol=1e-12)


# --- the check ---------------------------------------------------------------------------------------------------


def test_a_wrong_program_is_not_written(folder, monkeypatch, capsys):
    def wrong(metric, name, **options):
        program = metric_program(metric, name, **options)
        return replace(program, outputs=program.outputs[::-1])

    monkeypatch.setattr(generate, "metric_program", wrong)
    assert main(["generate", "sphere-2", "--quantities", "ricci"]) == 2
    assert "The generated `ricci` differs from the exact values by" in capsys.readouterr().err
    assert list(folder.iterdir()) == []


def test_the_check_is_relative_and_sees_nan():
    made = Generate(what="sphere-2", quantities=("ricci",)).compute()
    exact = [float(v) for v in re.search(r"_check\(.*?\n +\[(.*?)\]\)", made.text, re.DOTALL).group(1).split(",")]
    assert checked(made.text, made.programs, made.at, {"ricci": exact}) < 1e-14
    assert 1e-12 < checked(made.text, made.programs, made.at, {"ricci": [exact[0] + 1e-11, *exact[1:]]}) < 1e-10
    for wrong in ([exact[0] + 1e-8, *exact[1:]], [float("nan"), *exact[1:]]):
        with pytest.raises(GenerationError, match="differs"):
            checked(made.text, made.programs, made.at, {"ricci": wrong})


# --- refusals ----------------------------------------------------------------------------------------------------


def test_a_file_is_not_overwritten_unless_forced(folder, capsys):
    (folder / "cigar.py").write_text("mine")
    assert main(["generate", "cigar"]) == 2
    assert "`cigar.py` exists. Add --force" in capsys.readouterr().err
    assert (folder / "cigar.py").read_text() == "mine"
    assert main(["generate", "cigar", "--quantities", "ricc"]) == 2
    assert "Did you mean `ricci`" in capsys.readouterr().err  # what cannot be is said first
    assert main(["generate", "cigar", "--quantities", "scalar", "--force"]) == 0
    assert "def scalar" in (folder / "cigar.py").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("options", "error", "sentence"),
    [
        ({}, ArgumentError, "Name one space, as in `geomflow generate kerr`"),
        ({"what": "kerrr"}, CatalogueError, "Did you mean `kerr`"),
        ({"what": "kerr", "quantities": ("ricc",)}, CatalogueError, "Did you mean `ricci`"),
        ({"what": "kerr", "quantities": ()}, ArgumentError, "Name what to generate"),
        ({"what": "cigar", "quantities": ("weyl",)}, ArgumentError, "needs dimension 3 or more"),
        ({"jets": 2, "quantities": ("weyl",)}, ArgumentError, "needs dimension 3 or more"),
        ({"jets": -1}, ArgumentError, "at least 1, but is -1"),
        ({"jets": 2, "what": "kerr"}, ArgumentError, "Leave the space and the line element out"),
        ({"jets": 2, "positive": "r"}, ArgumentError, "Leave the space and the line element out"),
        ({"line_element": "dx^2 + I*dy^2", "coordinates": "x y"}, ArgumentError, "are not real"),
        ({"line_element": "dx^2 + q*dy^2", "coordinates": "x y"}, GeomflowError, "`q`"),
        ({"line_element": "sqrt(-1 - c^2)*dx^2", "coordinates": "x", "constants": "c"}, GeomflowError, "real"),
        ({"what": "kerr", "out": "math.py"}, ArgumentError, "would hide the module `math`"),
        ({"what": "kerr", "out": "numpy.py"}, ArgumentError, "would hide the module `numpy`"),
        ({"what": "kerr", "out": "a-b.py"}, ArgumentError, "a module that Python can import"),
        ({"what": "kerr", "out": "class.py"}, ArgumentError, "a module that Python can import"),
        ({"what": "kerr", "out": "kerr.txt"}, ArgumentError, "a module that Python can import"),
        ({"what": "cigar", "out": "file/x.py"}, OutputError, "cannot be written"),
    ],
)
def test_refusals_are_sentences_and_nothing_is_written(folder, options, error, sentence):
    (folder / "file").write_text("")
    options = options | ({"out": folder / options["out"]} if "out" in options else {})
    with pytest.raises(error, match=re.escape(sentence)):
        Generate(**options).run()
    assert [p.name for p in folder.iterdir()] == ["file"]


@pytest.mark.slow
@pytest.mark.parametrize("name", [n for n in SPACES.names() if n not in ("cp-3", "sphere-5")])
def test_every_space_of_the_catalogue(name):
    made = Generate(what=name, quantities=("ricci", "christoffel", "scalar"), derivatives=False).compute()
    assert made.card.verdicts[0][0] == "verified"
