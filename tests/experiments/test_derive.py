"""`geomflow derive`: results on the card, plain text on the terminal, LaTeX and certificates on disk, refusals."""

import json
import shutil

import pytest

from geomflow.cli import main
from geomflow.core.errors import ArgumentError, CatalogueError, DerivationError
from geomflow.experiments.derive import NAMED, Derive, book
from geomflow.symbolic.certificates.proof import Proof


def balanced(text):
    unescaped = text.replace(r"\{", "").replace(r"\}", "")
    return unescaped.count("{") == unescaped.count("}")


def check_latex(path, derivations=1):
    text = path.read_text(encoding="utf-8")
    assert text.startswith(r"\documentclass")
    assert text.rstrip().endswith(r"\end{document}")
    assert text.count(r"\begin{align*}") == text.count(r"\end{align*}") == derivations
    assert balanced(text)
    for opening, closing in ((r"\left", r"\right"), (r"\bigl", r"\bigr")):
        assert text.count(opening) == text.count(closing)


def rows(derived, label):
    text = " ".join(str(derived.card).split())
    return text.split(label, 1)[1].strip()


def test_perelman_f(tmp_path, capsys):
    (derived,) = Derive(what="perelman-f", dim=2, out=tmp_path / "new").run()
    out = capsys.readouterr().out
    assert str(derived.card) in out
    assert derived.text() in out
    assert "\\" not in out  # plain text, no LaTeX on the terminal
    card = str(derived.card)
    assert "-Ric^ij - ∇^i ∇^j f" in card  # at fixed dm; its sign is the direction of the flow
    assert rows(derived, "∂_t g_ij").startswith("-2 Ric_ij - 2 ∇_i ∇_j f ∂_t f -R - Δ f ∂_t dV (-R - Δ f) dV")
    assert rows(derived, "∂_t R").startswith("Δ R - ∇^i R ∇_i f + 2 |Ric|² ")
    assert "∫ (2 |Ric_ij + ∇_i ∇_j f|²) w dV" in card
    assert "TT -1, nT 0, transverse trace -1, nn 1" in card
    assert "ill-posed forward in time: growth +k^2 in the longitudinal mode" in card
    assert "residual 0" in card
    assert [word for word, _ in derived.card.verdicts] == ["verified"]
    check_latex(tmp_path / "new" / "perelman-f.tex", 4)
    assert "perelman-f.tex" in out.replace("\n", "").replace(" ", "")
    records = json.loads((tmp_path / "new" / "perelman-f.json").read_text(encoding="utf-8"))
    assert len(records) == len(derived.certificates) == 4
    assert all(r["residual"] == "0" and r["jets"] and r["components_checked"] for r in records)
    assert {r["seed"] for r in records} == {0}


def test_cos_net(tmp_path):
    (derived,) = Derive(what="cos-net", dim=1, out=tmp_path).run()
    card = str(derived.card)
    for row in ("nngp", "last layer ntk", "full ntk", "finite width variance", "operator on the torus"):
        assert row in card
    assert "exp(-(x1 - y1)**2/(2*sigma**2))" in card
    assert "Delta*sigma**2/2" in card
    check_latex(tmp_path / "cos-net.tex")


@pytest.mark.parametrize("weight", ["f", "exp(-f)", "e^(-f)", "e^-f"])
def test_a_typed_density_with_a_weight(tmp_path, weight):
    """F typed by hand is F of the catalogue."""
    (typed,) = Derive(density="R + |grad f|^2", weight=weight, dim=2, out=tmp_path).run()
    found = [line.split("  ")[-1] for line in str(typed.card).splitlines() if "held fixed" in line]
    assert found == ["-Ric^ij - ∇^i ∇^j f"]
    check_latex(tmp_path / "typed.tex", 4)


