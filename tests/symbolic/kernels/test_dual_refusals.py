"""Activations outside the rules are refused with a sentence that says what is wrong and what to do."""

import pytest
import sympy as sp

from geomflow.core.errors import DerivationError, DivergentExpectationError
from geomflow.symbolic.kernels.duals import derive_dual
from geomflow.symbolic.kernels.duals.dual import P

a, complex_symbol = sp.Symbol("a", real=True), sp.Symbol("k")


@pytest.mark.parametrize(
    ("activation", "words"),
    [
        ("tanh(u)", "no finite number of Price steps: tanh; use the Mehler series"),
        ("u/(1 + exp(-u))", "no finite number of Price steps: 1/(1 + exp(-u)); use the Mehler series"),
        ("log(1 + exp(u))", "Price steps: log"),
        ("sin(u)/u", "Price steps: 1/u"),
        ("sqrt(Max(0, u))", "Price steps: sqrt(u)"),
        ("exp(exp(u))", "Price steps: exp(exp(u))"),
        ("exp(-u**4)", "quadratic in u"),
        ("cos(u**2)", "Quadratic phases"),
        ("erf(u)**2", "four dimensions"),
        ("Heaviside(u)*erf(u)", "four dimensions"),
        ("erf(u + 1)", "an edge away from 0"),
        ("Max(u, a*u)", "Declare the signs of parameters"),
        ("erf(u)*exp(u)", "bivariate normal"),
        ("Max(0, u) + exp(u)*cos(u)", "complex argument"),
        ("Abs(a)*erf(a*u)", "The sign of a in erf(a*u) must be known"),
        ("I*u", "must be real"),
        ("u +", "is not one"),
        ("a*b*g", "is an expression in u"),
        (sp.Symbol("a", real=True) * sp.Symbol("b", real=True), "Call the argument u"),
        ("relu(u)", "calls relu, which SymPy does not know"),
        ("u > 0", "must be an expression in u"),
        (None, "must be an expression in u"),
        (sp.erf(complex_symbol * sp.Symbol("u")), "['k'] are not declared so"),
    ],
)
def test_refusal(activation, words):
    with pytest.raises(DerivationError) as caught:
        derive_dual(activation)
    assert words in str(caught.value)
    assert not isinstance(caught.value, DivergentExpectationError)


@pytest.mark.parametrize(
    ("activation", "condition"),
    [
        ("exp(u**2)", "p >= 1/4"),
        ("u + exp(3*u**2)*cos(u)", "p >= 1/12"),
        ("sinh(u**2)", "p >= 1/4"),
        (sp.exp(a**2 * sp.Symbol("u") ** 2), "p >= 1/(4*a**2) if a**2 > 0"),
        (sp.exp(a * sp.Symbol("u") ** 2), "p >= 1/(4*a) if a > 0"),
        ("exp(u**3)", "every p"),
        ("exp(-(u**3))", "every p"),
        ("exp(u**4 - u**2)", "every p"),
        ("1/u", "every p"),
        ("cos(u)/u**2", "every p"),
        ("Heaviside(u)/Abs(u)", "every p"),
        ("1/sqrt(Abs(u))", "every p"),
    ],
)
def test_divergence(activation, condition):
    with pytest.raises(DivergentExpectationError) as caught:
        derive_dual(activation)
    assert caught.value.moment == "E φ(u)²"
    assert caught.value.condition == condition
    assert f"diverges for {condition}" in str(caught.value)


def test_a_decaying_gaussian_of_either_sign_converges():
    width = sp.Symbol("s", real=True)
    dual = derive_dual(sp.exp(-(sp.Symbol("u") ** 2) / (2 * width**2)))
    assert dual.diagonal.subs(width, -1) == 1 / sp.sqrt(1 + 2 * P)
