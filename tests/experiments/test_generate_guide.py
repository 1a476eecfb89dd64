"""docs/generate.md: every block runs, in order, and prints what the guide shows."""

import re
import shlex
import sys
from pathlib import Path

from geomflow.cli import main

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "generate.md"


def test_the_guide_runs_and_prints_what_it_shows(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GEOMFLOW_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(sys, "path", list(sys.path))
    blocks = re.findall(r"```(\w+)\n(.*?)```", GUIDE.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert [kind for kind, _ in blocks].count("python") >= 10
    names, printed = {}, ""
    try:
        for kind, text in blocks:
            if kind == "text":
                assert printed == text
            elif kind == "python":
                capsys.readouterr()
                exec(compile(text, "generate.md", "exec"), names)
                printed = capsys.readouterr().out
            else:
                assert kind == "bash"
                for line in text.splitlines():
                    program, *words = shlex.split(line)
                    assert program == "geomflow"
                    assert main(words) == 0
    finally:
        sys.modules.pop("kerr", None)
    assert {p.name for p in tmp_path.glob("*.py")} == {"kerr.py", "surface.py", "jets_3.py"}
