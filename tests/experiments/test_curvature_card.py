"""`geomflow curvature`: the card, typed metrics, solitons, the LaTeX document, and the refusals."""

import re
import shutil
import subprocess

import pytest

from geomflow.cli import main
from geomflow.core.errors import ArgumentError, CatalogueError, GeomflowError
from geomflow.experiments.curvature import TENSORS, CurvatureOf, independent


def rows(card):
    """Return the first section of a card as a dictionary."""
    found = {}
    for line in str(card).splitlines():
        match = re.match(r"  (\S.*?)  +(\S.*?)(?:  +(.*))?$", line)
        if match:
            found.setdefault(match.group(1), (match.group(2), match.group(3) or ""))
    return found


def typed(element, coordinates="x y", **options):
    return CurvatureOf(line_element=element, coordinates=coordinates, **options)


def test_schwarzschild():
    result = CurvatureOf(what="schwarzschild").compute()
    found = rows(result.card)
    assert found["signature"][0] == "-+++"
    assert found["scalar curvature R"][0] == "0"
    assert found["Ricci-flat"][0] == "yes"
    assert found["Einstein"] == ("yes", "Ric = (0) g")
    assert found["constant curvature"][0] == "no"
    assert found["conformally flat"][0] == "no"
    assert found["Bach-flat"][0] == "yes"
    assert found["Kretschmann |Rm|^2"][0] == "48*M^2/r^6"
    assert all(f.holds for f in result.findings)
    assert {word for word, _ in result.card.verdicts} == {"verified"}
    sentences = [sentence for _, sentence in result.card.verdicts]
    assert "Ric = 0." in sentences
    assert any(s.startswith("the identities: ") and "nabla^i R_ij = d_j R / 2" in s for s in sentences)
    assert f"{len(result.findings)} statements checked" in str(result.card)


def test_the_classes_a_metric_belongs_to():
    sphere = rows(CurvatureOf(what="sphere-3").compute().card)
    assert sphere["Einstein"] == ("yes", "Ric = (2/a^2) g")
    assert sphere["constant curvature"] == ("yes", "K = a^(-2)")
    assert sphere["conformally flat"][0] == "yes"
    assert "Bach-flat" not in sphere
    product = rows(CurvatureOf(what="sphere-2-sphere-2").compute().card)
    assert [product[k][0] for k in ("Einstein", "constant curvature", "conformally flat", "Bach-flat")] == ["no"] * 4
    plane = rows(typed("exp(2*u)*(dx^2 + dy^2)", functions=("u:x y",)).compute().card)
    assert "conformally flat" not in plane
    assert plane["Einstein"][0] == "no"  # R is not constant


def test_a_complex_metric_has_no_signature():
    assert rows(typed("dx^2 + 0.5*dy^2 + I*dx*dy").compute().card)["signature"][0] == "complex"
    assert rows(typed("f*dx^2 + I*dy^2", functions=("f:x",)).compute().card)["signature"][0] == "complex"


def test_a_typed_metric_with_an_unknown_function():
    result = typed("dr^2 + f(r)^2*dtheta^2", "r theta", functions=("f:r",)).compute()
    found = rows(result.card)
    assert found["line element"][0] == "dr^2 + f^2*dtheta^2"
    assert found["signature"] == ("open", "it depends on the unknown functions")
    assert found["scalar curvature R"][0] == "-2*f''/f"
    assert result.findings == []
    assert result.card.verdicts == []


def test_a_typed_metric_without_functions_has_a_signature():
    assert rows(typed("-dt^2 + a^2*dx^2", "t x", constants="a").compute().card)["signature"][0] == "-+"


@pytest.mark.parametrize(
    ("options", "verdict"),
    [
        ({"soliton": "-log(1 + x^2 + y^2)"}, "verified"),
        ({"soliton": "log(1 + x^2 + y^2)"}, "refuted"),
        ({"soliton": "-log(1 + x^2 + y^2)", "lam": "1"}, "refuted"),
        ({"along": "-2*x*d_x - 2*y*d_y"}, "verified"),
        ({"along": "x*d_x + y*d_y"}, "refuted"),
    ],
)
def test_solitons(options, verdict):
    ((word, sentence),) = typed("(dx^2 + dy^2)/(1 + x^2 + y^2)", **options).compute().card.verdicts
    assert word == verdict
    assert ("of the difference is" in sentence) is (verdict == "refuted")


def test_shown_components():
    card = str(CurvatureOf(what="kerr", show=("ricci", "weyl")).compute().card)
    assert "ricci, independent components that do not vanish\n  all " in card
    assert "_t _r _t _r" in card
    assert "_r _t _t _r" not in card
    frame = str(CurvatureOf(what="su-2", show=("riemann",)).compute().card)
    assert "_1 _2 _1 _2" in frame


