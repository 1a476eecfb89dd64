r"""Fields as they are declared: `f`, `A_i`, `T_ijk`, `S_(ij)`, `B_[ij]`, `F = dA`, `H = dB`.

Round brackets say symmetric, square ones antisymmetric, no brackets say nothing; the letters only count the indices.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from geomflow.core.errors import DerivationError
from geomflow.symbolic.abstract.expression import Head
from geomflow.symbolic.abstract.forms import form_head

#: What a typed density may use without a declaration: scalars, a one-form, a symmetric tensor, a two-form.
FIELDS = ("f", "u", "A_i", "S_(ij)", "B_[ij]", "F = dA", "H = dB")

#: Names that mean something else in a typed density.
RESERVED = ("g", "R", "Ric", "Riem", "Rm", "Weyl", "n", "div", "tr", "grad", "nabla", "laplacian", "Lap")

#: What a derivation calls the variations of f and of g.
_VARIATIONS = {"h": "f", "v": "g"}

_NAME = r"(?P<name>[^\W\d_]+\d*)"
_TENSOR = re.compile(_NAME + r"(?:_(?:\((?P<symmetric>\w+)\)|\[(?P<antisymmetric>\w+)\]|(?P<none>\w+)))?")
_FORM = re.compile(_NAME + r"\s*=\s*d\s*(?P<potential>[^\W\d_]+\d*)")


def declared(fields: Iterable[str]) -> dict[str, Head]:
    r"""Return the heads of declared fields by name.

    Args:
        fields: declarations; an exterior derivative comes after its potential.

    Raises:
        DerivationError: a declaration that cannot be read, or the derivative of what is not a form.
    """
    heads: dict[str, Head] = {}
    for declaration in fields:
        head = _form(declaration, heads) or _tensor(declaration)
        if head.name in RESERVED:
            raise DerivationError(
                f"The name `{head.name}` is taken ({', '.join(RESERVED)}). Choose another for the field."
            )
        if head.name in heads:
            raise DerivationError(f"The field `{head.name}` is declared twice.")
        heads[head.name] = head
    return heads


def declared_constants(constants: Iterable[str]) -> tuple[str, ...]:
    r"""Return the names of declared constants, Greek letters spelt out.

    Raises:
        DerivationError: a name that is no name, or that means something else in a density or a derivation.
    """
    names = tuple(spelt(constant.strip()) for constant in constants)
    for name in names:
        if not re.fullmatch(_NAME, name):
            raise DerivationError(f"Cannot read the constant `{name}`. Write letters, digits behind them: beta, c1.")
        if name in _VARIATIONS:
            raise DerivationError(
                f"`{name}` stands for the variation of {_VARIATIONS[name]} in the derivation. Choose another name for "
                "the constant."
            )
        if name in RESERVED and name != "n":
            raise DerivationError(f"The name `{name}` is taken ({', '.join(RESERVED)}). Choose another constant.")
    return names


def spelt(name: str) -> str:
    r"""Return a Greek letter by its name, with its digits, any other name as it is: α and alpha, Λ and Lambda."""
    letter, digits = unicodedata.normalize("NFKC", name[:1]), name[1:]
    if digits and not digits.isdecimal():
        return name
    match = re.fullmatch(r"GREEK (SMALL|CAPITAL) LETTER (?:FINAL )?(\w+)", unicodedata.name(letter, ""))
    if match is None:
        return name
    greek = "LAMBDA" if match[2] == "LAMDA" else match[2]  # as Unicode spells λ
    return (greek.lower() if match[1] == "SMALL" else greek.capitalize()) + digits


def _form(declaration: str, heads: dict[str, Head]) -> Head | None:
    match = _FORM.fullmatch(declaration.strip())
    if match is None:
        return None
    potential = heads.get(spelt(match["potential"]))
    if potential is None:
        raise DerivationError(
            f'The potential of `{declaration}` is unknown. Declare it first: fields=("B_[ij]", "H = dB") in Python, '
            '--fields "B_[ij]" "H = dB" on the command line.'
        )
    return form_head(potential, spelt(match["name"]))


def _tensor(declaration: str) -> Head:
    match = _TENSOR.fullmatch(declaration.strip())
    if match is None:
        raise DerivationError(
            f"Cannot read the declaration `{declaration}`. Write a scalar as `f`, tensors as `A_i`, `T_ijk`, symmetric "
            "as `S_(ij)`, a form as `B_[ij]`, an exterior derivative as `H = dB`."
        )
    symmetry = next((s for s in ("symmetric", "antisymmetric", "none") if match[s]), "none")
    return Head(spelt(match["name"]), len(match[symmetry] or ""), symmetry)
