"""`geomflow derive`: the gradients on the card, the LaTeX on disk, and the refusals."""

import pytest

from geomflow.cli import main
from geomflow.core.errors import ArgumentError, CatalogueError, DerivationError
from geomflow.experiments.derive import Derive


def balanced(text):
    unescaped = text.replace(r"\{", "").replace(r"\}", "")
    return unescaped.count("{") == unescaped.count("}")


def check_latex(path):
    text = path.read_text(encoding="utf-8")
    assert text.startswith(r"\documentclass")
    assert text.rstrip().endswith(r"\end{document}")
    assert text.count(r"\begin{align*}") == text.count(r"\end{align*}") == 1
    assert balanced(text)
    assert text.count(r"\left") == text.count(r"\right")


def test_perelman_f(tmp_path, capsys):
    derived = Derive(what="perelman-f", out=tmp_path / "new").run()
    out = capsys.readouterr().out
    assert str(derived.card) in out
    assert derived.derivation.text() in out
    card = str(derived.card)
    assert "-Ric^ij - ∇^i ∇^j f" in card  # at fixed dm; its sign is the direction of the flow
    assert "residual 0" in card
    assert [word for word, _ in derived.card.verdicts] == ["verified"]
    check_latex(tmp_path / "new" / "perelman-f.tex")
    assert "perelman-f.tex" in out.replace("\n", "").replace(" ", "")


def test_cos_net(tmp_path):
    derived = Derive(what="cos-net", dim=1, out=tmp_path).run()
    card = str(derived.card)
    for row in ("nngp", "last layer ntk", "full ntk", "finite width variance", "operator on the torus"):
        assert row in card
    assert "exp(-(x1 - y1)**2/(2*sigma**2))" in card
    assert "Delta*sigma**2/2" in card
    check_latex(tmp_path / "cos-net.tex")


def test_a_typed_density_with_a_weight(tmp_path):
    """F typed by hand is F of the catalogue."""
    typed = Derive(density="R + |grad f|^2", weight="f", out=tmp_path).run()
    rows = [line.split("  ")[-1] for line in str(typed.card).splitlines() if "held fixed" in line]
    assert rows == ["-Ric^ij - ∇^i ∇^j f"]
    check_latex(tmp_path / "typed.tex")


def test_a_typed_density_without_a_weight():
    """Hilbert's functional: δ∫R dV = ∫ (R g^ij / 2 - Ric^ij) δg_ij dV."""
    card = str(Derive(density="R", dim=3).derive().card)
    assert "held fixed" not in card
    (row,) = [line for line in card.splitlines() if "gradient in g" in line]
    assert "-Ric^ij" in row
    assert "1/2" in row
    assert "n = 3" in card


@pytest.mark.parametrize("what", ["perelman-g", "cosnet"])
def test_an_unknown_name(what):
    with pytest.raises(CatalogueError, match=f"called `{what}`"):
        Derive(what=what).derive()


@pytest.mark.parametrize("options", [{}, {"what": "perelman-f", "density": "R"}])
def test_one_thing_at_a_time(options):
    with pytest.raises(ArgumentError, match="Name one thing to derive") as caught:
        Derive(**options).derive()
    assert "perelman-f" in str(caught.value)
    assert "cos-net" in str(caught.value)


@pytest.mark.parametrize("density", ["R +", "R + |grad q|^2", "R_ij", "|Ric^2", "R ? 2", "log(R)"])
def test_a_density_that_cannot_be_read(density):
    with pytest.raises(DerivationError) as caught:
        Derive(density=density).derive()
    message = str(caught.value)
    assert message[0].isupper() or message[0] == "`"
    assert message.endswith(".")
    assert len(message) > 30


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
