"""The metrics of the comparison, written once as plain strings that every system can read.

Only the standard library is imported: each peer reads this file with its own Python.
`functions` maps an unknown function to the coordinates it depends on; in the entries it stands as a bare name.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Case:
    """A metric in a chart, with a point (and concrete functions) at which every answer is evaluated."""

    name: str
    title: str
    coordinates: tuple[str, ...]
    metric: tuple[tuple[str, ...], ...]
    point: dict[str, str]
    constants: tuple[str, ...] = ()
    functions: dict[str, tuple[str, ...]] = field(default_factory=dict)
    probes: dict[str, str] = field(default_factory=dict)
    ranges: dict[str, tuple[str, str]] = field(default_factory=dict)
    ricci_only: bool = False

    @property
    def dim(self) -> int:
        """Number of coordinates."""
        return len(self.coordinates)


def _symmetric(n: int, entries: dict[str, str]) -> tuple[tuple[str, ...], ...]:
    """Full matrix from the entries that do not vanish; the key "02" (or "20") is row 0, column 2."""
    rows = [["0"] * n for _ in range(n)]
    for (i, j), text in ((map(int, key), text) for key, text in entries.items()):
        rows[i][j] = rows[j][i] = text
    return tuple(map(tuple, rows))


_X3 = {"x": "3/10", "y": "1/2", "z": "7/10"}
_U, _V, _W = "2 + x**2/5 + x*y*z/3 + z**3/4", "3 + y**2/2 - x*z**2/5 + x**3/7", "1 + z**2/3 + x**2*y/2 + y**3/5"
_OFF = {"p": "x*y/5 + z**2/6", "q": "y*z/7 - x**2/5", "s": "x*z/4 + y**3/9"}
_ANGLE, _RADIUS = ("0", "pi"), ("0", "oo")
_SPHERICAL = {"r": _RADIUS, "theta": _ANGLE}
_EULER = ("theta", "phi", "psi")
_BLOCK = {"r": "3", "theta": "7/10", "phi": "2/5", "psi": "1/5", "t": "1/3"}


def _pick(names: tuple[str, ...], **values: str) -> dict[str, str]:
    """The usual point for these coordinates, with the constants' values."""
    return {name: _BLOCK[name] for name in names} | values


def _kerr() -> Case:
    names = ("t", "r", "theta", "phi")
    rho, delta = "(r**2 + a**2*cos(theta)**2)", "(r**2 - 2*M*r + a**2)"
    entries = {
        "00": f"-(1 - 2*M*r/{rho})",
        "03": f"-2*M*a*r*sin(theta)**2/{rho}",
        "11": f"{rho}/{delta}",
        "22": rho,
        "33": f"(r**2 + a**2 + 2*M*a**2*r*sin(theta)**2/{rho})*sin(theta)**2",
    }
    return Case(
        "kerr",
        "Kerr (Boyer-Lindquist)",
        names,
        _symmetric(4, entries),
        _pick(names, M="1", a="1/2"),
        ("M", "a"),
        ranges=_SPHERICAL,
    )


def _taub_nut() -> Case:
    names = ("t", "r", "theta", "phi")
    lapse = "(r**2 - 2*M*r - n**2)/(r**2 + n**2)"
    entries = {
        "00": f"-{lapse}",
        "03": f"2*n*cos(theta)*{lapse}",
        "11": "(r**2 + n**2)/(r**2 - 2*M*r - n**2)",
        "22": "r**2 + n**2",
        "33": f"(r**2 + n**2)*sin(theta)**2 - 4*n**2*cos(theta)**2*{lapse}",
    }
    return Case(
        "taub_nut",
        "Taub-NUT",
        names,
        _symmetric(4, entries),
        _pick(names, M="1", n="1/2"),
        ("M", "n"),
        ranges=_SPHERICAL,
    )


def _u2(name: str, title: str, radial: str, base: str, fibre: str, **values: str) -> Case:
    """radial dr² + base (dθ² + sin²θ dφ²) + fibre (dψ + cos θ dφ)²."""
    names = ("r", *_EULER)
    entries = {
        "00": radial,
        "11": base,
        "22": f"{base}*sin(theta)**2 + {fibre}*cos(theta)**2",
        "23": f"{fibre}*cos(theta)",
        "33": fibre,
    }
    return Case(name, title, names, _symmetric(4, entries), _pick(names, **values), tuple(values), ranges=_SPHERICAL)


