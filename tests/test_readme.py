from pathlib import Path

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
