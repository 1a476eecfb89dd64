r"""`geomflow generate`: tensors of a metric as one Python module that runs without geomflow and SymPy."""

from __future__ import annotations

import keyword
import shlex
import sys
import textwrap
import time
import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import jax.numpy as jnp
import numpy as np
import sympy as sp
import tyro

from geomflow.codegen.cache import VERSIONS
from geomflow.codegen.jet_functions import jet_quantity
from geomflow.codegen.layouts import components
from geomflow.codegen.metric_functions import metric_program
from geomflow.codegen.program import Argument, Program
from geomflow.codegen.quantities import QUANTITIES
from geomflow.codegen.sample import Values, jet_sample, metric_sample
from geomflow.codegen.standalone import TOLERANCE, standalone
from geomflow.core.card import Card
from geomflow.core.errors import ArgumentError, GenerationError, OutputError
from geomflow.core.precision import require_x64
from geomflow.core.store import atomic_write, ensure_writable
from geomflow.experiments.curvature import chosen
from geomflow.metrics.spaces import Space
from geomflow.symbolic.charts.metric import Metric
from geomflow.symbolic.plain import broken

#: Width of a line of LaTeX in the docstring of a module, in letters.
_LINE = 105
#: Numbers up to which the sample arguments are written out on the card.
_FEW = 12


@dataclass(frozen=True)
class GeneratedModule:
    r"""A generated module: its text and hash, the programs in it by quantity, sample arguments, and the card."""

    text: str
    digest: str
    programs: dict[str, Program]
    at: Values
    card: Card


