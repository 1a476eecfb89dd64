r"""Complex charts: holomorphic coordinates z, independent conjugates z̄ (typed zb), and the conjugation that swaps them.

Functions are functions on the real manifold: rational in z and z̄, with ∂_z z̄ = 0. Real coordinates follow by

    z = x + i y,   ∂_z = ½ (∂_x - i ∂_y),   ∂_z̄ = ½ (∂_x + i ∂_y).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import sympy as sp
from sympy.core.function import AppliedUndef

from geomflow.core.errors import ArgumentError, DerivationError
from geomflow.symbolic.charts.chart import Chart
from geomflow.symbolic.charts.composed import Jet, compose, derivatives_named
from geomflow.symbolic.charts.morphism import Morphism
from geomflow.symbolic.charts.smooth import NOT_SMOOTH
from geomflow.symbolic.field.field import Element
from geomflow.symbolic.field.typed import FUNCTIONS, NUMBERS

_WORD = re.compile(r"(?<![\w.])[A-Za-z]\w*")


class ConjugateSymbol(sp.Symbol):
    r"""The coordinate z̄, which prints as zb in text and as \(\bar z\) in LaTeX."""

    @classmethod
    def class_key(cls) -> Any:
        r"""Return SymPy's key for sorting: z̄ stands next to z."""
        return sp.Symbol.class_key()

    def _latex(self, printer: Any) -> str:
        letters, digits = _parts(self.name)
        bar = rf"\bar{{{sp.latex(sp.Symbol(letters[:-1]))}}}"
        return bar + (rf"_{{{digits}}}" if digits else "")


