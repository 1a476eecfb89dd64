"""The systems compared, how each is installed (in its own environment, never a dependency) and with which settings."""

import sys
from dataclasses import dataclass
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))
from common import Environment


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
