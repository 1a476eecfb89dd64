"""The systems compared, how each is installed (in its own environment, never a dependency) and with which settings."""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Environment:
    """A virtual environment: what pip installs, the Python it needs, what the system must provide first."""

    name: str
    packages: tuple[str, ...]
    python: str = ""
    system: str = ""

    def interpreter(self, home: Path) -> Path:
        """Its Python."""
        return home / self.name / "bin" / "python"

    def install(self, home: Path) -> str:
        """Create it; return "" or the last words of what failed."""
        python = shutil.which(f"python{self.python}") if self.python else sys.executable
        if python is None:
            return f"python{self.python} is not on the path"
        pip = [str(self.interpreter(home)), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
        for command in ([python, "-m", "venv", str(home / self.name)], [*pip, *self.packages]):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                errors = [line for line in done.stderr.splitlines() if "ERROR" in line] or [done.stderr[-200:]]
                return errors[-1].strip()
        return ""


@dataclass(frozen=True)
class Peer:
    """One system in one setting: a script run by the environment's Python (None: the one running the comparison)."""

    name: str
    title: str
    script: str
    setting: str
    environment: Environment | None


_SETUPTOOLS = "setuptools<81"  # pytearcat imports pkg_resources
_SAGE = Environment("sage", tuple(f"passagemath-{p}" for p in ("symbolics", "modules", "maxima", "polyhedra", "plot")))
_SYMPY = Environment("sympy", ("sympy",))
_GIAC = Environment("pytearcat-giac", ("pytearcat", "giacpy", _SETUPTOOLS), system="libgiac-dev")

PEERS = (
    Peer("geomflow", "geomflow", "run_geomflow.py", "default", None),
    Peer("geomflow-repeated", "geomflow, mean of 21", "run_geomflow.py", "repeated", None),
    *(
        Peer(f"maxima-{kind}-{setting}", f"Maxima ctensor, {title}, {note}", "peer_maxima.py", f"{kind}:{setting}", env)
        for kind, title, env in (("system", "GCL", None), ("wheel", "ECL", _SAGE))
        for setting, note in (("default", "default"), ("trig", "ctrgsimp"), ("ratfac", "ctrgsimp + ratfac"))
    ),
    *(
        Peer(f"sage-{setting}", f"SageManifolds, {note}", "peer_sage.py", setting, _SAGE)
        for setting, note in (
            ("default", "default simplification"),
            ("none", "no simplification"),
            ("rational", "simplify_rational"),
            ("sympy", "SymPy calculus"),
        )
    ),
    Peer("diffgeom", "sympy.diffgeom, as returned", "peer_sympy.py", "raw", _SYMPY),
    Peer("diffgeom-simplify", "sympy.diffgeom, simplify", "peer_sympy.py", "simplify", _SYMPY),
    Peer(
        "pytearcat",
        "pytearcat, SymPy",
        "peer_pytearcat.py",
        "default",
        Environment("pytearcat", ("pytearcat", _SETUPTOOLS)),
    ),
    Peer("pytearcat-giac", "pytearcat, Giac", "peer_pytearcat.py", "default", _GIAC),
    Peer("einsteinpy", "EinsteinPy", "peer_einsteinpy.py", "default", Environment("einsteinpy", ("einsteinpy",))),
    Peer("gravipy", "GraviPy", "peer_gravipy.py", "default", Environment("gravipy", ("GraviPy",))),
    Peer("ogrepy", "OGRePy", "peer_ogrepy.py", "default", Environment("ogrepy", ("OGRePy",), python="3.13")),
    Peer("cadabra", "Cadabra2", "peer_cadabra.py", "default", Environment("cadabra", ("cadabra2",))),
)


def install(peers: tuple[Peer, ...], home: Path) -> None:
    """Install what these peers need, one environment after the other, and say what failed."""
    for environment in dict.fromkeys(p.environment for p in peers if p.environment):
        if environment.interpreter(home).exists():
            print(f"{environment.name}: already there")
            continue
        if environment.system:
            print(f"{environment.name}: needs `apt-get install {environment.system}` first")
        print(f"{environment.name}: installing {' '.join(environment.packages)} ...", flush=True)
        print(f"{environment.name}: {environment.install(home) or 'done'}")
    if not shutil.which("maxima"):
        print("maxima: `apt-get install maxima maxima-share` for the system's Maxima")
