"""Derived duals: certified by split quadrature, differentiated, compared with the literature and with their limits."""

import random

import mpmath as mp
import pytest
import sympy as sp

from geomflow.symbolic.kernels.duals import derive_dual
from geomflow.symbolic.kernels.duals.certify import certify
from geomflow.symbolic.kernels.duals.dual import THETA, C, P, Q, U

GAUSSIAN = "exp(-u**2/2)"
PLAIN = {
    "erf": "erf(u)",
    "relu": "Max(0, u)",
    "leaky-relu": "Max(u, u/5)",
    "abrelu": "Piecewise((-2*u/3, u < 0), (u/2, True))",
    "abs": "Abs(u)",
    "sign": "sign(u)",
    "step": "Heaviside(u)",
    "rectified-2": "Max(0, u)**2",
    "rectified-3": "Max(0, u)**3",
    "rectified-4": "u**4*Heaviside(u)",
    "cubic": "u**3",
    "hermite-4": "u**4 - 6*u**2 + 3",
    "exp": "exp(u/2)",
    "cos": "cos(2*u + 1/3)",
    "sin": "sin(u)",
    "gaussian": GAUSSIAN,
    "gabor": f"cos(2*u)*{GAUSSIAN}",
    "ricker": f"(1 - u**2)*{GAUSSIAN}",
    "gelu": "u*(1 + erf(u/sqrt(2)))/2",
    "x-erf": "u*erf(u)",
    "smooth-relu": f"u*(1 + erf(u/sqrt(2)))/2 + {GAUSSIAN}/sqrt(2*pi)",
    "own-1": "erf(u) + u**2/3",
    "own-2": "Abs(u)*u",
    "own-3": "Max(0, u) + cos(u)",
    "own-4": "Max(0, u) + exp(u/3)",
    "own-5": "Max(0, u) - erf(u)",
    "own-6": f"Max(0, u)*{GAUSSIAN}",
    "own-7": "Heaviside(u) + u*sin(u)",
    "own-8": "erf(u)*exp(-u**2)",
    "own-9": "u*cos(u + 1) + u**2/2",
}
JUMPS = {"sign", "step", "own-7"}
HOMOGENEOUS = {name for name in PLAIN if name.startswith("rectified")} | {
    "relu",
    "leaky-relu",
    "abrelu",
    "abs",
    "own-2",
}
ANGULAR = HOMOGENEOUS | {"sign", "step"}
PARAMETRIC = [
    "Piecewise((u, u > 0), (a*u, True))",
    "Piecewise((a*u, u < 0), (b*u, True))",
    "erf(a*u)",
    "u*erf(a*u) + b*u",
    "cos(a*u + b)",
    "exp(-a**2*u**2)*cos(b*u)",
    "a*Max(0, u)**2 + b*erf(2*u)",
    "exp(a*u) + b*sign(u)",
]
VALUES = {"a": sp.Rational(-3, 5), "b": sp.Rational(4, 7)}
POINT = {P: sp.Rational(13, 10), Q: sp.Rational(3, 5), C: sp.Rational(-2, 5)}


def number(expression, point, digits=30):
    named = {s: VALUES[s.name] for s in expression.free_symbols - set(point)}
    return sp.N(expression.subs(named).subs(point), digits)


def close(left, right, point=POINT, digits=25):
    return abs(number(left, point) - number(right, point)) < 10 ** -sp.Integer(digits)


@pytest.mark.parametrize("name", PLAIN)
def test_certificate_by_split_quadrature(name):
    assert certify(derive_dual(PLAIN[name])).worst < 2e-11


@pytest.mark.parametrize("activation", [*PLAIN.values(), *PARAMETRIC])
def test_price(activation):
    dual = derive_dual(activation)
    assert close(sp.diff(dual.kernel, C), dual.derivative)
    swapped = {P: Q, Q: P}
    assert close(dual.kernel, dual.kernel.subs(swapped, simultaneous=True))
    assert close(dual.derivative, dual.derivative.subs(swapped, simultaneous=True))


@pytest.mark.parametrize("name", PLAIN)
def test_diagonal_is_the_limit(name):
    dual = derive_dual(PLAIN[name])
    p, tiny = sp.Rational(7, 5), sp.Rational(1, 10**40)
    near = {P: p, Q: p, C: p * (1 - tiny)}
    with mp.workdps(60):
        assert abs(number(dual.kernel, near, 60) - number(dual.diagonal, {P: p}, 60)) < 1e-15
        if name in JUMPS:
            assert dual.slope == sp.oo
        else:
            assert abs(number(dual.derivative, near, 60) - number(dual.slope, {P: p}, 60)) < 1e-15