@dataclass(frozen=True)
class Generate:
    r"""Write tensors of a metric as one Python module of JAX functions, with their derivatives in both directions."""

    what: Annotated[str, tyro.conf.Positional] = ""
    """A name from `geomflow list spaces`, such as kerr."""
    quantities: tuple[str, ...] = ("ricci", "scalar")
    """What to generate: metric, inverse, volume, christoffel, riemann, ricci, scalar, einstein, kretschmann,
    ricci-squared, weyl."""
    line_element: str = ""
    """A metric of your own: "dr^2 + f(r)^2*dtheta^2"."""
    coordinates: str = ""
    """Its coordinates: "r theta"."""
    constants: str = ""
    """Its constants: "M a"."""
    functions: tuple[str, ...] = ()
    """Its unknown functions with what they depend on: "f:r" "u:x y"."""
    positive: str = ""
    """Coordinates and constants that are positive."""
    jets: int = 0
    """In place of a metric in a chart: functions of (g, dg, ddg) of any metric in this dimension."""
    derivatives: bool = True
    """Generate the rules for jvp and grad as well."""
    out: Path | None = None
    """The file; by default the name of the space, in this folder."""
    force: bool = False
    """Overwrite a file that exists."""

    def compute(self) -> GeneratedModule:
        r"""Return the module, checked at one point against exact values.

        Raises:
            ArgumentError: neither or both of a metric and `--jets`, a complex metric, or too small a dimension.
            CatalogueError: no space or quantity has this name.
            GenerationError: the metric has something JAX does not have, or a generated value is wrong.
        """
        require_x64()
        start = time.perf_counter()
        names = self._names()
        if self.jets:
            programs, (at, exact), head = self._from_jets(names)
        else:
            programs, (at, exact), head = self._from_metric(names)
        values, dim = [exact[name] for name in names], self.jets or len(at["point"])
        text, digest = standalone(self._about(programs, head, dim), list(programs.values()), at, values)
        error = checked(text, programs, at, exact)
        card = self._card(programs)
        card.section("the module")
        card.row("file", self.path().name, f"{len(text.splitlines())} lines")
        card.row("sha256", digest)
        seconds = time.perf_counter() - start
        card.verdict("verified", f"at one point the values are exact to {error:.0e}. {seconds:.1f} s.")
        return GeneratedModule(text, digest, programs, at, card)

    def run(self) -> GeneratedModule:
        r"""Write the module and print the card, with the lines of Python that call it.

        Raises:
            OutputError: the file exists, or cannot be written.
        """
        self._names()  # a misspelt name is said first
        path = self.path()
        if path.exists() and not self.force:
            raise OutputError(
                f"`{path}` exists. Add --force to overwrite it, or name another file with --out.", path=path
            )
        ensure_writable(path.parent)
        made = self.compute()
        atomic_write(path, made.text.encode())
        made.card.show()
        print(f"\n{self.usage(made)}")
        return made

    def path(self) -> Path:
        r"""Return the file to write.

        Raises:
            ArgumentError: Python could not import a module of this name, or it would stand before one that is needed.
        """
        name = self.what or (f"jets_{self.jets}" if self.jets else "generated")
        path = self.out or Path(f"{name.replace('-', '_')}.py")
        stem = path.stem
        if path.suffix != ".py" or not stem.isidentifier() or keyword.iskeyword(stem):
            raise ArgumentError(
                f"The file must be a module that Python can import, such as kerr_ricci.py, but --out is `{path.name}`."
            )
        if stem in sys.stdlib_module_names or stem in ("jax", "jaxlib", "numpy"):
            raise ArgumentError(f"A file called `{path.name}` would hide the module `{stem}`. Name another with --out.")
        return path

    def usage(self, made: GeneratedModule) -> str:
        r"""Return three lines of Python that call the first function of the module."""
        quantity, program = next(iter(made.programs.items()))
        dim = self.jets or len(made.at["point"])
        few = all(len(a.leaves()) <= _FEW for a in program.arguments)
        shown = ", ".join(_literal(a, made.at[a.name]) if few else a.name for a in program.arguments)
        return "\n".join(
            [
                'import jax, jax.numpy as jnp; jax.config.update("jax_enable_x64", True)',
                f"from {self.path().stem} import full, {program.name}",
                f'full({program.name}({shown}), "{QUANTITIES[quantity].symmetry}", {dim})',
            ]
        )

    # --- what is generated -------------------------------------------------------------------------------------------

    def _names(self) -> list[str]:
        names = list(dict.fromkeys(self.quantities))
        for name in names:
            _ = QUANTITIES[name]
        if not names:
            raise ArgumentError("Name what to generate, as in --quantities ricci scalar.")
        return names

    def _from_metric(self, names: list[str]) -> tuple[dict[str, Program], Any, str]:
        space = self._space()
        metric = space.metric
        _check_real(metric)
        programs = {name: metric_program(metric, name, derivatives=self.derivatives) for name in names}
        head = "\n".join(f"    ${line}$" for line in broken(f"ds^2 = {metric.latex()}", _LINE))
        return programs, metric_sample(metric, programs, space.signature, space.at), head

    def _from_jets(self, names: list[str]) -> tuple[dict[str, Program], Any, str]:
        if self.what or self.line_element or self.coordinates or self.constants or self.functions or self.positive:
            raise ArgumentError("--jets takes any metric of its dimension. Leave the space and the line element out.")
        if self.jets < 1:
            raise ArgumentError(f"--jets is a dimension, at least 1, but is {self.jets}.")
        programs = {name: replace(jet_quantity(name, self.jets), derivatives=self.derivatives) for name in names}
        head = "    any metric g_ij: its jets, packed in the order of the pairs i <= j, derivatives last"
        return programs, jet_sample(programs, self.jets), head

    def _space(self) -> Space:
        options = (self.line_element, self.coordinates, self.constants, self.functions, self.positive)
        return chosen("generate", self.what, *options)

    # --- what is said about it ---------------------------------------------------------------------------------------

    def _title(self) -> str:
        if self.jets:
            return f"the general metric in dimension {self.jets}"
        return self.what or "a typed metric"

    def _card(self, programs: dict[str, Program]) -> Card:
        card = Card(f"generated from {self._title()}")
        for name, program in programs.items():
            ways = [f"{way} {body.operations}" for way, body in program.rules.items()]
            arguments = ", ".join(a.name for a in program.arguments)
            card.row(f"{program.name}({arguments})", _shape(len(program.outputs)), QUANTITIES[name].symmetry)
            card.row("  operations per point", program.operations, ", ".join(ways))
        card.section("arguments, components first")
        for name, row in _arguments(programs).items():
            card.row(name, *row)
        return card

    def _about(self, programs: dict[str, Program], head: str, dim: int) -> str:
        rows = [f"    {name}: {note}, shape {shape}" for name, (shape, note) in _arguments(programs).items()]
        functions = []
        for name, program in programs.items():
            asked = QUANTITIES[name]
            listed = " ".join("".join(map(str, i)) for i in components(asked.symmetry, dim))
            arguments = ", ".join(a.name for a in program.arguments)
            functions += [
                f"    {program.name}({arguments}) -> {_shape(len(program.outputs))}",
                f"        ${asked.latex}$",
                *textwrap.wrap(
                    f"components {listed}" if listed else "", 112, initial_indent=" " * 8, subsequent_indent=" " * 8
                ),
                f'        full({program.name}({arguments}), "{asked.symmetry}", {dim}): all components, batch first',
            ]
        made = f"geomflow {VERSIONS['geomflow']} (generator {VERSIONS['sources'][:12]}), SymPy {VERSIONS['sympy']}"
        return "\n".join(
            [
                f"JAX functions of {self._title()}; they need nothing but JAX and NumPy.",
                "",
                head,
                "",
                "Functions",
                *functions,
                "",
                "Arguments (dimensionless; arrays carry batch axes after the component axes)",
                *rows,
                "",
                'Compute in double precision: `jax.config.update("jax_enable_x64", True)` before the first array.',
                "All may be under jit, vmap and grad. To see values at one point, run this file.",
                "",
                f"Made by {made}, python-flint {VERSIONS['python-flint']}:",
                f"    {self.command()}",
                "sha256 of what follows this docstring: {digest}",
            ]
        )

    def command(self) -> str:
        r"""Return the command line that writes this module, without the path."""
        words = ["geomflow", "generate", *([self.what] if self.what else []), "--quantities", *self.quantities]
        for option in ("coordinates", "constants", "positive", "line_element"):
            words += [f"--{option.replace('_', '-')}", getattr(self, option)] if getattr(self, option) else []
        words += ["--functions", *self.functions] if self.functions else []
        words += ["--jets", str(self.jets)] if self.jets else []
        return shlex.join([*words, *([] if self.derivatives else ["--no-derivatives"])])


