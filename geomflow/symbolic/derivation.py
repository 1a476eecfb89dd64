r"""A derivation: the steps a program took from a definition to a result, kept so that a reader can follow them."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, field

from geomflow.symbolic.plain import broken, plain, width

#: About how many letters fit on a line of the document, left- and right-hand side, and beside them the reason.
_LINE, _REASON = 86, 40
#: The least that is left for the right-hand side.
_LEAST = 56


@dataclass(frozen=True)
class Step:
    r"""One line of a derivation: `lhs = rhs` in LaTeX, and the rule that led to it in words.

    `text` is the same line in plain Unicode; without one, the LaTeX is read as plain text.
    """

    rhs: str
    reason: str
    lhs: str = ""
    text: str = ""

    def line(self) -> str:
        r"""Return `lhs = rhs` in plain text."""
        return self.text or f"{plain(self.lhs)} = {plain(self.rhs)}".strip()


@dataclass
class Derivation:
    r"""Titled, ordered steps; printed as an aligned LaTeX display or as a document that compiles by itself.

    Good values: one step per rule applied; reasons of at most ten words, in plain text (LaTeX maths in `$...$`).
    """

    title: str
    steps: list[Step] = field(default_factory=list)

    def add(self, rhs: str, reason: str, lhs: str = "", text: str = "") -> None:
        r"""Append the step `lhs = rhs`; an empty `lhs` continues the previous line."""
        self.steps.append(Step(rhs=rhs, reason=reason, lhs=lhs, text=text))

    def aligned(self) -> str:
        r"""Return the steps as one `align*` environment, the reasons set in small type on their right.

        A long sum is broken before a + or -, so that no line runs off the page.
        """
        sides = max((width(s.lhs) for s in self.steps), default=0)
        rows = []
        for step in self.steps:
            first, *others = broken(step.rhs, max(_LEAST, _LINE - sides))
            reason = rf"\parbox[t]{{60mm}}{{\small\raggedright {step.reason}}}"
            if len(plain(step.reason)) <= _REASON:
                reason = rf"\text{{\small {step.reason}}}"
            rows.append(rf"{step.lhs} &= {first} && {reason}")
            rows += [rf"&\qquad {line}" for line in others]
        return "\\begin{align*}\n" + " \\\\\n".join(rows) + "\n\\end{align*}\n"

    @property
    def plain_title(self) -> str:
        r"""The title in plain text."""
        return plain(self.title)

    def section(self, numbered: bool = False) -> str:
        r"""Return the derivation as a LaTeX section, to be put into a longer document."""
        return rf"\section{'' if numbered else '*'}{{{self.title}}}" + "\n" + self.aligned()

    def text(self, columns: int = 110) -> str:
        r"""Return the steps as plain lines of at most `columns` letters, for a terminal."""
        digits = len(str(len(self.steps)))
        indent = " " * (digits + 4)
        lines = []
        for i, step in enumerate(self.steps, 1):
            lines.append(f"  {i:>{digits}}. {plain(step.reason)}")
            lines += textwrap.wrap(
                step.line(), columns, initial_indent=indent, subsequent_indent=indent + "    ", break_on_hyphens=False
            )
        return "\n".join(lines)


def document(*derivations: Derivation, title: str = "") -> str:
    r"""Return a LaTeX document (article, amsmath) that holds the derivations and compiles by itself.

    With a title it begins with a table of contents, and the sections are numbered.
    """
    body = "\n".join(d.section(numbered=bool(title)) for d in derivations)
    front = rf"\title{{{title}}}\author{{}}\date{{}}\maketitle\tableofcontents\newpage" + "\n" if title else ""
    return (
        "\\documentclass[a4paper,11pt]{article}\n"
        "\\usepackage{amsmath,amssymb}\n\\usepackage[landscape,margin=18mm]{geometry}\n\\allowdisplaybreaks\n"
        "\\begin{document}\n" + front + body + "\n\\end{document}\n"
    )
