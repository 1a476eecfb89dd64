"""Complex charts: typed conjugates, conjugation, unknown functions, and the way to real coordinates."""

import pytest
import sympy as sp

from geomflow.core.errors import ArgumentError, DerivationError
from geomflow.symbolic.kaehler.complex_chart import ComplexChart


def test_text_and_sympy_mean_the_same():
    chart = ComplexChart("z1 z2", constants="a")
    z1, z2 = chart.holomorphic
    zb1, zb2 = chart.antiholomorphic
    assert chart.parse("abs2(z1, z2)") == z1 * zb1 + z2 * zb2 == chart.norm2
    assert chart.parse("conj(a + I*z1*zb2^2)") == chart.constants[0] - sp.I * zb1 * z2**2
    assert chart.parse("abs2(abs2(z1) + z2)") == (z1 * zb1 + z2) * (z1 * zb1 + zb2)
    assert chart.parse(sp.Abs(z1) ** 2 + sp.conjugate(z2)) == z1 * zb1 + zb2
    assert sp.latex(zb2) == r"\bar{z}_{2}"
    assert ComplexChart("w").antiholomorphic[0].name == "wb"
    with pytest.raises(DerivationError, match="bracket is not closed"):
        chart.parse("abs2(z1")
    with pytest.raises(DerivationError, match=r"`z3` in `abs2\(z3\)` is unknown"):
        chart.parse("abs2(z3)")


@pytest.mark.parametrize(
    ("text", "conjugate"),
    [
        ("I*z1/(1 + abs2(z1)) + a", "-I*zb1/(1 + abs2(z1)) + a"),
        ("log(z1 + 2*zb2)", "log(zb1 + 2*z2)"),
        ("exp(z1 + 2*zb1)*sin(z2)", "exp(zb1 + 2*z1)*sin(zb2)"),
        ("sqrt(abs2(z1, z2) + 1)*z1 + cosh(a*z1)", "sqrt(abs2(z1, z2) + 1)*zb1 + cosh(a*zb1)"),
        ("diff(K, z1) + I*diff(K, z1, zb2)", "diff(K, zb1) - I*diff(K, zb1, z2)"),
        ("h*diff(h, z1)*zb1", "hb*diff(hb, zb1)*z1"),
        ("u'*z1 + I*u", "u'*zb1 - I*u"),
    ],
)
def test_conjugation(text, conjugate):
    chart = ComplexChart(
        "z1 z2",
        constants="a",
        functions={"K": "z1 z2 zb1 zb2", "h": "z1 z2", "u": "log(1 + abs2(z1, z2))"},
    )
    element, expected = chart.elements([text, conjugate])
    assert chart.conjugate(element) == expected
    assert chart.conjugate(expected) == element
    assert not chart.is_real(element)
    assert chart.is_real(element + expected)
    for k in range(4):  # ∂_k̄ of the conjugate is the conjugate of ∂_k
        assert chart.conjugate(element.derivative(k)) == expected.derivative((k + 2) % 4)


def test_functions_of_an_expression_follow_the_chain_rule():
    chart = ComplexChart("z", functions={"u": "abs2(z)^2", "v": "z + zb, t"}, parameters="t")
    model = {"u": sp.sin, "v": lambda s, t: sp.exp(2 * s) * t**3}
    (z,), (zb,), (t,) = chart.holomorphic, chart.antiholomorphic, chart.parameters
    concrete = {"u": model["u"](z**2 * zb**2), "v": model["v"](z + zb, t)}
    for name, orders in [("u", [(1, 0, 0), (2, 1, 0)]), ("v", [(1, 1, 0), (0, 2, 1), (1, 0, 2)])]:
        for order in orders:
            element = chart.element(name)
            for k, times in enumerate(order):
                for _ in range(times):
                    element = element.derivative(k)
            shown = chart.sympy(element)
            for f in shown.atoms(sp.Function):
                if hasattr(f, "order"):
                    arguments = [sp.Dummy() for _ in f.args]
                    value = model[name](*arguments)
                    for a, n in zip(arguments, f.order):
                        value = sp.diff(value, a, n)
                    shown = shown.xreplace({f: value.subs(dict(zip(arguments, f.args)))})
            expected = sp.diff(concrete[name], *((x, n) for x, n in zip(chart.coordinates, order) if n))
            assert sp.simplify(shown - expected) == 0
    assert str(chart.parse("u''*diff(v, t)")) in ("u''*v_t", "v_t*u''")
    assert sp.latex(chart.parse("u'''''")) == "u^{(5)}"
    for typed in ("u'''''", "v_sst", "v_t"):
        assert str(chart.parse(typed)) == typed
    assert chart.parse("v_sst") == sp.diff(chart.functions["v"], z, zb, t)


@pytest.mark.parametrize(
    ("functions", "sentence"),
    [
        ({"K": "z1 zb2"}, "neither real"),
        ({"u": "z1*zb2"}, "real expressions"),
        ({"z1": "z2"}, "stands twice"),
        ({"zb1": "abs2(z2)"}, "stands twice"),
        ({"h": "z1", "hb": "z2"}, "name of its conjugate"),
        ({"u": "log(w)"}, "unknown"),
    ],
)
def test_functions_that_are_neither_real_nor_holomorphic(functions, sentence):
    with pytest.raises((ArgumentError, DerivationError), match=sentence):
        ComplexChart("z1 z2", functions=functions)


def test_functions_that_are_not_declared():
    chart = ComplexChart("z w")
    z, w, zb, _ = chart.coordinates
    real, mixed = sp.Function("f")(z, zb), sp.Function("g")(z, w)
    assert chart.is_real(chart.element(sp.diff(real, z, zb)))
    with pytest.raises(DerivationError, match="Declare the function"):
        chart.conjugate(chart.element(mixed))
    with pytest.raises(ArgumentError, match="cannot be positive"):
        ComplexChart("z", positive="z")


def test_real_coordinates_keep_products_and_derivatives():
    chart = ComplexChart("z w", constants="a", functions={"K": "z zb", "u": "abs2(z, w)"})
    real, to_real = chart.real()
    assert [x.name for x in real.coordinates] == ["x", "y", "wx", "wy"]
    texts = ["z*wb + a", "1/(1 + abs2(z, w))", "diff(K, z, zb)", "log(abs2(z))", "u'*zb", "sqrt(1 + abs2(w))*z"]
    elements = chart.elements(texts)
    unit = real.element("I")
    for e in elements:
        for k in range(2):
            d_x, d_y = (to_real(e).derivative(2 * k + m) for m in (0, 1))
            assert to_real(e.derivative(k)) == (d_x - unit * d_y) / 2
            assert to_real(e.derivative(2 + k)) == (d_x + unit * d_y) / 2
    assert to_real(elements[0] * elements[1]) == to_real(elements[0]) * to_real(elements[1])
    assert to_real(elements[2]) == real.element("(diff(K, x, 2) + diff(K, y, 2))/4")
    with pytest.raises(ArgumentError, match="without parameters and holomorphic functions"):
        ComplexChart("z", parameters="t").real()
    with pytest.raises(ArgumentError, match="`h`"):
        ComplexChart("z", functions={"h": "z"}).real()
    with pytest.raises(ArgumentError, match="need 4 names"):
        chart.real("x y")
