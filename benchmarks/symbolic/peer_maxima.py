"""Maxima's ctensor in batch mode (settings: default, trig = `ctrgsimp`, ratfac = `ctrgsimp` and `ratfac`)."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from cases import Case
from protocol import Run

_SETTINGS = {"default": "", "trig": "ctrgsimp: true$", "ratfac": "ctrgsimp: true$ ratfac: true$"}

# The clock of Maxima on GCL ticks in hundredths of a second: a short computation is repeated and the mean is taken.
_PRELUDE = r"""
say([l]) := (apply(print, l), ?finish\-output())$
value(e) := block([held: subst(probes, e)], held: ev(held, nouns), bfloat(subst(at_point, held)))$
entry(i, j) := say("ENTRY", i, j, is(ric[i, j] = 0), value(ric[i, j]))$
clock() := [elapsed_run_time(), elapsed_real_time()]$
measured() := block([begin: clock(), runs: 1],
    compute(),
    if first(clock() - begin) < 0.3 then (for i thru 20 do compute(), runs: 21),
    cons("TIME", cons(runs, (clock() - begin) / runs)))$
"""


def program(case: Case, setting: str) -> str:
    """The batch file."""
    listed = ", ".join(case.coordinates)
    rows = ", ".join("[" + ", ".join(row) + "]" for row in case.metric)
    depends = "".join(f"depends({f}, [{', '.join(args)}])$\n" for f, args in case.functions.items())
    probes = ", ".join(f"{f} = {e}" for f, e in case.probes.items())
    point = ", ".join(f"{x} = {v}" for x, v in case.point.items())
    compute = ["cmetric(false)", "christof(false)", "ricci(false)"]
    report = "for i thru dim do for j thru dim do entry(i, j)$\n"
    if not case.ricci_only:
        compute += ["riemann(false)", "scalar: scurvature()"]
        report += f'say("SCALAR", is(freeof({listed}, scalar)), value(scalar))$\n'
    return (
        f"display2d: false$ fpprec: 40$ load(ctensor)$\n{_SETTINGS[setting]}\n{_PRELUDE}\n"
        f"ct_coords: [{listed}]$ dim: {case.dim}$\n{depends}lg: matrix({rows})$\n"
        f"probes: [{probes}]$ at_point: [{point}]$ compute() := ({', '.join(compute)})$\n"
        f'say("READY", elapsed_run_time())$\napply(say, measured())$\n{report}say("END")$\n'
    )


def maxima(kind: str) -> tuple[str, dict[str, str]]:
    """The executable and its environment: the system's, or the one inside passagemath-maxima."""
    if kind == "system":
        return shutil.which("maxima") or "maxima", dict(os.environ)
    wheels = next(Path(sys.prefix).glob("lib/python*/site-packages/sage_wheels"))
    return str(wheels / "bin" / "maxima"), os.environ | {
        "MAXIMA_PREFIX": str(wheels),
        "ECLDIR": f"{next((wheels / 'lib').glob('ecl-*'))}{os.sep}",
        "PATH": f"{wheels / 'bin'}{os.pathsep}{os.environ['PATH']}",
    }


def main() -> None:
    """Run the batch file, pass the events on, then evaluate."""
    run = Run()
    kind, setting = run.setting.split(":")
    binary, environment = maxima(kind)
    version = subprocess.run([binary, "--version"], capture_output=True, text=True, env=environment).stdout
    n = run.case.dim
    ricci, zero, fields = [[0.0] * n for _ in range(n)], [[False] * n for _ in range(n)], {}
    with tempfile.TemporaryDirectory() as folder:
        batch = Path(folder) / "case.mac"
        batch.write_text(program(run.case, setting))
        command = [binary, "--very-quiet", "-r", f'batchload("{batch}")$ quit()$']
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
            for line in process.stdout:
                head, *rest = line.split() or [""]
                if head == "READY":
                    run.ready(float(rest[0]))
                elif head == "TIME":
                    run.emit("time", cpu=float(rest[1]), wall=float(rest[2]), runs=int(rest[0]))
                elif head == "ENTRY":
                    i, j = int(rest[0]) - 1, int(rest[1]) - 1
                    zero[i][j], ricci[i][j] = rest[2] == "true", float(rest[3].replace("b", "e"))
                elif head == "SCALAR":
                    fields = {"scalar_constant": rest[0] == "true", "scalar": float(rest[1].replace("b", "e"))}
                elif head == "END":
                    run.emit("answer", version=version.strip().splitlines()[-1], ricci=ricci, zero=zero, **fields)
                else:
                    print(line, end="", file=sys.stderr)


if __name__ == "__main__":
    main()