@pytest.mark.parametrize("name", PLAIN)
def test_form_in_the_angle(name):
    dual = derive_dual(PLAIN[name])
    assert (dual.angular is not None) == (name in ANGULAR)
    if dual.angular is None:
        return
    n, angle = dual.angular.degree, {THETA: sp.Rational(9, 5)}
    at = {P: sp.Rational(2), Q: sp.Rational(1, 3), C: sp.sqrt(sp.Rational(2, 3)) * sp.cos(angle[THETA])}
    scale = sp.sqrt(at[P] * at[Q])
    assert abs(number(dual.kernel, at) - scale**n * number(dual.angular.kernel, angle)) < 1e-25
    assert abs(number(dual.derivative, at) - scale ** (n - 1) * number(dual.angular.derivative, angle)) < 1e-25


def test_closed_forms_of_the_literature():
    root = sp.sqrt(P * Q - C**2)
    theta = sp.acos(C / sp.sqrt(P * Q))
    squares = (P + 1) * (Q + 1)
    known = {
        # Williams 1997; Cho and Saul 2009 (their kernels are twice these); Tsuchida, Pearce, van der Heide et al. 2021.
        "erf(u)": 2 / sp.pi * sp.asin(2 * C / sp.sqrt((1 + 2 * P) * (1 + 2 * Q))),
        "Heaviside(u)": (sp.pi - theta) / (2 * sp.pi),
        "Max(0, u)": (root + (sp.pi - theta) * C) / (2 * sp.pi),
        "Max(0, u)**2": (3 * C * root + (sp.pi - theta) * (P * Q + 2 * C**2)) / (2 * sp.pi),
        "exp(u)": sp.exp((P + Q + 2 * C) / 2),
        "sin(u)": sp.exp(-(P + Q) / 2) * sp.sinh(C),
        "cos(u)": sp.exp(-(P + Q) / 2) * sp.cosh(C),
        GAUSSIAN: 1 / sp.sqrt(squares - C**2),
        "u**3": 9 * P * Q * C + 6 * C**3,
        "u**2 - 1": 2 * C**2 + (P - 1) * (Q - 1),
        "u*(1 + erf(u/sqrt(2)))/2": C / 4
        + (C**2 * (1 - P * Q) + P * Q * squares) / (2 * sp.pi * squares * sp.sqrt(squares - C**2))
        + C / (2 * sp.pi) * sp.asin(C / sp.sqrt(squares)),
    }
    for activation, kernel in known.items():
        assert close(derive_dual(activation).kernel, kernel), activation


def test_print_as_in_a_paper():
    root = sp.sqrt(P * Q - C**2)
    arcsine = sp.asin(C / (sp.sqrt(P) * sp.sqrt(Q)))
    assert derive_dual("erf(u)").kernel == 2 * sp.asin(2 * C / (sp.sqrt(1 + 2 * P) * sp.sqrt(1 + 2 * Q))) / sp.pi
    assert derive_dual("Max(0, u)").kernel == C / 4 + (C * arcsine + root) / (2 * sp.pi)
    assert derive_dual("Max(0, u)").derivative == sp.Rational(1, 4) + arcsine / (2 * sp.pi)
    assert derive_dual("Max(0, u)").diagonal == P / 2
    ricker = derive_dual(f"(1 - u**2)*{GAUSSIAN}").kernel
    squares = (P + 1) * (Q + 1)
    assert ricker == (2 * C**2 + squares) / (squares - C**2) ** sp.Rational(5, 2)


@pytest.mark.parametrize(
    "same",
    [
        [
            "Max(0, u)",
            "u*Heaviside(u)",
            "(u + Abs(u))/2",
            "Piecewise((0, u < 0), (u, True))",
            "-Min(0, -u)",
            "Max(0, x)",
        ],
        ["Abs(u)", "Max(u, -u)", "u*sign(u)", "sqrt(u**2)", "2*Max(0, u) - u", "1.0*Abs(u)"],
        ["cos(u)**2", "(1 + cos(2*u))/2", "1 - sin(Abs(u))**2"],
        ["erf(u)", "1 - erfc(u)", "-erf(-u)", "sign(u)*erf(Abs(u))"],
        ["Max(0, u)**3", "u**2*Max(0, u)", "Piecewise((u**3, u >= 0), (0, True))"],
    ],
)
def test_ways_to_write_one_activation(same):
    first, *others = (derive_dual(text) for text in same)
    for other in others:
        assert other.kernel == first.kernel
        assert other.derivative == first.derivative


