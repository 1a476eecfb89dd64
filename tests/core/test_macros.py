import os

import numpy as np
import pytest

from geomflow.core.errors import ArgumentError, OutputError
from geomflow.core.macros import write_macros


def test_numbers_become_macros(tmp_path):
    path = tmp_path / "numbers.tex"
    write_macros(
        path,
        {
            "LzeroOrderDeTurck": (2.0013, ".3f"),
            "Defect": (np.float64(1.23e-11), ".1e"),
            "Shift": (-0.5, ".2f"),
            "Grid": (64, "d"),
            "Verdict": ("verified", ""),
        },
    )
    assert path.read_text().splitlines()[1:] == [
        r"\newcommand{\GFLzeroOrderDeTurck}{2.001}",
        r"\newcommand{\GFDefect}{\ensuremath{1.2 \times 10^{-11}}}",
        r"\newcommand{\GFShift}{\ensuremath{-0.50}}",
        r"\newcommand{\GFGrid}{64}",
        r"\newcommand{\GFVerdict}{verified}",
    ]
    assert os.listdir(tmp_path) == ["numbers.tex"]


@pytest.mark.parametrize("name", ["L0Order", "a_b", "a-b", "", "Größe", "a b"])
def test_names_hold_letters_only(tmp_path, name):
    with pytest.raises(ArgumentError, match="letters only"):
        write_macros(tmp_path / "n.tex", {"Good": (1.0, ".1f"), name: (1.0, ".1f")})
    assert os.listdir(tmp_path) == []


def test_a_value_that_does_not_fit_its_format_is_refused(tmp_path):
    with pytest.raises(ArgumentError, match="cannot be formatted"):
        write_macros(tmp_path / "n.tex", {"Order": ("two", ".3f")})


def test_an_unwritable_path_is_refused(tmp_path):
    with pytest.raises(OutputError):
        write_macros(tmp_path / "absent" / "n.tex", {})