@pytest.mark.parametrize("name", TENSORS)
def test_independent_components_give_all_of_them(name):
    """No component that does not vanish is lost: each one not listed is related by a symmetry to one that is."""
    metric = CurvatureOf(what="doubly-warped").space().metric
    listed = {index for _, index in independent(metric, name)}
    tensor = getattr(metric, name)()
    assert all(not tensor.components[index].is_zero() for index in listed)

    def images(i):
        if name == "christoffel":
            return {i, (i[0], i[2], i[1])}
        if len(i) == 2:
            return {i, i[::-1]}
        if len(i) == 3:
            return {i, (i[0], i[2], i[1])}
        pairs = [(i[:2], i[2:]), (i[2:], i[:2])]
        return {a + b for p, q in pairs for a in (p, p[::-1]) for b in (q, q[::-1])}

    for index, _ in tensor.nonzero():
        assert len(images(index) & listed) == 1


def test_what_is_too_long_is_counted():
    card = str(CurvatureOf(what="general-3").compute().card)
    assert "a fraction with" in card
    assert len(card) < 3000


def check_latex(path):
    text = path.read_text(encoding="utf-8")
    assert text.startswith(r"\documentclass")
    assert text.rstrip().endswith(r"\end{document}")
    assert text.count(r"\begin{align*}") == text.count(r"\end{align*}") >= 2
    assert text.count("{") == text.count("}")
    return text


def test_the_document(tmp_path, capsys):
    main(["curvature", "schwarzschild", "--show", "ricci", "riemann", "--out", str(tmp_path)])
    assert "LaTeX: " in capsys.readouterr().out
    text = check_latex(tmp_path / "schwarzschild.tex")
    assert "All components vanish." in text
    assert r"R{}_{t}{}_{r}{}_{t}{}_{r} &= " in text
    assert r"\subsection*{Christoffel" not in text


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex")
@pytest.mark.parametrize("what", ["kerr", "general-3", "su-2", "pp-wave", "bryant-3"])
def test_the_document_compiles(what, tmp_path):
    CurvatureOf(what=what, out=tmp_path).run()
    check_latex(tmp_path / f"{what}.tex")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", f"{what}.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace")
    assert done.returncode == 0, done.stdout[-2000:]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({}, "Name one space"),
        ({"what": "kerr", "line_element": "dx^2"}, "Name one space"),
        ({"line_element": "dx^2"}, "Name the coordinates"),
        (
            {"line_element": "dx^2", "coordinates": "x", "functions": ("f",)},
            'A function is given as "name:coordinates"',
        ),
        ({"what": "kerr", "coordinates": "x y"}, "--coordinates are for a metric of your own"),
        ({"what": "kerr", "constants": "M", "functions": ("f:r",)}, "--constants and --functions are for"),
        ({"what": "kerr", "positive": "r"}, "`kerr` has its own"),
        ({"what": "kerr", "show": ("rici",)}, "no tensor called `rici`"),
        ({"what": "cigar", "show": ("bach",)}, "dimension"),
    ],
)
def test_refusals(options, sentence):
    with pytest.raises(ArgumentError, match=re.escape(sentence)):
        CurvatureOf(**options).compute()


@pytest.mark.parametrize(
    "options",
    [
        {"line_element": "dx^2 + dz^2", "coordinates": "x y"},
        {"line_element": "dx^2", "coordinates": "x y"},
        {"line_element": "dx^2 + q*dy^2", "coordinates": "x y"},
        {"line_element": "dx^2 + dy^2", "coordinates": "x y", "soliton": "q"},
        {"line_element": "dx^2 + dy^2", "coordinates": "x y", "along": "x"},
        {"line_element": "dx^2 +", "coordinates": "x y"},
    ],
)
def test_bad_input_is_a_sentence(options):
    with pytest.raises(GeomflowError) as caught:
        CurvatureOf(**options).compute()
    message = str(caught.value)
    assert len(message) > 30
    assert message.endswith((".", "?"))


def test_an_unknown_space_is_answered_with_the_closest():
    with pytest.raises(CatalogueError, match="Did you mean `kerr`"):
        CurvatureOf(what="kerrr").compute()


def test_the_command_line(capsys):
    assert (
        main(["curvature", "--coordinates", "r theta", "--functions", "f:r", "--line-element", "dr^2 + f^2*dtheta^2"])
        == 0
    )
    assert "-2*f''/f" in capsys.readouterr().out
    assert main(["curvature", "--coordinates", "t x", "--line-element", "-dt^2 + dx^2", "--lambda", "-1"]) == 0
    assert "-dt^2 + dx^2" in capsys.readouterr().out
    assert main(["curvature", "cigar", "--soliton", "-log(1 + x^2 + y^2)", "--lambda", "1"]) == 0
    assert "refuted" in capsys.readouterr().out
    assert main(["curvature", "kerrr"]) == 2
    assert capsys.readouterr().err.startswith("geomflow: ")
