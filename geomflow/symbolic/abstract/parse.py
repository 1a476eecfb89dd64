r"""A typed density becomes an abstract expression: `parse_density("R + |∇f|²")`.

    sum      =  product (("+" | "-") product)*
    product  =  power (["*" | "/"] power)*
    power    =  atom ("^" integer | "²" ...)?
    atom     =  number | name indices? | "(" sum ")" | "|" sum "|" | ("∇" (index | "²")? | "Δ" | "div" | "tr") atom

Names: R, Ric, Riem (also R_ij, R_ijkl with indices), Weyl, g, the fields and constants declared, n for the dimension,
and dA for the exterior derivative of a form A. A tensor stands without indices between bars and after `div`, `tr`;
there ∇² (∇^2, ∇∇) is the second covariant derivative, as the program prints it.
ASCII: `grad` or `nabla` for ∇, `laplacian` or `Lap` for Δ, `**` for `^`; Greek letters may be spelt out.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence

import sympy as sp

from geomflow.core.errors import DerivationError
from geomflow.symbolic.abstract.canonical import canonical
from geomflow.symbolic.abstract.declare import FIELDS, declared, declared_constants, spelt
from geomflow.symbolic.abstract.expression import (
    DIMENSION,
    METRIC,
    RICCI,
    RIEMANN,
    SCALAR,
    Expression,
    Head,
    as_expression,
    gradient,
    laplacian,
    nabla,
    tensor,
    weyl,
)
from geomflow.symbolic.abstract.forms import form_head

_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+(?:\.\d+)?)|(?P<indices>[_^](?:\{[A-Za-z]+\}|[A-Za-z]+))|(?P<name>[^\W\d_⁰¹²³⁴⁵⁶⁷⁸⁹Δ]+\d*)"
    r"|(?P<superscript>[⁰¹²³⁴⁵⁶⁷⁸⁹]+)|(?P<sign>\*\*|[-+*/^()|∇Δ]))"
)
_ASCII = {"grad": "∇", "nabla": "∇", "laplacian": "Δ", "Lap": "Δ"}
#: Advice on what a density cannot contain.
_FUNCTIONS = ("exp", "e", "log", "ln", "sqrt", "sin", "cos", "tan", "sinh", "cosh", "tanh", "abs")
_NO_FUNCTIONS = (
    "A density is a polynomial in curvature, fields and their derivatives; functions of fields cannot be typed. An "
    'exponential of one field can be the weight: weight=exponential("f", -2) in Python, --weight "exp(-2*f)" on the '
    "command line."
)
_EPSILON = ("epsilon", "varepsilon", "eps")
_NO_EPSILON = (
    "There is no ε tensor: wedge products, Hodge duals, Chern-Simons and θ terms cannot be typed. Write contractions "
    "with the metric, as in F_ij F^ij."
)
_GEOMETRY = {"g": METRIC, "R": SCALAR, "Ric": RICCI, "Riem": RIEMANN, "Rm": RIEMANN}
_OPERATORS = ("div", "tr")
#: The indices of a tensor that is typed without.
_BARE = "abcdefghijklm"


def parse_density(
    text: str, fields: Sequence[str] = FIELDS, constants: Sequence[str] = ("alpha", "tau"), what: str = "density"
) -> Expression:
    r"""Return the scalar expression that `text` spells.

    Args:
        text: the density, for example `"tau*(R + |grad f|^2) + f - n"`.
        fields: declarations of fields: `f`, `A_i`, `S_(ij)`, `B_[ij]`, `H = dB`.
        constants: names of constants; `n`, the dimension, is always one.
        what: what errors call the text.

    Raises:
        DerivationError: an unknown symbol, a free index, or a sentence that does not parse.

    Good values: "R + |∇f|²", "R - alpha*|grad u|^2", "|Ric|^2", "R_ij R^ij - R^2/4", "(Δf)^2", "R - |F|^2/4",
    "R - |H|^2/12 + |∇f|²", "|dA|^2", "(div A)^2", "|Weyl|^2".
    """
    expression = _Parser(text, declared(fields), declared_constants(constants), what).parse()
    if expression.free:
        raise DerivationError(
            f"The {what} must be a scalar, but `{text}` has the free indices {expression.signature()}. Contract them, "
            "as in R_ij R^ij or |Ric|^2."
        )
    # Weyl is no head of its own: what is typed with it is written out in Riem, Ric and R.
    return canonical(expression) if "Weyl" in text else expression


class _Parser:
    r"""Recursive descent over the tokens, one method for each line of the grammar."""

    def __init__(self, text: str, fields: Mapping[str, Head], constants: tuple[str, ...], what: str):
        self.text, self.fields, self.constants, self.what = text, fields, constants, what
        self.tokens = self._tokens()
        self.place = 0
        self.in_bars = False
        self.bare = False  # whether a tensor may stand without indices

    def _tokens(self) -> list[tuple[str, str]]:
        tokens, place, text = [], 0, self.text.rstrip()
        while place < len(text):
            match = _TOKEN.match(text, place)
            if match is None:
                sign = text[place:].strip()[0]
                advice = f" {_NO_EPSILON}" if sign in "∧⋀⋆★∗" else ""
                raise DerivationError(f"Cannot read `{sign}` in the {self.what} `{self.text}`.{advice}")
            kind = str(match.lastgroup)
            value = match.group(kind)
            tokens.append(("sign", _ASCII[value]) if value in _ASCII else (kind, value))
            place = match.end()
        return tokens

    @property
    def token(self) -> tuple[str, str]:
        return self.tokens[self.place] if self.place < len(self.tokens) else ("end", "")

    def take(self, *signs: str) -> str:
        r"""Step over the next token if it is one of the signs, and return it."""
        kind, value = self.token
        if kind == "sign" and value in signs:
            self.place += 1
            return value
        return ""

    def expect(self, sign: str) -> None:
        if not self.take(sign):
            raise DerivationError(f"Expected `{sign}` {self.where()} in the {self.what} `{self.text}`.")

    def where(self) -> str:
        return f"before `{self.token[1]}`" if self.token[1] else "at the end"

    def parse(self) -> Expression:
        expression = self.sum()
        if self.token[0] != "end":
            raise DerivationError(f"Unexpected `{self.token[1]}` in the {self.what} `{self.text}`.")
        return expression

    def sum(self) -> Expression:
        total = as_expression(0)
        sign = self.take("+", "-")
        while True:
            summand = self.product()
            total = total - summand if sign == "-" else total + summand
            sign = self.take("+", "-")
            if not sign:
                return total

    def product(self) -> Expression:
        result = self.power()
        while True:
            if self.take("/"):
                result = result / self.divisor()
            elif self.take("*") or self.starts_atom():
                factor = self.power()
                if self.in_bars and result.free & factor.free:
                    raise DerivationError(f"Between bars, write tensors with indices: `{self.text}` is ambiguous.")
                result = result * factor
            else:
                return result

    def starts_atom(self) -> bool:
        kind, value = self.token
        opening = ("(", "∇", "Δ") if self.in_bars else ("(", "∇", "Δ", "|")
        return kind in ("number", "name") or (kind == "sign" and value in opening)

    def divisor(self) -> sp.Expr:
        terms = self.power().terms
        if not terms or any(factors for _, factors in terms):
            raise DerivationError(f"Only division by a constant is possible, but found another in `{self.text}`.")
        return sp.Add(*(c for c, _ in terms))

    def power(self) -> Expression:
        if self.take("|"):
            return self.norm()
        base = self.atom()
        exponent = self.exponent()
        return base if exponent is None else base**exponent

    def exponent(self) -> int | None:
        kind, value = self.token
        if kind == "superscript":
            self.place += 1
            return int(unicodedata.normalize("NFKC", value))
        if not self.take("^", "**"):
            return None
        kind, value = self.token
        if kind != "number" or not value.isdigit():
            raise DerivationError(f"An exponent must be a whole number, but found `{value}` in `{self.text}`.")
        self.place += 1
        return int(value)

    def norm(self) -> Expression:
        if self.in_bars:
            raise DerivationError(f"Bars do not nest; close the first `|` in `{self.text}`.")
        self.in_bars = self.bare = True
        inside = self.sum()
        self.expect("|")
        self.in_bars = self.bare = False
        exponent = self.exponent()
        if not exponent or exponent % 2:
            raise DerivationError(f"A norm needs an even power, such as |...|^2, in the {self.what} `{self.text}`.")
        return (inside * inside) ** (exponent // 2)

    def atom(self) -> Expression:
        if self.take("("):
            inside = self.sum()
            self.expect(")")
            return inside
        if self.take("∇"):
            indices = self.indices()
            if not indices:
                return self.bare_gradient()
            operand = self.atom()
            for index in reversed(indices):
                operand = nabla(index, operand)
            return operand
        if self.take("Δ"):
            return laplacian(self.atom())
        kind, value = self.token
        if kind == "name" and value in _OPERATORS:
            return self.operator(value)
        if kind not in ("number", "name"):
            advice = f" {_NO_EPSILON}" if value == "*" else ""  # *F, a Hodge dual
            raise DerivationError(f"Expected a symbol {self.where()} in the {self.what} `{self.text}`.{advice}")
        self.place += 1
        return as_expression(sp.Rational(value)) if kind == "number" else self.symbol(spelt(value))

    def indices(self) -> list[str]:
        indices: list[str] = []
        while self.token[0] == "indices":
            mark, letters = self.token[1][0], self.token[1][1:].strip("{}")
            indices += [letter if mark == "_" else "^" + letter for letter in letters]
            self.place += 1
        return indices

    def bare_gradient(self) -> Expression:
        # The derivative comes first: between bars ∇A is ∇_a A_b, to be subtracted from F_ab, and ∇²A is ∇_a ∇_b A_c.
        order = self.exponent()
        if order is not None and not self.bare:
            raise DerivationError(
                f"`∇^{order}` without indices is a repeated derivative and stands only between bars, as in |∇²f|^2; in "
                f"`{self.text}` it leaves free indices. The Laplacian is Δ f."
            )
        operand = self.atom()
        self.require_bars("∇")
        for _ in range(1 if order is None else order):
            letters = sorted(operand.free)
            if letters == list(_BARE[: len(letters)]):
                operand = nabla("a", operand.rename(**dict(zip(letters, _BARE[1:]))))
            else:
                operand = gradient(operand)
        return operand

    def operator(self, name: str) -> Expression:
        self.place += 1
        outside, self.bare = self.bare, True
        operand = self.atom()
        self.bare = outside
        letters = sorted(operand.free)
        if len(letters) < (1 if name == "div" else 2):
            raise DerivationError(f"`{name}` needs a tensor with more indices than `{operand}` has, in `{self.text}`.")
        if name == "div":
            contracted, rest = nabla(letters[0], operand), letters[1:]
        else:
            contracted, rest = operand.rename(**{letters[1]: letters[0]}), letters[2:]
        if rest:
            self.require_bars(name)
        # Between bars the indices of a tensor without indices are a, b, ... in this order.
        return contracted.rename(**dict(zip(rest, letters))) if self.bare else contracted

    def symbol(self, name: str) -> Expression:
        indices = self.indices()
        if name in self.fields and name in self.constants:
            raise DerivationError(f"`{name}` is declared both a field and a constant. Rename one of the two.")
        if name == "Weyl":
            return weyl(*self.filled(name, 4, indices))
        head = _GEOMETRY.get(name) or self.fields.get(name) or self.exterior(name)
        if head == SCALAR and indices:
            head = self.curvature(len(indices))
        if head is not None:
            return tensor(head, *self.filled(name, head.rank, indices))
        if name in self.constants or name == "n":
            self.filled(name, 0, indices)
            return as_expression(DIMENSION if name == "n" else sp.Symbol(name))
        raise DerivationError(self.unknown(name, indices))

    def unknown(self, name: str, indices: list[str]) -> str:
        r"""Return the sentence about a symbol that is not known."""
        sentence = f"The symbol `{name}` in the {self.what} `{self.text}` is unknown."
        if name in _FUNCTIONS:
            return f"`{name}` cannot be read in the {self.what} `{self.text}`. {_NO_FUNCTIONS}"
        if name in _EPSILON and indices:
            return f"{sentence} {_NO_EPSILON}"
        known = ", ".join((*_GEOMETRY, "Weyl", *self.fields, *self.constants, "n"))
        advice = (
            f'Known: {known}. Declare it: fields=("{name}",) or constants=("{name}",) in Python, --fields {name} '
            f'or --constants {name} on the command line; a field with indices is declared as "{name}_i", symmetric '
            f'"{name}_(ij)", a form "{name}_[ij]".'
        )
        if name in _EPSILON:
            return f"{sentence} {advice} {_NO_EPSILON}"
        if self.token == ("sign", "("):  # V(u), or a constant in front of brackets
            return f"{sentence} {_NO_FUNCTIONS} If it is a factor in front of brackets, it must be declared. {advice}"
        return f"{sentence} {advice}"

    def curvature(self, count: int) -> Head:
        if count not in (2, 4):
            raise DerivationError(f"`R` takes 0, 2 or 4 indices, but {count} are given in `{self.text}`.")
        return RICCI if count == 2 else RIEMANN

    def exterior(self, name: str) -> Head | None:
        r"""Return the head of dA, under the name it was declared by if there is one."""
        potential = self.fields.get(spelt(name[1:])) if name.startswith("d") else None
        if potential is None or potential.kind == "form":
            return None
        named = (head for head in self.fields.values() if head.kind == "form" and head.field == potential)
        return next(named, None) or form_head(potential)

    def filled(self, name: str, rank: int, indices: list[str]) -> list[str]:
        r"""Return the indices given, or a, b, ... where a tensor may stand without."""
        if indices and len(indices) != rank:
            has = {0: "no indices", 1: "1 index"}.get(rank, f"{rank} indices")
            hint = f" A derivative is ∇_i {name}." if name in self.fields else ""
            raise DerivationError(f"`{name}` has {has}, but {len(indices)} are given in `{self.text}`.{hint}")
        if rank and not indices:
            self.require_bars(name)
            return list(_BARE[:rank])
        return indices

    def require_bars(self, name: str) -> None:
        if not self.bare:
            raise DerivationError(
                f"`{name}` without indices stands only between bars, as in |Ric|^2 or |∇f|^2; in `{self.text}` it "
                "leaves a free index."
            )
