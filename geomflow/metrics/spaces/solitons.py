r"""Gradient Ricci solitons, \(\mathrm{Ric} + \nabla^2 f = \lambda g\): shrinking for λ > 0, steady for λ = 0.

The Bryant soliton is known by its equations: for \(dr^2 + w(r)^2 g_{S^{n-1}}\) and f(r)

    f'' = (n-1) w''/w,   w w'' = (n-2)(1 - w'²) + w w' f'

Kähler metrics with U(2) symmetry, \(\sigma_3 = d\psi + \cos\theta\,d\varphi\): with f = cx and λ = k,

    g = dx²/(4F) + F/4 σ3² + x/4 (σ1² + σ2²),   F' + F/x - cF = 2 - kx/2

Reference: Chow et al., The Ricci Flow: Techniques and Applications I (2007), chapter 1; Hamilton, Contemp. Math. 71
(1988) 237; Feldman, Ilmanen, Knopf, J. Differential Geom. 65 (2003) 169.
"""

from __future__ import annotations

from itertools import pairwise

from geomflow.metrics.spaces.base import Space, line
from geomflow.metrics.spaces.warped import sphere_element

_SIGMA_3 = "(dpsi + cos(theta)*dphi)"
_ROUND = "(dtheta^2 + sin(theta)^2*dphi^2)"
_P = "(diff(F, x) + F/x)"
_PROFILE = "2 - k*x/2 + c*F - F/x"
_FIK = "(x/sqrt(2) + 2*(1 - sqrt(2)) + 2*sqrt(2)*(1 - sqrt(2))/x)"

CIGAR = Space(
    "cigar",
    line("x y", "(dx^2 + dy^2)/(1 + x^2 + y^2)"),
    "Hamilton's cigar, the steady soliton on the plane.",
    "Hamilton (1988); Chow et al. I, section 1.3",
    {
        "scalar": "4/(1 + x^2 + y^2)",
        "soliton": ("-log(1 + x^2 + y^2)", "0"),
        "soliton_field": ("-2*x*d_x - 2*y*d_y", "0"),
        "first_integral": ("-log(1 + x^2 + y^2)", "0", "4"),
        "killing": "x*d_y - y*d_x",
        "not_killing": ("d_x",),
    },
    "++",
)

GAUSSIAN = Space(
    "gaussian-soliton",
    line("x y z", "dx^2 + dy^2 + dz^2", "lam"),
    "Flat space as a shrinking, steady or expanding soliton.",
    "Chow et al. I, section 1.2",
    {
        "flat": True,
        "soliton": ("lam*(x^2 + y^2 + z^2)/2", "lam"),
        "first_integral": ("lam*(x^2 + y^2 + z^2)/2", "lam", "0"),
        "eigenfunction": (("sin(x)*cos(y)", "2"),),
    },
    "+++",
)

CYLINDER = Space(
    "cylinder",
    line("z theta phi", f"dz^2 + a^2*{_ROUND}", "a"),
    "S²×R, round: a shrinking soliton, the model of a neckpinch.",
    "Chow et al. I, section 1.2",
    {
        "scalar": "2/a^2",
        "ricci_mixed": {"theta theta": "1/a^2", "phi phi": "1/a^2"},
        "soliton": ("z^2/(2*a^2)", "1/a^2"),
        "first_integral": ("z^2/(2*a^2)", "1/a^2", "2/a^2"),
        "parallel": "d_z",
        "locally_symmetric": True,
        "conformally_flat": True,
        "flow": {"a": "-1/a"},
    },
    "+++",
)


def bryant(n: int) -> Space:
    r"""Return the equations of the Bryant soliton in dimension n, whose solution is no elementary function."""
    angles, round_one = sphere_element(n - 1)
    squares = {"theta": ""}
    for before, angle in pairwise(angles):
        squares[angle] = squares[before] + f"*sin({before})^2"
    round_part = "1 - w'^2" if n == 3 else f"{n - 2}*(1 - w'^2)"
    across = f"({round_part} - w*w'' + w*w'*f')"
    rules = {"f''": f"{n - 1}*w''/w", "w''": f"({round_part} + w*w'*f')/w"}
    return Space(
        f"bryant-{n}",
        line(" ".join(["r", *angles]), f"dr^2 + w^2*{round_one}", functions={"w": "r", "f": "r"}),
        f"The Bryant steady soliton of dimension {n}, as a system of ordinary differential equations.",
        "Bryant (unpublished, 1992); Chow et al. I, section 1.4",
        {
            "soliton_equations": (
                "f",
                "0",
                {"r r": f"f'' - {n - 1}*w''/w", **{f"{x} {x}": across + squares[x] for x in angles}},
            ),
            "on_shell": ((rules, "soliton", ("f", "0")), (rules, "first_integral", ("f", "0", ""))),
            "conformally_flat": True,
        },
        "+" * n,
        {"w": "sinh(r)", "f": "r^2"},
    )


CALABI = Space(
    "calabi-u-2",
    line("x theta phi psi", f"dx^2/(4*F) + F/4*{_SIGMA_3}^2 + x/4*{_ROUND}", "c k", {"F": "x"}),
    "Kähler metrics with U(2) symmetry on complex line bundles over CP¹, profile F.",
    "Calabi, Ann. Sci. ENS 12 (1979) 269; Feldman, Ilmanen, Knopf (2003)",
    {
        "ricci_mixed": {
            "x x": f"-2*diff({_P}, x)",
            "psi psi": f"-2*diff({_P}, x)",
            "theta theta": f"(4 - 2*{_P})/x",
            "phi phi": f"(4 - 2*{_P})/x",
            "psi phi": f"cos(theta)*(-2*diff({_P}, x) - (4 - 2*{_P})/x)",
        },
        "kaehler": f"x/4*{_SIGMA_3}",
        "volume_density": "x*sin(theta)/16",
        "on_shell": (
            ({"F'": _PROFILE}, "soliton", ("c*x", "k")),
            ({"F'": _PROFILE}, "first_integral", ("c*x", "k", "")),
        ),
        "killing": ("d_psi", "d_phi"),
    },
    "++++",
    {"F": "x"},
)

SURFACE = Space(
    "soliton-surface",
    line("x theta", "dx^2/(4*F) + F*dtheta^2", "c k", {"F": "x"}),
    "Surfaces with a rotation by their moment map x: every soliton in dimension 2.",
    "Chow et al. I, section 1.3",
    {
        "scalar": "-4*F''",
        "volume_density": "1/2",
        "killing": "d_theta",
        "on_shell": (({"F'": "1 - k*x/2 + c*F"}, "soliton", ("c*x", "k")),),
    },
    "++",
    {"F": "x"},
)

FIK = Space(
    "fik-soliton",
    line(
        "x theta phi psi",
        f"dx^2/(4*({_FIK})) + ({_FIK})/4*{_SIGMA_3}^2 + x/4*{_ROUND}",
    ),
    "The shrinking soliton of Feldman, Ilmanen and Knopf on the blow-up of C² at the origin, x >= 2.",
    "Feldman, Ilmanen, Knopf (2003)",
    {
        "soliton": ("x/sqrt(2)", "1"),
        "kaehler": f"x/4*{_SIGMA_3}",
        "first_integral": ("x/sqrt(2)", "1", ""),
        "killing": ("d_psi", "d_phi"),
    },
    "++++",
    {"x": 3},
)

FAMILY = (CIGAR, GAUSSIAN, CYLINDER, *(bryant(n) for n in (3, 4)), SURFACE, CALABI, FIK)
