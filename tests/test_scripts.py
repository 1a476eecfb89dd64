"""The derivations and the examples run as they stand, each in a process of its own."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DERIVATIONS = sorted((ROOT / "derivations").glob("*.py"))
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


def run(script, folder, *arguments):
    environment = {**os.environ, "MPLBACKEND": "Agg", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(script), *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_there_are_scripts():
    assert DERIVATIONS
    assert EXAMPLES
    # Numbered from 01 on, without a gap, and each knows its number and its own name.
    assert [script.name[:3] for script in DERIVATIONS] == [f"{k:02d}_" for k in range(1, len(DERIVATIONS) + 1)]
    for script in DERIVATIONS:
        text = script.read_text(encoding="utf-8")
        assert re.match(rf'r?"""{script.name[:2]}: ', text), script.name
        assert f"derivations/{script.name}" in text, script.name


@pytest.mark.parametrize("script", DERIVATIONS, ids=lambda path: path.stem)
def test_derivation(script, tmp_path):
    written = tmp_path / "derivation.tex"
    run(script, tmp_path, str(written))
    assert r"\begin{align*}" in written.read_text(encoding="utf-8")
    if shutil.which("pdflatex"):
        command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", written.name]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
        log = done.stdout.decode(errors="replace")
        assert done.returncode == 0, log[-2000:]
        # No formula runs off the page (740 pt wide).
        assert all(float(points) < 20 for points in re.findall(r"Overfull \\hbox \(([\d.]+)pt", log)), log


@pytest.mark.slow
@pytest.mark.parametrize("script", EXAMPLES, ids=lambda path: path.stem)
def test_example(script, tmp_path):
    assert run(script, tmp_path)
    assert (tmp_path / f"{script.stem}.png").stat().st_size > 10_000
