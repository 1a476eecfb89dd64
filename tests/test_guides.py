r"""Every guide in docs/: its blocks run in order, commands as well, and Python prints what the guide shows below it.

A block that cannot run here (it needs several hosts, say) has `no-run` after its language: "```python no-run".
"""

import re
import shlex
import sys
from pathlib import Path

import pytest

from geomflow.cli import main

GUIDES = sorted((Path(__file__).resolve().parents[1] / "docs").glob("*.md"))
BLOCK = re.compile(r"^```(\w+)( no-run)?\n(.*?)^```$", flags=re.DOTALL | re.MULTILINE)
# a number with a fraction: what is left by rounding, or in the last digits, is not the same on every machine
NUMBER = re.compile(r"-?\d+\.\d+(?:e[+-]?\d+)?|-?\d+e[+-]?\d+")


def split(text):
    """Words without spaces and rules around them, and numbers, but not where rounding is largest."""
    text = re.sub(r", at \(.*\)$", "", text, flags=re.MULTILINE)
    words = re.sub(r"[\s─]+", " ", NUMBER.sub("#", text)).strip()
    return words, [float(x) for x in NUMBER.findall(text)]


def close(found, shown):
    return abs(found - shown) <= 1e-6 * abs(shown) or max(abs(found), abs(shown)) < 1e-6


def check_output(found, shown):
    found_words, found_numbers = split(found)
    words, numbers = split(shown)
    assert found_words == words
    assert all(map(close, found_numbers, numbers)), (found_numbers, numbers)


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.stem)
def test_the_guide_runs_and_prints_what_it_shows(guide, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GEOMFLOW_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(sys, "path", list(sys.path))
    modules = set(sys.modules)
    source = guide.read_text(encoding="utf-8")
    blocks = BLOCK.findall(source)
    assert 2 * len(blocks) == source.count("```"), "a block without a language, or one that does not end"
    names, printed = {}, None
    try:
        for language, no_run, text in blocks:
            if language == "text":
                assert printed is not None, "output is shown below the Python that prints it, once"
                check_output(printed, text)
                printed = None
            elif language == "python" and not no_run:
                exec(compile(text, guide.name, "exec"), names)
                printed = capsys.readouterr().out
            elif language == "bash" and not no_run:
                for line in text.replace("\\\n", " ").splitlines():
                    program, *words = shlex.split(line, comments=True)
                    assert program == "geomflow", "only geomflow's commands are run: mark this block `no-run`"
                    assert main(words) == 0
                capsys.readouterr()
    finally:
        for name in set(sys.modules) - modules:  # those that a guide wrote and imported
            if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
                del sys.modules[name]


def test_every_guide_is_found():
    assert {"charts", "derive", "generate", "geometry", "locality", "scale", "spaces"} <= {g.stem for g in GUIDES}


@pytest.mark.parametrize(
    "shown",
    ["R = 2.000005", "R = -2.000001", "S = 2.000001", "R = 2.000001 3.0", "R = 2", "R = 2.000001e-3"],
)
def test_other_output_is_noticed(shown):
    check_output("R  = 2.000001\n── 3e-17", "R = 2.0000010001\n─── -1e-16")
    with pytest.raises(AssertionError):
        check_output("R = 2.000001", shown)
    with pytest.raises(AssertionError):
        check_output("x**3", "x**2")
