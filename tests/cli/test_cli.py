import ast
import os
import subprocess
import sys
import time
import types
from dataclasses import dataclass
from pathlib import Path

import pytest

import geomflow
from geomflow import cli
from geomflow.cli import COMMANDS, Command, attached, main, rooms
from geomflow.core.catalogue import Catalogue
from geomflow.core.errors import ArgumentError

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Trial:
    """A command made for these tests."""

    how: str = "well"
    """How it ends."""

    def run(self):
        if self.how == "badly":
            raise ArgumentError("Argument `how` must be well, but it was badly. Try well.")
        if self.how == "interrupted":
            raise KeyboardInterrupt
        if self.how == "bug":
            raise RuntimeError("a bug")
        print(f"it went {self.how}")


@pytest.fixture
def trial(monkeypatch):
    module = types.ModuleType("trial")
    module.Trial = Trial
    monkeypatch.setitem(sys.modules, "trial", module)
    commands = Catalogue("command")
    for name, command in COMMANDS.items():
        commands.add(name, command)
    commands.add("trial", Command("trial:Trial", "Try the command line."))
    monkeypatch.setattr(cli, "COMMANDS", commands)


@pytest.fixture
def house(monkeypatch):
    """A house with one room and one catalogue."""

    def sphere():
        """The round sphere."""

    metrics = Catalogue("metric")
    metrics.add("sphere", sphere)
    metrics.add("torus", types.SimpleNamespace(note="The flat torus."))
    room = types.ModuleType("geomflow.metrics")
    room.__spec__ = types.SimpleNamespace(name="geomflow.metrics")
    room.METRICS = metrics
    monkeypatch.setattr(rooms, "ROOMS", ("metrics", "attic"))
    monkeypatch.setitem(sys.modules, "geomflow.metrics", room)


def test_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"geomflow {geomflow.__version__}\n"


@pytest.mark.parametrize("argv", [[], ["--help"], ["-h"]])
def test_the_overview_names_every_command(capsys, argv):
    assert main(argv) == 0
    out = capsys.readouterr().out
    for name in COMMANDS:
        assert name in out


@pytest.mark.parametrize("name", COMMANDS.names())
def test_every_command_loads_has_help_and_runs(capsys, name):
    assert callable(COMMANDS[name].load().run)
    assert main([name, "--help"]) == 0
    assert f"geomflow {name}" in capsys.readouterr().out


def test_a_command_takes_its_options(trial, capsys):
    assert main(["trial", "--how", "smoothly"]) == 0
    assert capsys.readouterr().out == "it went smoothly\n"


def test_bad_input_is_one_sentence_and_exit_code_2(trial, capsys):
    assert main(["trial", "--how", "badly"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "geomflow: Argument `how` must be well, but it was badly. Try well.\n"


@pytest.mark.parametrize("argv", [["--debug", "trial", "--how", "badly"], ["trial", "--how", "badly", "--debug"]])
def test_debug_shows_where_an_error_came_from(trial, argv):
    with pytest.raises(ArgumentError):
        main(argv)


def test_a_bug_is_not_dressed_up_as_bad_input(trial):
    with pytest.raises(RuntimeError, match="a bug"):
        main(["trial", "--how", "bug"])


def test_ctrl_c_is_one_line_and_exit_code_130(trial, capsys):
    assert main(["trial", "--how", "interrupted"]) == 130
    assert capsys.readouterr().err.strip() == "geomflow: stopped by Ctrl-C."


def test_an_unknown_command_is_answered_with_the_closest(capsys):
    assert main(["lst"]) == 2
    assert "Did you mean `list`?" in capsys.readouterr().err


def test_an_unknown_option_is_refused(capsys):
    assert main(["list", "--no-such-option"]) == 2
    assert "--no-such-option" in capsys.readouterr().err


def test_list_shows_the_catalogues(house, capsys):
    assert main(["list"]) == 0
    out = capsys.readouterr().out
    assert "metrics (2)" in out
    assert "The round sphere." in out
    assert "The flat torus." in out


def test_list_shows_one_catalogue_or_names_the_closest(house, capsys):
    assert main(["list", "metrics"]) == 0
    assert "sphere" in capsys.readouterr().out
    assert main(["list", "metricz"]) == 2
    assert "Did you mean `metrics`?" in capsys.readouterr().err


def test_every_catalogue_of_the_house_is_listed():
    listed = rooms.catalogues()
    for room in rooms.ROOMS:
        for file in sorted((ROOT / "geomflow" / room).rglob("*.py")):
            for node in ast.parse(file.read_text(encoding="utf-8")).body:
                call = node.value if isinstance(node, (ast.Assign, ast.AnnAssign)) else None
                if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "Catalogue":
                    kind = ast.literal_eval(call.args[0])
                    assert rooms.plural(kind) in listed, f"show the catalogue of {file.name} in the room's __init__"


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (["curvature", "--line-element", "-dt^2 + dx^2"], ["curvature", "--line-element=-dt^2 + dx^2"]),
        (["curvature", "--lambda", "-1", "--show", "ricci"], ["curvature", "--lambda=-1", "--show", "ricci"]),
        (["derive", "--all", "-h"], ["derive", "--all", "-h"]),
        (["x", "-1"], ["x", "-1"]),
        (["x", "--a=1", "-2"], ["x", "--a=1", "-2"]),
    ],
)
def test_a_value_may_begin_with_a_minus_sign(given, found):
    assert attached(given) == found


def test_info_shows_versions_and_precision(capsys):
    assert main(["info"]) == 0
    out = capsys.readouterr().out
    assert geomflow.__version__ in out
    assert "jaxlib" in out


def test_the_installed_program_is_quick_and_speaks_ascii_where_it_must():
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    run = [sys.executable, "-m", "geomflow"]
    for argv, code in (["--help"], 0), (["no-such-command"], 2), (["info"], 0):
        start = time.perf_counter()
        done = subprocess.run([*run, *argv], capture_output=True, text=True, cwd=ROOT, env=environment)
        if argv == ["--help"]:
            assert time.perf_counter() - start < 5  # about 0.2 s; the margin is for a busy machine
        assert done.returncode == code, done.stderr
        assert "Traceback" not in done.stderr


def test_the_overview_needs_no_jax():
    code = "import sys; from geomflow.cli import main; main([]); sys.exit('jax' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, cwd=ROOT).returncode == 0
