r"""A derivation: the steps a program took from a definition to a result, kept so that a reader can follow them."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Step:
    r"""One line of a derivation: `lhs = rhs` in LaTeX, and the rule that led to it in words."""

    rhs: str
    reason: str
    lhs: str = ""


@dataclass
class Derivation:
    r"""Titled, ordered steps; printed as an aligned LaTeX display or as a document that compiles by itself.

    Good values: one step per rule applied; reasons of at most ten words, in plain text (LaTeX maths in `$...$`).
    """

    title: str
    steps: list[Step] = field(default_factory=list)

    def add(self, rhs: str, reason: str, lhs: str = "") -> None:
        r"""Append the step `lhs = rhs`; an empty `lhs` continues the previous line."""
        self.steps.append(Step(rhs=rhs, reason=reason, lhs=lhs))

    def aligned(self) -> str:
        r"""Return the steps as one `align*` environment, the reasons set in small type on their right."""
        rows = [rf"{s.lhs} &= {s.rhs} && \text{{\small {s.reason}}}" for s in self.steps]
        return "\\begin{align*}\n" + " \\\\\n".join(rows) + "\n\\end{align*}\n"

    def section(self) -> str:
        r"""Return the derivation as a LaTeX section, to be put into a longer document."""
        return rf"\section*{{{self.title}}}" + "\n" + self.aligned()

    def text(self) -> str:
        r"""Return the steps as plain lines, for a terminal."""
        width = len(str(len(self.steps)))
        return "\n".join(
            f"  {i:>{width}}. {s.reason}\n     {' ' * width}{s.lhs} = {s.rhs}" for i, s in enumerate(self.steps, 1)
        )


def document(*derivations: Derivation) -> str:
    r"""Return a LaTeX document (article, amsmath) that holds the derivations and compiles by itself."""
    body = "\n".join(d.section() for d in derivations)
    return (
        "\\documentclass[a4paper,11pt]{article}\n"
        "\\usepackage{amsmath,amssymb}\n\\usepackage[landscape,margin=18mm]{geometry}\n\\allowdisplaybreaks\n"
        "\\begin{document}\n" + body + "\n\\end{document}\n"
    )
