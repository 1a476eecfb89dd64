"""LaTeX as plain text, long sums over several lines, and documents that compile without running off the page."""

import re
import shutil
import subprocess

import pytest

from geomflow.functionals import FUNCTIONALS
from geomflow.symbolic.abstract.identities import curvature_derivation, curvature_identities
from geomflow.symbolic.certificates.check import certify_equal
from geomflow.symbolic.derivation import Derivation, document
from geomflow.symbolic.plain import broken, plain, width


@pytest.mark.parametrize(
    ("latex", "text"),
    [
        (r"\tfrac{1}{2} \nabla_{i} f", "1/2 ∇_i f"),
        (r"\left(n - 1\right) R_{ij}{}^{kl}", "(n - 1) R_ij^kl"),
        (r"\int R\, e^{- f}\, dV", "∫ R e^(-f) dV"),
        (r"\frac{d\mathcal{F}}{dt}", "dF/dt"),
        (r"\frac{a + b}{2}", "(a + b)/2"),
        (r"2 \tau |\mathrm{Ric}|^{2}", "2 τ |Ric|²"),
        (r"\lambda \le \Lambda", "λ ≤ Λ"),
        (r"\sqrt{x}", "√x"),
        (r"$\delta\,dV = \tfrac12 \operatorname{tr} v\,dV$", "δ dV = 1/2 tr v dV"),
        (r"x^{10}_{a}", "x¹⁰_a"),
        (r"g_{z\bar z} = \partial_z \partial_{\bar z} K", "g_zz̄ = ∂_z ∂_z̄ K"),
        (r"K\"ahler", "K\N{LATIN SMALL LETTER A WITH DIAERESIS}hler"),
    ],
)
def test_plain_text(latex, text):
    assert plain(latex) == text


def test_sums_are_broken_before_a_sign():
    terms = [rf"\tfrac{{1}}{{{k}}} \nabla_{{i}} v_{{jk}}" for k in range(2, 22)]
    latex = " + ".join(terms)
    lines = broken(latex, 60)
    assert "".join(lines) == latex
    assert len(lines) > 2
    assert all(line.startswith("+ ") for line in lines[1:])
    assert max(map(width, lines)) <= 60
    assert broken("a + b", 60) == ["a + b"]
    # Inside brackets only where nothing else helps, and then with brackets that may be broken.
    inside = broken(rf"\int \left({latex}\right) dV", 60)
    assert len(inside) > 2
    assert r"\left" not in "".join(inside)
    assert r"\bigl(" in inside[0]
    assert r"\bigr)" in inside[-1]
    few = broken(r"\left(a + b\right) x + \left(c + d\right) y", 5)
    assert few[0].strip() in (r"\left(a + b\right) x", r"\bigl(a", r"\bigl(a + b\bigr) x")


def test_plain_text_of_steps():
    derivation = Derivation("A title with $\\nabla f$")
    derivation.add(r"\nabla_{i} f", "from the LaTeX", lhs="x")
    derivation.add(r"\nabla_{i} f", "given", lhs="x", text="x = df")
    assert derivation.plain_title == "A title with ∇f"
    assert derivation.text() == "  1. from the LaTeX\n     x = ∇_i f\n  2. given\n     x = df"
    long = Derivation("long")
    long.add(" + ".join(["R"] * 100), "many", lhs="x")
    assert all(len(line) <= 80 for line in long.text(columns=80).splitlines())


def compiled(latex, folder):
    (folder / "a.tex").write_text(latex, encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "a.tex"]
    return subprocess.run(command, cwd=folder, capture_output=True, check=False)


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_documents_compile_and_stay_on_the_page(tmp_path):
    names = ("perelman-w", "ricci-squared", "calabi")
    derivations = [FUNCTIONALS[name].variation().derivation for name in names]
    done = compiled(document(curvature_derivation(), *derivations, title="All"), tmp_path)
    log = done.stdout.decode(errors="replace")
    assert done.returncode == 0, log[-2000:]
    overfull = [float(points) for points in re.findall(r"Overfull \\hbox \(([\d.]+)pt", log)]
    assert all(points < 20 for points in overfull)  # of 740 pt


@pytest.mark.parametrize("dim", [2, 3, 4])
def test_the_identities_of_curvature(dim):
    for identity in curvature_identities():
        assert certify_equal(str(identity), identity.left, identity.right, dim).residual == "0"
    known = {identity.reason: str(identity.right) for identity in curvature_identities()}
    assert known["first Bianchi identity"] == known["second Bianchi identity"] == known["no torsion"] == "0"
    assert known["contracted twice"] == "(1/2) ∇_j R"
