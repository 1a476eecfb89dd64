"""What the studies share: judgements, results that are written and read, and runs that are interrupted."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from geomflow.core.card import Card
from geomflow.core.errors import ArgumentError, ResultFileError
from geomflow.core.provenance import provenance
from geomflow.experiments.study import Study, StudyResult, check_numbers, judged, worst


class Found(StudyResult):
    name = "found"

    def statements(self):
        return Card("found").row("order", self.numbers["order"])

    def macros(self):
        return {"Order": (self.numbers["order"], ".1f")}

    def draw(self, folder):
        (folder / "found.png").write_bytes(b"drawn")


class Other(Found):
    name = "other"


@dataclass(frozen=True)
class Counted(Study):
    out: Path
    interrupted: bool = False

    def compute(self):
        if self.interrupted:
            raise KeyboardInterrupt
        return Found({"order": -0.5}, {"x": np.arange(3)}, {"n": 3}, provenance({"n": 3}))


def test_judgements():
    assert judged(0.1, 0.1) == judged(0.0, 0.1, 0.1) == "verified"
    assert judged(0.11, 0.1) == "refuted"  # nothing was drawn: no error bar excuses it
    assert judged(0.2, 0.1, 0.04) == "undecided"
    assert judged(0.23, 0.1, 0.04) == "refuted"
    assert judged(0.0, 0.1, 0.2) == "undecided"  # such a number knows nothing
    assert judged(float("nan"), 0.1) == "refuted"
    assert worst(["verified", "undecided"]) == "undecided"
    assert worst(["undecided", "refuted", "verified"]) == "refuted"
    assert worst(["verified"]) == "verified"


def test_numbers_that_no_study_takes():
    check_numbers(0, time=1.0)
    with pytest.raises(ArgumentError, match="seed"):
        check_numbers(-1)
    for bad in (float("nan"), float("inf")):
        with pytest.raises(ArgumentError, match="`time` must be a finite"):
            check_numbers(0, time=bad)


def test_a_run_writes_what_can_be_read(tmp_path, capsys):
    result = Counted(tmp_path).run()
    assert "Computed with geomflow" in capsys.readouterr().out
    assert {p.name for p in tmp_path.iterdir()} == {"found.npz", "found.png", "card.txt", "numbers.tex"}
    again = Found.load(tmp_path / "found.npz")
    assert str(again) == str(result) == (tmp_path / "card.txt").read_text().rstrip("\n")
    np.testing.assert_array_equal(again.arrays["x"], np.arange(3))
    with pytest.raises(ResultFileError, match="geomflow other"):
        Other.load(tmp_path / "found.npz")


def test_an_interrupted_run_says_how_to_go_on(tmp_path, capsys):
    with pytest.raises(KeyboardInterrupt):
        Counted(tmp_path, interrupted=True).run()
    assert "Go on with `--resume`" in capsys.readouterr().out
