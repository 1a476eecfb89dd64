import random

import pytest
from flint import fmpq

from geomflow.core.errors import ArgumentError
from geomflow.symbolic.certificates.series import SeriesRing, multi_indices


def random_series(dim, order, seed, constant=None):
    generator = random.Random(seed)
    value, tangent = (
        {a: fmpq(generator.randint(-5, 5), generator.randint(1, 4)) for a in multi_indices(dim, order)} for _ in "ab"
    )
    if constant is not None:
        value[(0,) * dim] = fmpq(constant)
    return SeriesRing(dim, order).element(value, tangent)


def same(a, b, order=None):
    alphas = multi_indices(a.ring.dim, min(a.order, b.order) if order is None else order)
    return all(
        a.coefficient(x) == b.coefficient(x) and a.tangent_coefficient(x) == b.tangent_coefficient(x) for x in alphas
    )


@pytest.mark.parametrize(("dim", "order"), [(1, 5), (2, 4), (3, 3), (4, 2)])
def test_ring_operations(dim, order):
    a, b = random_series(dim, order, 1, constant=3), random_series(dim, order, 2)
    one = a.ring.constant(1)
    assert same(a * (b + 1), a * b + a)
    assert same(a * a.inverse(), one)
    unit = a * fmpq(1, 3)
    assert same(unit.sqrt() * unit.sqrt(), unit)
    nilpotent, other = a - 3, b - b.constant_term()
    assert same((nilpotent + other).exp(), nilpotent.exp() * other.exp())


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_product_against_the_definition(dim):
    order = 3
    a, b = random_series(dim, order, 3), random_series(dim, order, 4)
    for alpha in multi_indices(dim, order):
        total = sum(
            (
                a.coefficient(x) * b.coefficient(y)
                for x in multi_indices(dim, order)
                for y in multi_indices(dim, order)
                if tuple(map(sum, zip(x, y))) == alpha
            ),
            fmpq(0),
        )
        assert (a * b).coefficient(alpha) == total


def test_derivative_obeys_leibniz_and_loses_one_order():
    a, b = random_series(3, 4, 5), random_series(3, 4, 6)
    for k in range(3):
        assert same((a * b).derivative(k), a.derivative(k) * b + a * b.derivative(k))
        assert a.derivative(k).order == 3
    assert same(a.derivative(0).derivative(2), a.derivative(2).derivative(0))


def test_refusals():
    a = random_series(2, 1, 7, constant=0)
    with pytest.raises(ArgumentError, match="inverse"):
        a.inverse()
    with pytest.raises(ArgumentError, match="square root"):
        a.sqrt()
    with pytest.raises(ArgumentError, match="exponential"):
        (a + 1).exp()
    with pytest.raises(ArgumentError, match="higher order"):
        a.coefficient((2, 0))
    with pytest.raises(ArgumentError, match="no known derivative"):
        a.derivative(0).derivative(0)
