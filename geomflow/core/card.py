r"""The card: a result printed as a small aligned block of plain text, with its verdicts in words."""

from __future__ import annotations

import math
import sys
import textwrap
import unicodedata
from collections.abc import Callable
from typing import Any, Literal, TextIO

from geomflow.core.errors import ArgumentError

Verdict = Literal["verified", "refuted", "refused", "undecided"]

_VERDICTS = ("verified", "refuted", "refused", "undecided")
_LABEL, _VALUE = 36, 28  # widest label and value columns
_ASCII = {
    **{"─": "-", "—": "-", "–": "-", "−": "-", "×": "x", "·": "*", "≤": "<=", "≥": ">=", "≠": "!=", "≈": "~"},
    **{"→": "->", "±": "+-", "∞": "inf", "∫": "int ", "√": "sqrt ", "…": "...", "∂": "d", "∇": "grad ", "°": " deg"},
    **{"’": "'", "‘": "'", "“": '"', "”": '"', "✓": "v", "✗": "x", "\N{GREEK SMALL LETTER FINAL SIGMA}": "sigma"},
    **{"⁻": "^-", **{power: f"^{digit}" for digit, power in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")}},
    "\N{COMBINING MACRON}": "bar",
}


def number(value: Any, digits: int = 4) -> str:
    r"""Return a number for a human: `digits` significant digits, scientific below 1e-3 and above `digits` figures.

    `number(2.00132)` is "2.001", `number(3.1e-12)` is "3.100e-12"; integers are left whole, booleans are yes and no.
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return str(value)
    value = float(value)
    if not math.isfinite(value) or value == 0:
        return str(value).removesuffix(".0")
    scientific = f"{value:.{digits - 1}e}"
    exponent = int(scientific.split("e")[1])  # after rounding, so that 9.9999 counts as 10.00
    return f"{value:.{digits - 1 - exponent}f}" if -3 <= exponent < digits else scientific


def to_ascii(text: str) -> str:
    r"""Spell a text in ASCII: Greek letters by name, mathematical signs by their usual stand-ins."""
    letters = []
    for letter in text:
        if letter.isascii():
            letters.append(letter)
        elif letter in _ASCII:
            letters.append(_ASCII[letter])
        elif (name := unicodedata.name(letter, "")).startswith("GREEK") and " LETTER " in name:
            greek = name.split(" LETTER ")[1].split()[0].lower()
            letters.append(greek.capitalize() if "CAPITAL" in name else greek)
        else:
            letters.append(unicodedata.normalize("NFKD", letter).encode("ascii", "ignore").decode() or "?")
    return "".join(letters)


def _columns_of(text: str) -> int:
    # How wide a terminal sets it: the bar of z̄ takes no column of its own.
    return sum(not unicodedata.combining(letter) for letter in text)


def _padded(text: str, width: int) -> str:
    return text + " " * (width - _columns_of(text))


def _wrap(text: str, width: int, indent: int = 0) -> list[str]:
    return [" " * indent + line for line in textwrap.wrap(text, width - indent)] or [""]


class Card:
    r"""A titled card of aligned rows, paragraphs and verdicts; `str(card)` draws it.

    Args:
        title: the first line.
        width: the widest line, at least 60.

    Good values: a width of 100, the default; rows with a value of at most 28 characters.
    """

    def __init__(self, title: str, width: int = 100):
        if width < 60:
            raise ArgumentError(f"Argument `width` must be at least 60, but it was {width}.", width=width)
        self.title = title
        self.width = width
        self._lines: list[tuple[str, tuple[str, ...]]] = []

    def section(self, title: str) -> Card:
        r"""Begin a section."""
        return self._add("section", title)

    def row(self, label: str, value: Any, note: str = "") -> Card:
        r"""Add `label value note`; numbers are formatted by `number`, everything else by `str`."""
        numeric = isinstance(value, (bool, int, float)) or (hasattr(value, "__float__") and not isinstance(value, str))
        return self._add("row", label, number(_scalar(value)) if numeric else str(value), note)

    def text(self, paragraph: str) -> Card:
        r"""Add a paragraph, wrapped to the card's width."""
        return self._add("text", paragraph)

    def verdict(self, verdict: Verdict, sentence: str) -> Card:
        r"""State in words what was verified, refuted, refused, or left undecided by a check that was not met.

        Raises:
            ArgumentError: another word than these three.
        """
        if verdict not in _VERDICTS:
            raise ArgumentError(
                f"Argument `verdict` must be one of {', '.join(_VERDICTS)}, but it was {verdict!r}.", verdict=verdict
            )
        return self._add("verdict", verdict, sentence)

    @property
    def verdicts(self) -> list[tuple[str, str]]:
        r"""The (verdict, sentence) pairs, in order."""
        return [(parts[0], parts[1]) for kind, parts in self._lines if kind == "verdict"]

    def _add(self, kind: str, *parts: str) -> Card:
        self._lines.append((kind, tuple(" ".join(part.split()) for part in parts)))
        return self

    def __str__(self) -> str:
        return self._draw(lambda text: text)

    def ascii(self) -> str:
        r"""Return the card in ASCII, for a terminal that has nothing else."""
        return self._draw(to_ascii)

    def show(self, file: TextIO | None = None) -> None:
        r"""Print the card, in ASCII if the stream's encoding cannot carry it."""
        stream = sys.stdout if file is None else file
        card = str(self)
        try:
            card.encode(stream.encoding or "utf-8")
        except UnicodeEncodeError:
            card = self.ascii()
        print(card, file=stream)

    def _draw(self, spell: Callable[[str], str]) -> str:
        # Spelling comes before the layout: "σ" and "sigma" differ in width.
        lines = [(kind, [spell(part) for part in parts]) for kind, parts in self._lines]
        rows = [parts for kind, parts in lines if kind == "row"]
        label_width = min(_LABEL, max((_columns_of(label) for label, _, _ in rows), default=0))
        value_width = min(_VALUE, max((_columns_of(value) for _, value, note in rows if note), default=0))
        word_width = max((len(word) for word, _ in self.verdicts), default=0)
        rule = spell("─")
        title = _wrap(spell(self.title), self.width - 6)
        drawn = [f"{rule * 2} {title[0]} ".ljust(self.width, rule), *(f"   {line}" for line in title[1:])]
        for kind, parts in lines:
            if kind == "section":
                drawn += ["", *_wrap(parts[0], self.width)]
            elif kind == "text":
                drawn += _wrap(parts[0], self.width, indent=2)
            elif kind == "verdict":
                word, sentence = parts
                drawn += self._columns(f"  {word:<{word_width}}  ", _wrap(sentence, self.width - word_width - 4))
            else:
                label, value, note = parts
                drawn += self._row(label, value, note, label_width, value_width)
        return "\n".join([*drawn, rule * self.width])

    def _columns(self, head: str, body: list[str]) -> list[str]:
        return [(head + body[0]).rstrip(), *(" " * _columns_of(head) + line for line in body[1:])]

    def _row(self, label: str, value: str, note: str, label_width: int, value_width: int) -> list[str]:
        above: list[str] = []
        if _columns_of(label) > label_width:
            above, label = _wrap(label, self.width, indent=2), ""
        head = f"  {_padded(label, label_width)}  "
        if note and _columns_of(value) <= value_width:
            head += f"{_padded(value, value_width)}  "
            return above + self._columns(head, _wrap(note, self.width - _columns_of(head)))
        room = self.width - _columns_of(head)
        body = [*_wrap(value, room), *(_wrap(note, room) if note else [])]
        return above + self._columns(head, body)


def _scalar(value: Any) -> Any:
    # numpy and JAX scalars know their own Python counterpart; np.int64(3) must stay an integer.
    return value.item() if hasattr(value, "item") else value
