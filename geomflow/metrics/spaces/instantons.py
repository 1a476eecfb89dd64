r"""Ricci-flat metrics with U(2) symmetry: Taub-NUT and Eguchi-Hanson.

With \(\sigma_1 = \cos\psi\,d\theta + \sin\psi\sin\theta\,d\varphi\), \(\sigma_2 = -\sin\psi\,d\theta +
\cos\psi\sin\theta\,d\varphi\), \(\sigma_3 = d\psi + \cos\theta\,d\varphi\), Eguchi-Hanson is

    ds² = dr²/(1 - a⁴/r⁴) + r²/4 (1 - a⁴/r⁴) σ3² + r²/4 (σ1² + σ2²)

with Kähler forms \(d(r^2\sigma_3/4)\), \(d(\sqrt{r^4-a^4}\,\sigma_1/4)\), \(d(\sqrt{r^4-a^4}\,\sigma_2/4)\).

Reference: Eguchi, Gilkey, Hanson, Phys. Rep. 66 (1980) 213, section 10; Taub-NUT: Hawking, Phys. Lett. A 60 (1977) 81.
"""

from geomflow.metrics.spaces.base import Space, line

SIGMA_1 = "(cos(psi)*dtheta + sin(psi)*sin(theta)*dphi)"
SIGMA_2 = "(-sin(psi)*dtheta + cos(psi)*sin(theta)*dphi)"
SIGMA_3 = "(dpsi + cos(theta)*dphi)"
ROUND = "(dtheta^2 + sin(theta)^2*dphi^2)"
_F = "(r^2 - 2*M*r - n^2)/(r^2 + n^2)"

EGUCHI_HANSON = Space(
    "eguchi-hanson",
    line(
        "r theta phi psi",
        f"dr^2/(1 - a^4/r^4) + r^2/4*(1 - a^4/r^4)*{SIGMA_3}^2 + r^2/4*{ROUND}",
        "a",
        positive="r a",
    ),
    "The hyperkähler metric on the cotangent bundle of S².",
    "Eguchi, Gilkey, Hanson, section 10.2",
    {
        "ricci_flat": True,
        "half_flat": True,
        "kretschmann": "384*a^8/r^12",
        "volume_density": "r^3*sin(theta)/8",
        "kaehler": (
            f"r^2/4*{SIGMA_3}",
            f"sqrt(r^4 - a^4)/4*{SIGMA_1}",
            f"sqrt(r^4 - a^4)/4*{SIGMA_2}",
        ),
        "killing": ("d_psi", "d_phi", "sin(phi)*d_theta + cos(phi)*cot(theta)*d_phi - cos(phi)/sin(theta)*d_psi"),
    },
    "++++",
    {"r": 2},
)

TAUB_NUT = Space(
    "taub-nut",
    line("r theta phi psi", f"(r + n)/(r - n)/4*dr^2 + n^2*(r - n)/(r + n)*{SIGMA_3}^2 + (r^2 - n^2)/4*{ROUND}", "n"),
    "The self-dual Taub-NUT metric on R⁴, asymptotically a circle bundle.",
    "Hawking (1977); Eguchi, Gilkey, Hanson, section 10.1",
    {
        "ricci_flat": True,
        "half_flat": True,
        "volume_density": "n*(r^2 - n^2)*sin(theta)/8",
        "killing": ("d_psi", "d_phi"),
        "conformally_flat": False,
    },
    "++++",
    {"r": 3},
)

TAUB_NUT_LORENTZIAN = Space(
    "taub-nut-lorentzian",
    line(
        "t r theta phi",
        f"-{_F}*(dt + 2*n*cos(theta)*dphi)^2 + dr^2/({_F}) + (r^2 + n^2)*{ROUND}",
        "M n",
    ),
    "Taub-NUT space of mass M and NUT charge n.",
    "Misner, J. Math. Phys. 4 (1963) 924; Stephani et al. (20.5)",
    {
        "ricci_flat": True,
        "killing": ("d_t", "d_phi", "sin(phi)*d_theta + cos(phi)*cot(theta)*d_phi - 2*n*cos(phi)/sin(theta)*d_t"),
        "volume_density": "(r^2 + n^2)*sin(theta)",
    },
    "-+++",
    {"r": 5, "M": 1},
)

FAMILY = (EGUCHI_HANSON, TAUB_NUT, TAUB_NUT_LORENTZIAN)
