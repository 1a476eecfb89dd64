r"""A typed density becomes an abstract expression: `parse_density("R + |∇f|²")`.

    sum      =  product (("+" | "-") product)*
    product  =  power (["*" | "/"] power)*
    power    =  atom ("^" integer | "²" ...)?
    atom     =  number | name indices? | "(" sum ")" | "|" sum "|" | ("∇" index? | "Δ" | "div" | "tr") atom

Names: R, Ric, Riem (also R_ij, R_ijkl with indices), Weyl, g, the fields and constants declared, n for the dimension,
and dA for the exterior derivative of a form A. A tensor stands without indices between bars and after `div`, `tr`.
ASCII: `grad` or `nabla` for ∇, `laplacian` or `Lap` for Δ, `**` for `^`; Greek letters may be spelt out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import sympy as sp

from geomflow.core.errors import DerivationError
from geomflow.symbolic.abstract.canonical import canonical
from geomflow.symbolic.abstract.declare import FIELDS, declared, spelt
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
    r"\s*(?:(?P<number>\d+(?:\.\d+)?)|(?P<indices>[_^](?:\{[A-Za-z]+\}|[A-Za-z]+))|(?P<name>[^\W\d_²³⁴Δ]+\d*)"
    r"|(?P<sign>\*\*|[-+*/^()|∇Δ²³⁴]))"
)
_ASCII = {"grad": "∇", "nabla": "∇", "laplacian": "Δ", "Lap": "Δ"}
_SUPERSCRIPTS = {"²": 2, "³": 3, "⁴": 4}
_GEOMETRY = {"g": METRIC, "R": SCALAR, "Ric": RICCI, "Riem": RIEMANN, "Rm": RIEMANN}
_OPERATORS = ("div", "tr")
#: The indices of a tensor that is typed without.
_BARE = "abcdefghijklm"


def parse_density(text: str, fields: Sequence[str] = FIELDS, constants: Sequence[str] = ("alpha", "tau")) -> Expression:
    r"""Return the scalar expression that `text` spells.

    Args:
        text: the density, for example `"tau*(R + |grad f|^2) + f - n"`.
        fields: declarations of fields: `f`, `A_i`, `S_(ij)`, `B_[ij]`, `H = dB`.
        constants: names of constants; `n`, the dimension, is always one.

    Raises:
        DerivationError: an unknown symbol, a free index, or a sentence that does not parse.

    Good values: "R + |∇f|²", "R - alpha*|grad u|^2", "|Ric|^2", "R_ij R^ij - R^2/4", "(Δf)^2", "R - |F|^2/4",
    "R - |H|^2/12 + |∇f|²", "|dA|^2", "(div A)^2", "|Weyl|^2".
    """
    expression = _Parser(text, declared(fields), tuple(map(spelt, constants))).parse()
    if expression.free:
        raise DerivationError(
            f"A density must be a scalar, but `{text}` has the free indices {expression.signature()}. Contract them, "
            "as in R_ij R^ij or |Ric|^2."
        )
    # Weyl is no head of its own: what is typed with it is written out in Riem, Ric and R.
    return canonical(expression) if "Weyl" in text else expression


class _Parser:
    r"""Recursive descent over the tokens, one method for each line of the grammar."""

    def __init__(self, text: str, fields: Mapping[str, Head], constants: tuple[str, ...]):
        self.text, self.fields, self.constants = text, fields, constants
        self.tokens = self._tokens()
        self.place = 0
        self.in_bars = False
        self.bare = False  # whether a tensor may stand without indices

    def _tokens(self) -> list[tuple[str, str]]:
        tokens, place, text = [], 0, self.text.rstrip()
        while place < len(text):
            match = _TOKEN.match(text, place)
            if match is None:
                raise DerivationError(f"Cannot read `{text[place:].strip()[0]}` in the density `{self.text}`.")
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
            raise DerivationError(f"Expected `{sign}` {self.where()} in the density `{self.text}`.")

    def where(self) -> str:
        return f"before `{self.token[1]}`" if self.token[1] else "at the end"

    def parse(self) -> Expression:
        expression = self.sum()
        if self.token[0] != "end":
            raise DerivationError(f"Unexpected `{self.token[1]}` in the density `{self.text}`.")
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
        superscript = self.take(*_SUPERSCRIPTS)
        if superscript:
            return _SUPERSCRIPTS[superscript]
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
            raise DerivationError(f"A norm needs an even power, such as |...|^2, in the density `{self.text}`.")
        return (inside * inside) ** (exponent // 2)

    def atom(self) -> Expression:
        if self.take("("):
            inside = self.sum()
            self.expect(")")
            return inside
        if self.take("∇"):
            indices = self.indices()
            operand = self.atom()
            if not indices:
                self.require_bars("∇")
                return self.bare_gradient(operand)
            for index in reversed(indices):
                operand = nabla(index, operand)
            return operand
        if self.take("Δ"):
            return laplacian(self.atom())
        kind, value = self.token
        if kind == "name" and value in _OPERATORS:
            return self.operator(value)
        if kind not in ("number", "name"):
            raise DerivationError(f"Expected a symbol {self.where()} in the density `{self.text}`.")
        self.place += 1
        return as_expression(sp.Rational(value)) if kind == "number" else self.symbol(spelt(value))

    def indices(self) -> list[str]:
        indices: list[str] = []
        while self.token[0] == "indices":
            mark, letters = self.token[1][0], self.token[1][1:].strip("{}")
            indices += [letter if mark == "_" else "^" + letter for letter in letters]
            self.place += 1
        return indices

    def bare_gradient(self, operand: Expression) -> Expression:
        # The derivative comes first: between bars ∇A is ∇_a A_b, to be subtracted from F_ab.
        letters = sorted(operand.free)
        if letters != list(_BARE[: len(letters)]):
            return gradient(operand)
        return nabla("a", operand.rename(**dict(zip(letters, _BARE[1:]))))

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
            raise DerivationError(
                f"`{name}` is declared both a field and a constant. Rename one in fields=, constants=."
            )
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
        known = ", ".join((*_GEOMETRY, "Weyl", *self.fields, *self.constants, "n"))
        raise DerivationError(
            f"The symbol `{name}` in the density `{self.text}` is unknown. Known: {known}. Declare a new one with "
            f'fields=("{name}",) or constants=("{name}",); with indices as in fields=("{name}_i",), symmetric '
            f'"{name}_(ij)", a form "{name}_[ij]".'
        )

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