class ComplexChart(Chart):
    r"""Holomorphic coordinates \(z^1, \ldots, z^n\) and their conjugates, which are named by themselves: z1, zb1.

    Args:
        coordinates: names of the holomorphic coordinates.
        constants: names of real parameters.
        functions: unknown functions. With coordinates as arguments: all of z, z̄ in pairs for a real function
            (`{"K": "z1 zb1"}`), or only of z for a holomorphic one (`{"h": "z1"}`, whose conjugate is hb). With
            real expressions as arguments: a real function of these, `{"u": "log(abs2(z1, z2))"}`; several arguments
            are separated by commas. u', u'' are the derivatives where there is one argument; otherwise u_st, where s,
            r, q, p stand for the expressions in turn and a coordinate for itself.
        parameters: names of further real coordinates that are not of the manifold, such as a time.
        positive: names of constants and parameters that are positive.

    Raises:
        ArgumentError: a name given twice, or a function that is neither real nor holomorphic.

    In text, `abs2(z1)` is z1·zb1, `abs2(z1, z2)` the sum |z1|² + |z2|², and `conj(...)` the conjugate.

    Good values: `ComplexChart("z1 z2", constants="a", positive="a")`, `ComplexChart("z", functions={"u": "abs2(z)"})`.
    """

    # |z| is √(z z̄), smooth where z is not zero.
    refused = tuple(f for f in NOT_SMOOTH if f is not sp.Abs)

    def __init__(
        self,
        coordinates: str,
        constants: str = "",
        functions: Mapping[str, str] | None = None,
        parameters: str = "",
        positive: str = "",
    ):
        names = _names(coordinates)
        bars = ["{}b{}".format(*_parts(name)) for name in names]
        self.n = len(names)
        self.holomorphic = tuple(sp.Symbol(name) for name in names)
        self.antiholomorphic = tuple(ConjugateSymbol(name) for name in bars)
        above = set(_names(positive))
        further = _names(parameters)
        self.parameters = tuple(sp.Symbol(p, **{"positive" if p in above else "real": True}) for p in further)
        self._partner = dict(zip(names, bars)) | dict(zip(bars, names)) | {"I": "(-I)"}
        plain, composed = self._sorted(functions or {}, set(names), set(bars), set(further))
        super().__init__((*self.holomorphic, *self.antiholomorphic, *self.parameters), constants, plain, positive)
        self._check_declared(composed, above)
        compose(self, {name: [self.parse(a) for a in arguments] for name, arguments in composed.items()})
        symbols = {x.name: x for x in self.coordinates}
        self._bar: dict[Any, Any] = {
            x: symbols[self._partner[x.name]] for x in self.coordinates if x.name in self._partner
        }
        self._bar[sp.I] = -sp.I
        for name, f in self.functions.items():
            if isinstance(f, AppliedUndef):
                self._bar[f] = self.functions[self._partner.get(name, name)]
        swapped = [*range(self.n, 2 * self.n), *range(self.n), *range(2 * self.n, self.dim)]
        self._real: dict[str, tuple[Chart, Morphism]] = {}
        self._conjugation = Morphism(self, self, self.conjugated, [_by(k) for k in swapped])
        for name in composed:
            for argument in map(self.element, self.functions[name].args):
                if self.conjugate(argument) != argument:
                    raise ArgumentError(
                        f"The function `{name}` must depend on real expressions, but {self.sympy(argument)} is not its "
                        "own conjugate. Use abs2(z1), z1 + zb1, or a function of the coordinates themselves."
                    )

    def _sorted(
        self, functions: Mapping[str, str], names: set[str], bars: set[str], parameters: set[str]
    ) -> tuple[dict[str, str], dict[str, list[str]]]:
        # Functions of coordinates, holomorphic ones joined by their conjugates; and functions of expressions.
        plain: dict[str, str] = {}
        composed: dict[str, list[str]] = {}
        for name, text in functions.items():
            arguments = _names(text)
            if not set(arguments) <= names | bars | parameters or not arguments:
                composed[name] = _split(text)
                continue
            plain[name] = text
            own = set(arguments) - parameters
            if own == {self._partner[a] for a in own}:
                continue
            if not (own <= names or own <= bars):
                raise ArgumentError(
                    f"The function `{name}` depends on {text}, which is neither real (every z together with its zb) "
                    "nor holomorphic (no zb). Give it the missing conjugates."
                )
            partner = name + "b"
            if partner in functions:
                raise ArgumentError(
                    f"The function `{name}` of {text} is holomorphic, and `{partner}` is the name of its conjugate. "
                    "Give one of the two another name."
                )
            plain[partner] = " ".join(self._partner.get(a, a) for a in arguments)
            self._partner |= {name: partner, partner: name}
        return plain, composed

    def _check_declared(self, composed: Mapping[str, Any], positive: set[str]) -> None:
        doubled = sorted(set(composed) & set(self.names()))
        if doubled:
            raise ArgumentError(f"The name `{doubled[0]}` stands twice in the chart. Give the function another name.")
        complex_names = [name for name in self._partner if name in positive]
        if complex_names:
            raise ArgumentError(
                f"`{complex_names[0]}` is a complex coordinate and cannot be positive; constants and parameters can."
            )

    # --- reading -------------------------------------------------------------------------------------------------

    def parse(self, expression: Any) -> sp.Expr:
        r"""Return a typed or SymPy expression in the symbols of this chart, without `conjugate` and `Abs`."""
        if isinstance(expression, str):
            self._check_names(expression)
            return super().parse(derivatives_named(self, self._spelled(expression)))
        parsed: Any = super().parse(expression)
        if parsed.has(sp.conjugate, sp.Abs):
            parsed = parsed.replace(sp.conjugate, self.conjugated)
            parsed = parsed.replace(sp.Abs, lambda a: sp.sqrt(a * self.conjugated(a)))
        return parsed

    def _check_names(self, text: str) -> None:
        # Before anything is written out, so that an error shows what was typed.
        known = {*self.names(), *FUNCTIONS, *NUMBERS, "abs2", "conj"}
        for word in _WORD.findall(text):
            if word not in known and word.partition("_")[0] not in self.functions:
                raise self.unknown(word, text)

    def _spelled(self, text: str) -> str:
        # abs2(...) and conj(...) written out.
        match = re.search(r"\b(abs2|conj)\s*\(", text)
        if not match:
            return text
        depth, end = 1, match.end()
        while depth and end < len(text):
            depth += {"(": 1, ")": -1}.get(text[end], 0)
            end += 1
        if depth:
            raise DerivationError(f"Cannot read `{text}`: a bracket is not closed.")
        inner = [self._spelled(a) for a in _split(text[match.end() : end - 1])]
        if match.group(1) == "conj":
            written = f"({self._conjugated_text(', '.join(inner))})"
        else:
            written = "(" + " + ".join(f"({a})*({self._conjugated_text(a)})" for a in inner) + ")"
        return text[: match.start()] + written + self._spelled(text[end:])

    def _conjugated_text(self, text: str) -> str:
        return _WORD.sub(lambda m: self._partner.get(m.group(0), m.group(0)), text)

    # --- conjugation ---------------------------------------------------------------------------------------------

    def conjugated(self, expression: Any) -> Any:
        r"""Return the conjugate of a SymPy expression in the symbols of this chart."""
        fixed = {j: j for j in expression.atoms(Jet)}
        for f in expression.atoms(AppliedUndef) - set(self._bar):
            # A function that was not declared, but made with sp.Function: real if z and z̄ come in pairs.
            if {self._bar.get(x, x) for x in f.args} != set(f.args):
                raise DerivationError(
                    f"The conjugate of {f} is not known. Declare the function: ComplexChart(..., functions={{...}})."
                )
            fixed[f] = f
        return expression.xreplace(self._bar | fixed)

    def conjugate(self, element: Element) -> Element:
        r"""Return the conjugate of a field element; constants, parameters and unknown real functions are real."""
        return self._conjugation(element)

    def is_real(self, element: Element) -> bool:
        r"""Return whether an element is its own conjugate."""
        return self.conjugate(element) == element

    @property
    def norm2(self) -> sp.Expr:
        r"""\(|z|^2 = \sum_i z^i \bar z^i\)."""
        return sp.Add(*(z * zb for z, zb in zip(self.holomorphic, self.antiholomorphic)))

    # --- real coordinates ----------------------------------------------------------------------------------------

    def real(self, names: str = "") -> tuple[Chart, Morphism]:
        r"""Return the chart of \(x^1, y^1, x^2, \ldots\) with \(z^i = x^i + \mathrm{i} y^i\), and the map to its field.

        Args:
            names: the names of x1, y1, x2, y2, ...; by default z1 gives x1, y1, and w gives wx, wy.

        Raises:
            ArgumentError: the chart has parameters or holomorphic functions.
        """
        named = names or " ".join(_real_names(z.name) for z in self.holomorphic)
        if len(_names(named)) != 2 * self.n:
            raise ArgumentError(f"Real coordinates for {self.n} complex ones need {2 * self.n} names, as in '{named}'.")
        complex_functions = [f for f in self.functions if f in self._partner]
        if self.parameters or complex_functions:
            raise ArgumentError(
                f"Real coordinates are made of charts without parameters and holomorphic functions, but this one has "
                f"`{(*map(str, self.parameters), *complex_functions)[0]}`. Make a parameter a constant; give a "
                "holomorphic function by an expression."
            )
        if named not in self._real:
            self._real[named] = self._real_chart(_names(named))
        return self._real[named]

    def _real_chart(self, names: list[str]) -> tuple[Chart, Morphism]:
        # The same order of coordinates gives a function the same arguments: x1, y1 for z1, zb1.
        plain = {n: f for n, f in self.functions.items() if isinstance(f, AppliedUndef)}
        x = [sp.Symbol(name, real=True) for name in names]
        pairs = {}
        for i, (z, zb) in enumerate(zip(self.holomorphic, self.antiholomorphic)):
            pairs |= {z: (x[2 * i], 1), zb: (x[2 * i + 1], -1)}
        chart = Chart(x, self.constants, {n: " ".join(pairs[a][0].name for a in f.args) for n, f in plain.items()})
        values = {}
        for i, (z, zb) in enumerate(zip(self.holomorphic, self.antiholomorphic)):
            values |= {z: x[2 * i] + sp.I * x[2 * i + 1], zb: x[2 * i] - sp.I * x[2 * i + 1]}
        values |= {f: chart.functions[n] for n, f in plain.items()}

        def rule(expression: Any) -> Any:
            # Products of conjugates are multiplied out, so that |z|² reads x² + y².
            swapped = expression.xreplace(values)
            return sp.expand(swapped, log=False, power_base=False, power_exp=False)

        composed = {n: f for n, f in self.functions.items() if isinstance(f, Jet) and not any(f.order)}
        compose(chart, {n: [rule(a) for a in f.args] for n, f in composed.items()})
        unit = chart.element(sp.I)

        def derivation(k: int) -> Callable[[Element], Element]:
            i, sign = k % self.n, -1 if k < self.n else 1
            return lambda e: (e.derivative(2 * i) + unit * e.derivative(2 * i + 1) * sign) / 2

        return chart, Morphism(self, chart, rule, [derivation(k) for k in range(2 * self.n)])

    def __repr__(self) -> str:
        return f"ComplexChart({', '.join(z.name for z in self.holomorphic)})"


def _by(k: int) -> Callable[[Element], Element]:
    return lambda e: e.derivative(k)


def _names(text: str) -> list[str]:
    return text.replace(",", " ").split()


def _parts(name: str) -> tuple[str, str]:
    match = re.fullmatch(r"(.*?)_?(\d*)", name)
    return (match.group(1), match.group(2)) if match else (name, "")


def _real_names(name: str) -> str:
    letters, digits = _parts(name)
    before = "" if letters == "z" else letters
    return f"{before}x{digits} {before}y{digits}"


def _split(text: str) -> list[str]:
    # At the commas that stand in no bracket.
    parts, depth = [""], 0
    for letter in text:
        depth += {"(": 1, ")": -1}.get(letter, 0)
        if letter == "," and not depth:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts]
