r"""The Burns metric: Kähler, of scalar curvature zero, on the blow-up of C² at a point.

    K = |z|² + m log |z|²,   ds² = 2 Re K_{i j̄} dz^i dz̄^j

A Kähler surface has W⁺ = R/12 (ω⊗ω - ...), so R = 0 makes it half conformally flat, and hence Bach-flat.

Reference: LeBrun, J. Differential Geom. 34 (1991) 223; Derdziński, Compositio Math. 49 (1983) 405.
"""

from geomflow.metrics.spaces.base import Space
from geomflow.symbolic.kaehler.spaces import burns

BURNS = Space(
    "burns",
    lambda: burns().real_metric(),
    "The Burns metric on the blow-up of C², from its Kähler potential.",
    "LeBrun (1991); Derdziński (1983)",
    {
        "scalar": "0",
        "ricci_flat": False,
        "half_flat": True,
        "conformally_flat": False,
        "bach_flat": True,
        "potential": ("z1 z2", "2*(abs2(z1, z2) + m*log(abs2(z1, z2)))", "m"),
        "killing": ("x1*d_y1 - y1*d_x1", "x1*d_x2 + y1*d_y2 - x2*d_x1 - y2*d_y1"),
    },
    "++++",
)

FAMILY = (BURNS,)