def checked(text: str, programs: Mapping[str, Program], at: Values, exact: Mapping[str, Sequence[float]]) -> float:
    r"""Return the largest difference of the values of a module from the exact ones, relative to the largest component.

    Raises:
        GenerationError: it is more than rounding. Numbers: `unknown`, the quantity.
    """
    module = types.ModuleType("geomflow_generated")
    sys.modules[module.__name__] = module  # where dataclasses look for it
    try:
        exec(compile(text, "<geomflow generated module>", "exec"), module.__dict__)
    finally:
        del sys.modules[module.__name__]
    largest = 0.0
    for name, program in programs.items():
        given = [jnp.array(at[a.name][: a.shape[0]] if a.shape else at[a.name]) for a in program.arguments]
        values, wanted = np.asarray(getattr(module, program.name)(*given)), np.array(exact[name])
        error = float(np.max(np.abs(values - wanted)) / max(1.0, np.max(np.abs(wanted))))
        if not error <= TOLERANCE:
            raise GenerationError(
                f"The generated `{name}` differs from the exact values by {error:.1e} at {at}. Please report this.",
                unknown=name,
            )
        largest = max(largest, error)
    return largest


def _check_real(metric: Metric) -> None:
    if any(metric.chart.sympy(e).has(sp.I) for e in metric.curvature.matrix.ravel()):
        raise ArgumentError(
            "The components of this metric are not real, so it has no real chart to generate functions on. Write it in "
            "real coordinates, z = x + i y."
        )


def _arguments(programs: Mapping[str, Program]) -> dict[str, tuple[str, str]]:
    # Name -> shape and what it holds; where programs differ, the one that takes the highest derivatives.
    found: dict[str, tuple[int, str, str]] = {}
    for program in programs.values():
        for a in program.arguments:
            names = [symbol.name for symbol, _ in a.leaves()]
            note = (
                ", ".join(names if len(names) <= _FEW else [*names[: _FEW // 2], "...", names[-1]]) if a.shape else ""
            )
            if a.name not in found or len(names) > found[a.name][0]:
                found[a.name] = (len(names), _shape(*a.shape), note or "one number for each point, or for all")
    return {name: (shape, note) for name, (_, shape, note) in found.items()}


def _shape(*sizes: int) -> str:
    return f"({', '.join([*map(str, sizes), '*batch'])})"


def _literal(argument: Argument, value: Any) -> str:
    return f"jnp.array({value[: argument.shape[0]]})" if argument.shape else repr(value)
