r"""Exact solutions of Ricci flow: torus metrics.

On T³, metrics a² dx² + e^{2v} dy² + e^{-2v} dz² of x and t (polarised Gowdy metrics) evolve by v_t = v_ss and
a_t = 2 a v_s² with ds = a dx. As a function of v and t, p = v_s² obeys p_t = p p'' - p'²/2 - 4p² and keeps the form
p = A(t) - b cosh(2√2 v), b constant, A' = 4(b² - A²). Then dv/dt at fixed x is p'/2 = -√2 b sinh(2√2 v), which gives
tanh(√2 v) = q sin(m x) with q' = -m² q for b = m²/4: v oscillates like a pendulum in s, elementary in x.
"""

from geomflow.metrics.spaces.base import Space, line

_WAVE = "q*sin(m*x)"
_GROWTH = f"exp((log(1 + {_WAVE}) - log(1 - {_WAVE}))/sqrt(2))"

#: The coefficients of dx², dy² and dz²: exp(2v) and its inverse, tanh(√2 v) being q sin(m x).
GOWDY = (f"(1 - q^2)/(1 - ({_WAVE})^2)", _GROWTH, f"1/{_GROWTH}")

GOWDY_TORUS = Space(
    "gowdy-torus",
    line("x y z", "{}*dx^2 + {}*dy^2 + {}*dz^2".format(*GOWDY), "m q"),
    "A polarised Gowdy metric on T³, wave number m, amplitude q = q_0 exp(-m^2 t) < 1: it flows to flat.",
    "the equations: Carfora, Isenberg, Jackson, J. Differential Geom. 31 (1990) 249; the solution: derived here",
    {"flow": {"q": "-m^2*q"}, "killing": "d_y"},
    "+++",
    {"m": 1, "q": "1/4", "x": 1},
)

FAMILY = (GOWDY_TORUS,)