def test_typed_fields_and_constants():
    derived = Derive(
        density="R - beta*|grad w|^2", weight="exp(-2*w)", fields=("w",), constants=("beta",), dim=2
    ).derive()
    assert "exp" not in rows(derived, "gradient in w")
    assert "beta" in rows(derived, "gradient in w")
    tensor = Derive(density="R - |dC|^2", fields=("C_i",), dim=2).derive()
    assert "gradient in C" in str(tensor.card)


def test_the_measure_and_the_density_stand_apart():
    text = Derive(density="R", dim=2).derive().text()
    assert "δ E = ∫ [δ (R) + (1/2 tr v) R] dV" in text
    weighted = Derive(density="R", weight="f", dim=2).derive().text()
    assert "δ E = ∫ [δ (R) + (-h + 1/2 tr v) R] e^(-f) dV" in weighted


def test_a_typed_density_without_a_weight():
    """Hilbert's functional: δ∫R dV = ∫ (R g^ij / 2 - Ric^ij) δg_ij dV."""
    derived = Derive(density="R").derive()
    card = str(derived.card)
    assert "held fixed" not in card
    assert rows(derived, "gradient in g").startswith("-Ric^ij + (1/2) R g^ij")
    assert "∂_t g_ij -2 Ric_ij + R g_ij" in " ".join(card.split())
    assert "n = 3" in card


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("conventions", ["∇^i Ric_ij = (1/2) ∇_j R"]),
        ("variation-of-curvature", ["∂_t R -Δ tr v + ∇^i ∇^j v_ij - Ric^ij v_ij"]),
        ("ricci-flow", ["∂_t R Δ R + 2 |Ric|²", "∂_t dV -R dV", "∂_t |Riem|² Δ |Riem|² - 2 |∇Riem|²"]),
        ("perelman-monotonicity", ["∫ 2 tau |-(1/(2 tau)) g_ij + Ric_ij + ∇_i ∇_j f|² w dV"]),
        ("deturck", ["a, b 1, -1/2", "strictly parabolic"]),
        ("stability", ["transverse trace n - 2, nn 0", "degenerate exactly in the directions of diffeomorphisms"]),
        ("kaehler-ricci", ["∂_t K log det ∂∂̄K + λ K", "identically in the unknown functions, n = 1, 2, a symbol"]),
        ("neckpinch", ["a' -8 a²", "1 - 1/(2 τ)"]),
    ],
)
def test_named_derivations(name, expected):
    derived = Derive(what=name, dim=2, seed=3).derive()
    text = " ".join(str(derived.card).split())
    for piece in expected:
        assert piece in text
    assert "residual 0" in text
    assert derived.certificates
    drawn = [c for c in derived.certificates if not isinstance(c, Proof)]  # a proof draws no jets
    assert {c.seed for c in drawn} == (set() if name in ("kaehler-ricci", "neckpinch") else {3})
    assert "\\" not in derived.text() + text


def test_every_named_derivation_is_tested():
    tested = next(m for m in test_named_derivations.pytestmark if m.name == "parametrize").args[1]
    assert sorted(name for name, _ in tested) == sorted(NAMED)


NAMES = ("deturck", "kaehler-ricci", "perelman-f", "cos-net")