def test_parameters():
    a = sp.Symbol("a", real=True)
    leaky = derive_dual("Piecewise((u, u > 0), (a*u, True))").kernel
    assert close(leaky.subs(a, sp.Rational(1, 5)), derive_dual("Max(u, u/5)").kernel)
    # Derived for a positive steepness and valid for either sign: erf(-u/2) = -erf(u/2).
    for text, sign in (("u*erf({})", -1), ("u*erf({}) + u", 1), ("erf({}) + exp(u)", 1)):
        general, half = derive_dual(text.format("a*u")), derive_dual(text.format("-u/2"))
        assert close(general.kernel.subs(a, -sp.Rational(1, 2)), half.kernel), (text, sign)
    n = sp.Symbol("n", negative=True)
    negative = derive_dual(sp.erf(n * U) + U).kernel
    assert close(negative.subs(n, -sp.Rational(1, 2)), derive_dual("erf(-u/2) + u").kernel)
    width = sp.Symbol("s", positive=True)
    gaussian = derive_dual(sp.exp(-(U**2) / (2 * width**2)))
    assert gaussian.kernel.subs(width, 1) == derive_dual(GAUSSIAN).kernel
    assert gaussian.diagonal == width / sp.sqrt(width**2 + 2 * P)
    phase = derive_dual("sqrt(2)*cos(w*u + theta)").kernel
    w, theta = sp.symbols("w theta", real=True)
    expected = sp.exp(-(w**2) * (P + Q) / 2) * (sp.exp(w**2 * C) + sp.cos(2 * theta) * sp.exp(-(w**2) * C))
    assert sp.expand(phase - expected, power_exp=True) == 0


SMOOTH = ["u", "u**2 - 1", "u**3/3", "exp(u/2)", "cos(u + 1)", "u*sin(u)", "exp(-u**2)", "u*exp(-u**2/3)"]
EDGED = ["erf(u)", "u*erf(u/2)", "u**2*erf(u)", "Max(0, u)", "Abs(u)", "sign(u)", "u**2*Heaviside(u)", "u*Abs(u)"]
TILTED = ["exp(-u**2)*sign(u)", "exp(-u**2/2)*Abs(u)", "u*erf(u)*exp(-u**2/2)"]


@pytest.mark.parametrize("seed", range(8))
def test_random_activations(seed):
    draw = random.Random(seed)
    words = [draw.choice(SMOOTH), draw.choice(EDGED), draw.choice(SMOOTH + EDGED + TILTED)]
    text = " + ".join(f"({sp.Rational(draw.randint(-9, 9) or 1, draw.randint(2, 7))})*{word}" for word in words)
    points = [("6/5", "7/10", "1/2"), ("1/2", "3/2", "-3/5")]
    assert certify(derive_dual(text), points).worst < 1e-11, text


def test_derivation_reads_as_in_a_paper():
    text = derive_dual("Max(0, u)").derivation.text()
    places = [text.index(words) for words in ("θ", "δ", "Dirac comb", "K' =", "K =")]
    assert places == sorted(places)
    assert text.count("Price") == 2
    gelu = derive_dual(PLAIN["gelu"])
    assert gelu.derivation.aligned().count("Price") == 2
    assert (gelu.method, derive_dual("cos(u)").method) == ("price", "moments")
    assert "Isserlis" in derive_dual("cos(u)").derivation.text()


def test_no_call_of_integrate(monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("sympy.integrate was called")

    monkeypatch.setattr(sp.Integral, "doit", refuse)
    monkeypatch.setattr(sp, "integrate", refuse)
    assert derive_dual("7*Max(0, u) + 3*erf(u) + cos(u)*exp(-u**2)").kernel.has(sp.asin)


def test_kept():
    assert derive_dual("erf(x)") is derive_dual(sp.erf(U))
    assert derive_dual("3").kernel == 9
    assert derive_dual("3").derivative == 0
