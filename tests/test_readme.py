import re
from pathlib import Path

import pytest

from geomflow.geometry.torus import Torus
from geomflow.metrics import metric_from_file

ROOT = Path(__file__).resolve().parents[1]


def lines_that_test(text):
    """Return the lines of a text that run the tests."""
    return [line.strip() for line in text.splitlines() if line.strip().endswith("python -m pytest")]


def test_the_helper_finds_the_line():
    assert lines_that_test("a\n  pip install . && python -m pytest  \n# python -m pytest runs\n") == [
        "pip install . && python -m pytest"
    ]


def test_ci_runs_what_the_readme_says():
    readme = lines_that_test((ROOT / "README.md").read_text(encoding="utf-8"))
    ci = lines_that_test((ROOT / ".ci" / "run").read_text(encoding="utf-8"))
    assert len(readme) == 1, "the README gives one line that ends in `python -m pytest`"
    assert readme == ci


def blocks(language):
    """Return the README's code blocks of a language."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", readme, flags=re.DOTALL)


@pytest.mark.parametrize("example", [0, 1, 2, 3])
def test_the_examples_print_what_the_readme_shows(example, capsys):
    exec(compile(blocks("python")[example], "README.md", "exec"), {})
    assert capsys.readouterr().out == blocks("text")[example]


def test_the_metric_file_of_the_readme_is_read(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(blocks("python")[4], encoding="utf-8")
    g, m = metric_from_file(path, 2).sample(Torus(2, 16))
    assert g.shape == (3, 16, 16)
    assert float(m.max()) == 1.25