def test_everything_in_one_document(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("geomflow.experiments.derive.run.everything", lambda: list(NAMES))
    parts = Derive(all=True, out=tmp_path).run()
    out = capsys.readouterr().out
    assert [part.name for part in parts] == list(NAMES)
    check_latex(tmp_path / "derivations.tex", sum(len(part.derivations) for part in parts))
    text = (tmp_path / "derivations.tex").read_text(encoding="utf-8")
    assert r"\tableofcontents" in text
    records = json.loads((tmp_path / "derivations.json").read_text(encoding="utf-8"))
    assert {record["derivation"] for record in records} == {"deturck", "kaehler-ricci", "perelman-f"}
    proofs = [record for record in records if record["derivation"] == "kaehler-ricci"]
    assert {record["residual"] for record in records} == {"0"}
    assert all(record["holds_for"] and "seed" not in record for record in proofs)
    assert "every residual 0" in out
    if shutil.which("pdflatex"):
        assert (tmp_path / "derivations.pdf").read_bytes().startswith(b"%PDF")


def test_without_latex_it_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(book.shutil, "which", lambda program: None)
    (derived,) = Derive(what="deturck", dim=2, out=tmp_path).run()
    assert "No PDF: pdflatex is not installed." in str(derived.card)
    assert not (tmp_path / "deturck.pdf").exists()
    check_latex(tmp_path / "deturck.tex", 2)


@pytest.mark.parametrize("what", ["perelman-g", "cosnet"])
def test_an_unknown_name(what):
    with pytest.raises(CatalogueError, match=f"called `{what}`"):
        Derive(what=what).derive()


@pytest.mark.parametrize(
    "options",
    [{}, {"what": "perelman-f", "density": "R"}, {"what": "deturck", "all": True}, {"density": "R", "all": True}],
)
def test_one_thing_at_a_time(options):
    with pytest.raises(ArgumentError, match="Name one thing to derive") as caught:
        Derive(**options).run()
    assert "perelman-f" in str(caught.value)
    assert "ricci-flow" in str(caught.value)
    assert "cos-net" in str(caught.value)


@pytest.mark.parametrize("density", ["R +", "R + |grad q|^2", "R_ij", "|Ric^2", "R ? 2", "log(R)"])
def test_a_density_that_cannot_be_read(density):
    with pytest.raises(DerivationError) as caught:
        Derive(density=density).derive()
    message = str(caught.value)
    assert message[0].isupper() or message[0] == "`"
    assert message.endswith(".")
    assert len(message) > 30


@pytest.mark.parametrize("weight", ["R", "exp(f*f)", "exp(f + u)", "exp(2)", "A"])
def test_a_weight_that_is_none(weight):
    with pytest.raises((ArgumentError, DerivationError)) as caught:
        Derive(density="R", weight=weight).derive()
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize(
    ("weight", "sentence"),
    [
        ("exp(f)", r"`exp\(f\)` has k = 1"),
        ("exp(-alpha*f)", "has k = -alpha"),
        ("q", "`q` in the weight `q` is unknown"),
        ("exp(-2*q)", r"`q` in the exponent of the weight `-2\*q` is unknown"),
    ],
)
def test_the_error_quotes_the_weight_as_it_was_typed(weight, sentence):
    with pytest.raises((ArgumentError, DerivationError), match=sentence):
        Derive(density="R", weight=weight).derive()


def test_only_the_variation():
    derived = Derive(density="R + |grad f|^2", weight="f", dim=2, only_variation=True).derive()
    card = str(derived.card)
    assert "gradient in g" in card
    assert "residual 0" in card
    assert "symbol" not in card
    assert len(derived.derivations) == 1
    with pytest.raises(ArgumentError, match="has no first variation"):
        Derive(what="deturck", only_variation=True).derive()


@pytest.mark.parametrize("dim", [0, -1])
def test_a_dimension_that_is_none(dim):
    with pytest.raises(ArgumentError, match="must be at least 1"):
        Derive(what="hilbert", dim=dim).derive()


def test_the_command_line(capsys, tmp_path):
    assert main(["derive", "cos-net", "--dim", "1"]) == 0
    assert "derive cos-net, input dimension 1" in capsys.readouterr().out
    assert main(["derive", "--density", "R + |grad q|^2"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("geomflow: ")
    (tmp_path / "file").write_text("")
    assert main(["derive", "cos-net", "--dim", "1", "--out", str(tmp_path / "file")]) == 2
    assert "cannot be written" in capsys.readouterr().err


def test_a_misspelt_kernel_is_answered_with_kernels():
    with pytest.raises(CatalogueError, match="`cos-net`"):
        Derive(what="cosnet").derive()
