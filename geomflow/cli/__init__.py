r"""The command line: a table of commands, each a dataclass with its options as fields and its work in `run()`.

To add a command, write such a dataclass and add one line to `COMMANDS`. A command's module is imported only when the
command is called, so `geomflow --help` stays fast whatever the commands need.
"""

from __future__ import annotations

import importlib
import io
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from geomflow.core.catalogue import Catalogue
from geomflow.core.errors import GeomflowError

_ABOUT = (
    "Derive, certify, generate, integrate, compare and draw geometric flows and the metric flows of neural networks. "
    "Also: `geomflow --version`, `geomflow COMMAND --help`; `--debug` shows where an error came from."
)


@dataclass(frozen=True)
class Command:
    r"""Where a command's dataclass lives (`module:Class`), and one line on what it does.

    With `x64`, JAX is switched to float64 before the module is imported.
    """

    target: str
    about: str
    x64: bool = False

    def load(self) -> type[Any]:
        r"""Import the command's module and return its dataclass."""
        if self.x64:
            from geomflow.core.precision import enable_x64

            enable_x64()
        module, name = self.target.split(":")
        return getattr(importlib.import_module(module), name)


COMMANDS: Catalogue[Command] = Catalogue("command")
COMMANDS.add("list", Command("geomflow.cli.rooms:List", "List what the catalogues hold."))
COMMANDS.add("info", Command("geomflow.cli.info:Info", "Show versions, devices and precision.", x64=True))
COMMANDS.add("locality", Command("geomflow.experiments.locality:Locality", "Verify the sigma -> 0 limit.", x64=True))
COMMANDS.add("widths", Command("geomflow.experiments.widths:Widths", "Finite networks against their limit.", x64=True))
COMMANDS.add(
    "drift", Command("geomflow.experiments.drift:DriftStudy", "How a tangent kernel drifts in training.", x64=True)
)
COMMANDS.add("plane", Command("geomflow.experiments.plane:Plane", "Finite networks against Ricci flow.", x64=True))
COMMANDS.add(
    "memorise",
    Command("geomflow.experiments.memorise:Memorise", "What infinite width memorises, and how fast.", x64=True),
)
COMMANDS.add(
    "finite-infinite",
    Command(
        "geomflow.experiments.finite_infinite:FiniteInfinite", "Finite or infinite on learning a metric.", x64=True
    ),
)
COMMANDS.add("flow", Command("geomflow.experiments.flow:FlowScene", "Watch a flow of metrics.", x64=True))
COMMANDS.add("curvature", Command("geomflow.experiments.curvature:CurvatureOf", "Show a metric's curvature, exact."))
COMMANDS.add(
    "generate", Command("geomflow.experiments.generate:Generate", "Write tensors of a metric as JAX.", x64=True)
)
COMMANDS.add("derive", Command("geomflow.experiments.derive:Derive", "Derive and certify a variation or a kernel."))


def _stub(command: Command) -> Callable[[], None]:
    def stub() -> None:
        raise NotImplementedError

    stub.__doc__ = command.about
    return stub


def attached(words: Sequence[str]) -> list[str]:
    r"""Return the words with values that begin with a minus sign tied to their option by `=`.

    `--line-element "-dt^2 + dx^2"` means what it says, though `-d` looks like an option.
    """
    found: list[str] = []
    for word in words:
        value = word.startswith("-") and not word.startswith("--") and word != "-h"
        if value and found and found[-1].startswith("--") and "=" not in found[-1]:
            found[-1] += f"={word}"
        else:
            found.append(word)
    return found


def _call(argv: Sequence[str]) -> None:
    import tyro  # here and not above: `geomflow --version` does not need it

    if not argv or argv[0] in ("-h", "--help"):
        # Stubs stand for the commands, so that the overview imports none of them.
        stubs = {name: _stub(command) for name, command in COMMANDS.items()}
        tyro.extras.subcommand_cli_from_dict(stubs, prog="geomflow", description=_ABOUT, args=["--help"])
    else:
        name, *options = attached(argv)
        command = COMMANDS[name]
        tyro.cli(command.load(), prog=f"geomflow {name}", description=command.about, args=options).run()


def main(argv: Sequence[str] | None = None) -> int:
    r"""Run the command line and return its exit code.

    Returns:
        0 on success, 2 for bad input (one sentence on stderr), 130 after Ctrl-C.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal that knows ASCII only gets "?", not a traceback
            stream.reconfigure(errors="replace")
    words = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in words
    words = [word for word in words if word != "--debug"]
    if words == ["--version"]:
        import geomflow

        print(f"geomflow {geomflow.__version__}")
        return 0
    try:
        _call(words)
    except GeomflowError as error:
        if debug:
            raise
        print(f"geomflow: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\ngeomflow: stopped by Ctrl-C.", file=sys.stderr)
        return 130
    except SystemExit as leave:  # tyro leaves this way after --help (0) and after bad options (2)
        return leave.code if isinstance(leave.code, int) else 2
    return 0