def _cp2_affine() -> Case:
    """Fubini-Study, D = 1 + |z|²: g = (|dz|²)/D - |z̄·dz|²/D², with Ric = 6 g."""
    names, size = ("x1", "y1", "x2", "y2"), "(1 + x1**2 + y1**2 + x2**2 + y2**2)"
    real, imaginary = ("x1", "y1", "x2", "y2"), ("(-y1)", "x1", "(-y2)", "x2")
    entries = {
        f"{i}{j}": (f"1/{size} - " if i == j else "-")
        + f"({real[i]}*{real[j]} + {imaginary[i]}*{imaginary[j]})/{size}**2"
        for i in range(4)
        for j in range(i, 4)
    }
    point = {"x1": "3/10", "y1": "1/2", "x2": "7/10", "y2": "-2/5"}
    return Case("cp2_affine", "CP² (affine coordinates)", names, _symmetric(4, entries), point)


_T4 = ("t", "r", "theta", "phi")
_ROUND = {"22": "r**2", "33": "r**2*sin(theta)**2"}
_XYZ = ("x", "y", "z")
_GODEL = ("t", "x", "y", "z")

_ALL = (
    Case(
        "schwarzschild",
        "Schwarzschild",
        _T4,
        _symmetric(4, {"00": "-(1 - 2*M/r)", "11": "1/(1 - 2*M/r)"} | _ROUND),
        _pick(_T4, M="1"),
        ("M",),
        ranges=_SPHERICAL,
    ),
    _kerr(),
    Case(
        "flrw",
        "FLRW",
        _T4,
        _symmetric(4, {"00": "-1", "11": "a**2/(1 - k*r**2)"} | {key: f"a**2*{e}" for key, e in _ROUND.items()}),
        _pick(_T4, k="-1/3"),
        ("k",),
        {"a": ("t",)},
        {"a": "2 + t**2/3 + t**3/5"},
        ranges=_SPHERICAL,
    ),
    Case(
        "diagonal3",
        "diagonal 3-metric, 3 functions",
        _XYZ,
        _symmetric(3, {"00": "u", "11": "v", "22": "w"}),
        _X3,
        functions={"u": _XYZ, "v": _XYZ, "w": _XYZ},
        probes={"u": _U, "v": _V, "w": _W},
    ),
    Case(
        "berger",
        "Berger S³",
        _EULER,
        _symmetric(3, {"00": "b", "11": "b*sin(theta)**2 + c*cos(theta)**2", "12": "c*cos(theta)", "22": "c"}),
        _pick(_EULER, b="2", c="3/2"),
        ("b", "c"),
        ranges={"theta": _ANGLE},
    ),
    Case(
        "general3",
        "general 3-metric, 6 functions (Ricci)",
        _XYZ,
        _symmetric(3, {"00": "u", "11": "v", "22": "w", "01": "p", "02": "q", "12": "s"}),
        _X3,
        functions=dict.fromkeys("uvwpqs", _XYZ),
        probes={"u": _U, "v": _V, "w": _W} | _OFF,
        ricci_only=True,
    ),
    _u2("cp2", "CP² (U(2) coordinates)", "1/(1 + r**2)**2", "r**2/(4*(1 + r**2))", "r**2/(4*(1 + r**2)**2)"),
    _cp2_affine(),
    Case(
        "godel",
        "Gödel",
        _GODEL,
        _symmetric(4, {"00": "-1", "02": "-exp(a*x)", "11": "1", "22": "-exp(2*a*x)/2", "33": "1"}),
        {"t": "1/3", "a": "1/2"} | _X3,
        ("a",),
    ),
    _taub_nut(),
    _u2("eguchi_hanson", "Eguchi-Hanson", "1/(1 - a**4/r**4)", "r**2/4", "r**2*(1 - a**4/r**4)/4", a="3/2"),
)

CASES = {case.name: case for case in _ALL}
