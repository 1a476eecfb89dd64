r"""What the studies of finite and infinite networks have in common: their results, their runs and their judgements."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from geomflow.core.card import Card, Verdict
from geomflow.core.errors import ArgumentError, ResultFileError
from geomflow.core.macros import write_macros
from geomflow.core.progress import stage
from geomflow.core.store import atomic_write, ensure_writable, load, save

#: A measured number contradicts what it is held to from this many standard errors on.
ERRORS = 3.0


def judged(off: float, allowed: float, error: float = 0.0) -> Verdict:
    r"""Judge a deviation: verified within the mark, refuted beyond what error bars could explain, else undecided.

    Args:
        off: how far a number is from what it is held to.
        allowed: the mark.
        error: standard error of the number, 0 where nothing was drawn; an error above the mark verifies nothing.
    """
    if off <= allowed and error <= allowed:
        return "verified"
    return "undecided" if off <= allowed + ERRORS * error else "refuted"


def worst(verdicts: Sequence[Verdict]) -> Verdict:
    r"""Return the verdict on a claim of several parts."""
    return "refuted" if "refuted" in verdicts else "undecided" if "undecided" in verdicts else "verified"


def check_numbers(seed: int, **values: float) -> None:
    r"""Refuse a seed below zero, and numbers that are not finite, by their names.

    Raises:
        ArgumentError: one of them is.
    """
    if seed < 0:
        raise ArgumentError(f"Argument `seed` must not be negative, but is {seed}. Try 0.", seed=seed)
    for name, value in values.items():
        if not math.isfinite(value):
            raise ArgumentError(f"Argument `{name}` must be a finite number, but is {value}.")


@dataclass(frozen=True)
class StudyResult(ABC):
    r"""What a run found.

    Attributes:
        numbers: fitted orders, deviations and the like (JSON types).
        arrays: name -> array.
        settings: what was asked for; `provenance`: what it was computed with.
    """

    name: ClassVar[str]

    numbers: dict[str, Any]
    arrays: dict[str, np.ndarray]
    settings: dict[str, Any]
    provenance: dict[str, Any]

    @abstractmethod
    def statements(self) -> Card:
        r"""Return what was measured, verified, refuted or left undecided."""

    @abstractmethod
    def macros(self) -> dict[str, tuple[Any, str]]:
        r"""Return the numbers a paper quotes: LaTeX name -> (value, format)."""

    @abstractmethod
    def draw(self, folder: Path) -> None:
        r"""Write the figures to a folder."""

    def card(self) -> Card:
        r"""Return the statements and what they were computed with."""
        made = self.provenance
        versions = ", ".join(f"{name} {made[name]}" for name in ("geomflow", "jax", "python"))
        kept = f"{versions}; {made['device_kind']}, float64; settings {made['settings_sha256'][:12]}."
        return self.statements().text(f"Computed with {kept}")

    def __str__(self) -> str:
        return str(self.card())

    def write(self, folder: Path) -> None:
        r"""Write figures (PDF, PNG), data (npz), numbers (LaTeX) and card to a folder.

        Raises:
            OutputError: the folder cannot be written.
        """
        ensure_writable(folder)
        header = {"kind": self.name, "settings": self.settings, "numbers": self.numbers, "provenance": self.provenance}
        save(folder / f"{self.name}.npz", self.arrays, header)
        atomic_write(folder / "card.txt", f"{self.card()}\n".encode())
        write_macros(folder / "numbers.tex", self.macros())
        self.draw(folder)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        r"""Read a result written by `write`.

        Raises:
            ResultFileError: truncated, corrupted, or not a result of this study.
        """
        arrays, header = load(path)
        if header.get("kind") != cls.name:
            raise ResultFileError(f"`{path}` is a geomflow result, but not one of `geomflow {cls.name}`.", path=path)
        return cls(header["numbers"], arrays, header["settings"], header["provenance"])


class Study(ABC):
    r"""A study as a command: its subclasses are dataclasses whose fields are the options."""

    out: Path

    @abstractmethod
    def compute(self) -> StudyResult:
        r"""Compute (or resume) every part; nothing is drawn or printed."""

    def run(self) -> StudyResult:
        r"""Compute, write everything to `out`, and print the card."""
        try:
            result = self.compute()
        except KeyboardInterrupt:
            print(f"\nWhat was computed is kept in {self.out / 'parts'}. Go on with `--resume`.")
            raise
        with stage("figures"):
            result.write(self.out)
        result.card().text(f"Figures, data and numbers are in {self.out}.").show()
        return result
