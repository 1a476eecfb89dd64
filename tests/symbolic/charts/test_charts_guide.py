import re
from pathlib import Path

GUIDE = Path(__file__).resolve().parents[3] / "docs" / "charts.md"


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", GUIDE.read_text(encoding="utf-8"), flags=re.DOTALL)


def test_the_examples_print_what_the_guide_shows(capsys):
    names = {}
    programs, outputs = blocks("python"), blocks("text")
    assert len(programs) == len(outputs) >= 5
    for program, output in zip(programs, outputs):
        exec(compile(program, "charts.md", "exec"), names)
        assert capsys.readouterr().out == output
