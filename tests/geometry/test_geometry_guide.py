import re
from pathlib import Path

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "geometry.md"
# a number with its exponent: what is left by rounding, or in the last digits, is not the same on every machine
NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?")


def parts():
    """Each block of Python with the text that follows it, if any."""
    pattern = r"```python\n(.*?)```\n(?:\n```text\n(.*?)```)?"
    return re.findall(pattern, GUIDE.read_text(encoding="utf-8"), flags=re.DOTALL)


def split(text):
    """Words without spaces and rules around them, and numbers, but not where rounding is largest."""
    text = re.sub(r", at \(.*\)$", "", text, flags=re.MULTILINE)
    words = re.sub(r"[\s─]+", " ", NUMBER.sub("#", text)).strip()
    return words, [float(x) for x in NUMBER.findall(text)]


def close(found, shown):
    return abs(found - shown) <= 1e-6 * abs(shown) or max(abs(found), abs(shown)) < 1e-6


def test_the_examples_print_what_the_guide_shows(capsys):
    names = {}
    blocks = parts()
    assert sum(bool(output) for _, output in blocks) >= 10
    for program, output in blocks:
        exec(compile(program, "geometry.md", "exec"), names)
        found_words, found = split(capsys.readouterr().out)
        words, shown = split(output)
        assert found_words == words
        assert all(map(close, found, shown)), (found, shown)
