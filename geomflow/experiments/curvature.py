r"""`geomflow curvature`: the exact curvature of a metric, of the catalogue or typed, on a card and as LaTeX."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, cast

import numpy as np
import sympy as sp
import tyro
from sympy.core.function import AppliedUndef

from geomflow.core.card import Card
from geomflow.core.errors import ArgumentError
from geomflow.core.store import atomic_write, ensure_writable
from geomflow.metrics.spaces import SPACES, TRUTHS, Finding, Space
from geomflow.metrics.spaces.truths.identity import signs
from geomflow.metrics.spaces.truths.reading import vector
from geomflow.symbolic.charts.chart import Chart
from geomflow.symbolic.charts.line_element import line_element
from geomflow.symbolic.charts.metric import Metric
from geomflow.symbolic.charts.tensor import Tensor
from geomflow.symbolic.field.printing import latex
from geomflow.symbolic.plain import broken

Name = Literal["christoffel", "riemann", "ricci", "einstein", "schouten", "weyl", "cotton", "bach"]

#: Letters of an expression shown on the card; the LaTeX document has it whole.
_MOST = 300
#: Terms of a numerator beyond which an expression is counted and not printed.
_MOST_TERMS = 250
#: Width of a line of the LaTeX document, in letters.
_LINE = 105


def _pair_symmetric(a: int, b: int, c: int, d: int) -> bool:
    return a < b and c < d and (a, b) <= (c, d)


#: The symbol of each tensor, and which components are independent.
TENSORS: dict[str, tuple[str, Callable[..., bool]]] = {
    "christoffel": (r"\Gamma", lambda k, i, j: True),
    "riemann": ("R", _pair_symmetric),
    "ricci": ("R", lambda i, j: i <= j),
    "einstein": ("G", lambda i, j: i <= j),
    "schouten": ("P", lambda i, j: i <= j),
    "weyl": ("W", _pair_symmetric),
    "cotton": ("C", lambda i, j, k: j < k),
    "bach": ("B", lambda i, j: i <= j),
}


@dataclass(frozen=True)
class CurvatureResult:
    r"""The metric, the card that sums up its curvature, and the truths that were checked."""

    metric: Metric
    card: Card
    findings: list[Finding] = field(default_factory=list)


@dataclass(frozen=True)
class CurvatureOf:
    r"""Show the exact curvature of a space of the catalogue, or of a metric of your own, and check what is known."""

    what: Annotated[str, tyro.conf.Positional] = ""
    """A name from `geomflow list spaces`, such as kerr."""
    line_element: str = ""
    """A metric of your own: "dr^2 + f(r)^2*dtheta^2"."""
    coordinates: str = ""
    """Its coordinates: "r theta"."""
    constants: str = ""
    """Its constants: "M a"."""
    functions: tuple[str, ...] = ()
    """Its unknown functions with what they depend on: "f:r" "u:x y"."""
    positive: str = ""
    """Coordinates and constants that are positive."""
    show: tuple[Name, ...] = ()
    """Tensors whose components are printed; in the LaTeX document, by default, christoffel, riemann and ricci."""
    soliton: str = ""
    """A potential f: check Ric + Hess f = λ g."""
    along: str = ""
    """A vector field X such as "x*d_x + y*d_y": check Ric + L_X g / 2 = λ g."""
    lam: Annotated[str, tyro.conf.arg(name="lambda")] = "0"
    """The λ of --soliton and --along."""
    out: Path | None = None
    """Folder for the LaTeX document."""

    def space(self) -> Space:
        r"""Return the space asked for; a typed metric is a space without truths of its own.

        Raises:
            ArgumentError: neither or both of a name and a line element, or no coordinates, or an unreadable function.
            CatalogueError: no space has this name.
        """
        options = (self.line_element, self.coordinates, self.constants, self.functions, self.positive)
        return chosen("curvature", self.what, *options)

    def compute(self) -> CurvatureResult:
        r"""Return the card with everything that was found.

        Raises:
            GeomflowError: see `space`; or a metric, potential or field that cannot be read.
        """
        start = time.perf_counter()
        space = self.space()
        metric = space.metric
        card = Card(f"curvature of {space.name}")
        if space.note:
            card.text(space.note)
        card.row("line element", _line_element(metric))
        card.row("signature", *_signature(space))
        for row in _scalars(metric):
            card.row(*row)
        for name in self.show:
            card.section(f"{name}, independent components that do not vanish")
            rows = [(_marks(tensor, index), _shown(tensor, index)) for tensor, index in independent(metric, name)]
            for label, shown in rows or [("all", "0")]:
                card.row(label, shown)
        findings = list(space.verify()) if self.what else []
        self._judge(card, metric, findings)
        seconds = time.perf_counter() - start
        card.text(f"{len(findings)} statements checked, exact, {seconds:.2f} s." if findings else f"{seconds:.2f} s.")
        return CurvatureResult(metric, card, findings)

    def run(self) -> CurvatureResult:
        r"""Compute, print the card, and write the LaTeX document if a folder is given."""
        result = self.compute()
        if self.out is not None:
            path = ensure_writable(self.out) / f"{self.what or 'typed'}.tex"
            shown = self.show or ("christoffel", "riemann", "ricci")
            atomic_write(path, document(self.what or "a typed metric", result.metric, shown).encode())
            result.card.text(f"LaTeX: {path}")
        result.card.show()
        return result

    def _judge(self, card: Card, metric: Metric, findings: list[Finding]) -> None:
        equations = []
        if self.soliton:
            words = f"Ric + Hess f = ({self.lam}) g with f = {self.soliton}"
            equations.append((words, metric.gradient_soliton(self.soliton, self.lam)))
        if self.along:
            words = f"Ric + L_X g / 2 = ({self.lam}) g with X = {self.along}"
            equations.append((words, metric.soliton(vector(metric, self.along), self.lam)))
        for words, residual in equations:
            if residual.is_zero():
                card.verdict("verified", f"{words}.")
            else:
                index, _ = next(residual.nonzero())
                where = ", ".join(metric.labels[i] for i in index)
                card.verdict(
                    "refuted", f"{words}: the component ({where}) of the difference is {_shown(residual, index)}."
                )
        for finding in findings:
            if not finding.holds:
                card.verdict("refuted", f"{finding.says}: {finding.difference}.")
            elif TRUTHS[finding.truth].always is None:
                card.verdict("verified", f"{finding.says}.")
        identities = [f.says for f in findings if f.holds and TRUTHS[f.truth].always is not None]
        if identities:
            card.verdict("verified", f"the identities: {'; '.join(identities)}.")


def chosen(
    command: str,
    what: str,
    element: str,
    coordinates: str,
    constants: str,
    functions: tuple[str, ...],
    positive: str,
) -> Space:
    r"""Return the space that the options of a command ask for: one of the catalogue, or a typed metric.

    Raises:
        ArgumentError: neither or both of a name and a line element, or no coordinates, or an unreadable function.
        CatalogueError: no space has this name.
    """
    if bool(what) == bool(element):
        raise ArgumentError(
            f"Name one space, as in `geomflow {command} kerr` (see `geomflow list spaces`), or type a metric, "
            f'as in `geomflow {command} --coordinates "r phi" --line-element "dr^2 + r^2*dphi^2"`.'
        )
    if what:
        given = {
            "--coordinates": coordinates,
            "--constants": constants,
            "--functions": functions,
            "--positive": positive,
        }
        extra = [name for name, value in given.items() if value]
        if extra:
            raise ArgumentError(
                f"{' and '.join(extra)} are for a metric of your own, typed with --line-element; `{what}` "
                "has its own. Leave them out."
            )
        return SPACES[what]
    if not coordinates:
        raise ArgumentError('Name the coordinates of the line element, as in --coordinates "r theta".')
    depends = {}
    for text in functions:
        name, colon, arguments = text.partition(":")
        if not colon:
            raise ArgumentError(f'A function is given as "name:coordinates", such as "f:r", but found "{text}".')
        depends[name.strip()] = arguments.strip()
    chart = Chart(coordinates, constants, depends, positive)
    return Space("typed", lambda: line_element(chart, element), "", "")


# --- what the card says ----------------------------------------------------------------------------------------------


def _text(expression: sp.Expr) -> str:
    # As it is typed: w'' for derivatives by one coordinate, diff(u, x, y) for others, no arguments.
    names: dict[sp.Basic, sp.Symbol] = {}
    for d in expression.atoms(sp.Derivative):
        name, by = d.expr.func.__name__, cast("Any", d.variable_count)
        order = sum(int(n) for _, n in by)
        primes = len(d.expr.args) == 1 and order <= 3
        slots = ", ".join(f"{x}" if n == 1 else f"{x}, {n}" for x, n in by)
        names[d] = sp.Symbol(name + "'" * order if primes else f"diff({name}, {slots})")
    plain = expression.xreplace(names)
    plain = plain.xreplace({f: sp.Symbol(f.func.__name__) for f in plain.atoms(AppliedUndef)})
    return str(plain).replace("**", "^")


def _shown(tensor: Tensor, index: tuple[int, ...] = ()) -> str:
    element = tensor.components[index]
    if len(element.num) > _MOST_TERMS:
        return f"a fraction with {len(element.num)} terms above"
    return _short(_text(tensor.metric.chart.sympy(element)))


def _short(text: str) -> str:
    return text if len(text) <= _MOST else f"{text[:_MOST]}... ({len(text)} letters)"


def _line_element(metric: Metric) -> str:
    # Without the arguments of functions, as it is typed.
    text = metric.line_element()
    for name, function in metric.chart.functions.items():
        text = text.replace(str(function), name)
    return _short(text)


def _signature(space: Space) -> tuple[str, str]:
    if space.signature:
        return space.signature, ""
    if any(space.metric.chart.sympy(e).has(sp.I) for e in space.metric.curvature.matrix.ravel()):
        return "complex", "its components are not real, so it has no signature"
    if space.metric.chart.functions:
        return "open", "it depends on the unknown functions"
    chart, g = space.metric.chart, space.metric.curvature.matrix
    values = np.array([[chart.tower.sample(e) for e in row] for row in g], dtype=float)
    if np.isfinite(values).all():
        found = "".join("-" if v < 0 else "+" for v in np.linalg.eigvalsh(values))
        return found, "where everything is small and positive"
    return signs(space.metric, {}), "where everything is 1"


def _scalars(metric: Metric) -> Iterator[tuple[str, str, str]]:
    n, scalar = metric.dim, metric.scalar()
    ricci, constant = metric.ricci(), scalar.nabla().is_zero()
    yield "scalar curvature R", _shown(scalar), ""
    yield "Ricci-flat", "yes" if ricci.is_zero() else "no", ""
    einstein = constant and (ricci - metric.g() * scalar / n).is_zero()
    yield "Einstein", "yes" if einstein else "no", f"Ric = ({_text((scalar / n).sympy())}) g" if einstein else ""
    if n >= 2:
        curvature = scalar / (n * (n - 1))
        g = metric.g()
        model = ((g * g).transposed(0, 2, 1, 3) - (g * g).transposed(0, 2, 3, 1)) * curvature
        same = einstein and (metric.riemann() - model).is_zero()
        yield "constant curvature", "yes" if same else "no", f"K = {_text(curvature.sympy())}" if same else ""
    if n >= 3:
        flat = metric.weyl().is_zero() if n > 3 else metric.cotton().is_zero()
        yield "conformally flat", "yes" if flat else "no", ""
    if n == 4:
        yield "Bach-flat", "yes" if metric.bach().is_zero() else "no", ""
    yield "Kretschmann |Rm|^2", _shown(metric.kretschmann()), ""


def _tensor(metric: Metric, name: str) -> Tensor:
    if name not in TENSORS:
        raise ArgumentError(f"There is no tensor called `{name}`. Known: {', '.join(TENSORS)}.")
    return getattr(metric, name)()


def independent(metric: Metric, name: str) -> Iterator[tuple[Tensor, tuple[int, ...]]]:
    r"""Yield a tensor with the index of each of its independent components that does not vanish."""
    tensor, wanted = _tensor(metric, name), TENSORS[name][1]
    for index, _ in tensor.nonzero():
        twice = name == "christoffel" and metric.frame is None and index[1] > index[2]
        if wanted(*index) and not twice:
            yield tensor, index


def _marks(tensor: Tensor, index: tuple[int, ...]) -> str:
    return " ".join(("^" if up else "_") + tensor.metric.labels[i] for up, i in zip(tensor.up, index))


# --- the LaTeX document ----------------------------------------------------------------------------------------------


def document(title: str, metric: Metric, names: tuple[str, ...]) -> str:
    r"""Return a LaTeX document that compiles: the line element, scalars, and the tensors named, in aligned displays."""
    scalars = [("R", metric.scalar()), (r"R_{abcd}R^{abcd}", metric.kretschmann())]
    parts = [
        rf"\section*{{The curvature of {title}}}",
        _display([("ds^2", metric.latex())]),
        _display([(symbol, _latex(value)) for symbol, value in scalars]),
    ]
    for name in names:
        rows = [(TENSORS[name][0] + _latex_marks(t, index), _latex(t, index)) for t, index in independent(metric, name)]
        parts.append(rf"\subsection*{{{name.capitalize()}: independent components that do not vanish}}")
        parts.append(_display(rows) if rows else "All components vanish.\n")
    return (
        "\\documentclass[a4paper,11pt]{article}\n"
        "\\usepackage{amsmath,amssymb}\n\\usepackage[landscape,margin=18mm]{geometry}\n\\allowdisplaybreaks\n"
        "\\begin{document}\n" + "\n".join(parts) + "\n\\end{document}\n"
    )


def _latex(tensor: Tensor, index: tuple[int, ...] = ()) -> str:
    element = tensor.components[index]
    if len(element.num) > _MOST_TERMS:
        return rf"\text{{a fraction with {len(element.num)} terms above}}"
    return latex(tensor.metric.chart.sympy(element))


def _latex_marks(tensor: Tensor, index: tuple[int, ...]) -> str:
    names = [sp.latex(sp.Symbol(label)) for label in tensor.metric.labels]
    return "".join(("{}^{" if up else "{}_{") + names[i] + "}" for up, i in zip(tensor.up, index))


def _display(rows: list[tuple[str, str]]) -> str:
    lines = []
    for left, right in rows:
        first, *others = broken(right, _LINE)
        lines.append(rf"{left} &= {first}")
        lines += [rf"&\qquad {more}" for more in others]
    return "\\begin{align*}\n" + " \\\\\n".join(lines) + "\n\\end{align*}\n"
