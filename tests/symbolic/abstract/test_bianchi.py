"""The identities of several terms: cyclic, second Bianchi, dH = 0."""

import random

import pytest
import sympy as sp

from geomflow.symbolic.abstract.canonical import canonical, equal
from geomflow.symbolic.abstract.components import evaluate
from geomflow.symbolic.abstract.expression import (
    RICCI,
    RIEMANN,
    SCALAR,
    Expression,
    Factor,
    Head,
    laplacian,
    nabla,
    norm_squared,
    ricci,
    riemann,
    scalar_curvature,
    tensor,
    tensor_field,
    term,
)
from geomflow.symbolic.abstract.forms import form_head
from geomflow.symbolic.certificates.series_frame import random_jets

Rm = riemann("a", "b", "c", "d")
DRm = nabla("e", Rm)
A, B, S = Head("A", 1), Head("B", 2, "antisymmetric"), Head("S", 2, "symmetric")
F, H = form_head(A, "F"), form_head(B, "H")
DH = nabla("d", tensor(H, "a", "b", "c"))


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (Rm + riemann("a", "c", "d", "b") + riemann("a", "d", "b", "c"), 0),
        (DRm + nabla("c", riemann("a", "b", "d", "e")) + nabla("d", riemann("a", "b", "e", "c")), 0),
        (Rm * riemann("^a", "^c", "^b", "^d"), norm_squared(Rm) / 2),
        (Rm * riemann("^a", "^d", "^c", "^b"), norm_squared(Rm) / 2),
        (Rm * tensor(B, "^a", "^c") * tensor(B, "^b", "^d"), Rm * tensor(B, "^a", "^b") * tensor(B, "^c", "^d") / 2),
        (DRm * nabla("^a", riemann("^e", "^b", "^c", "^d")), norm_squared(DRm) / 2),
        (DRm * nabla("^b", riemann("^a", "^c", "^e", "^d")), norm_squared(DRm) / 4),
        (tensor(H, "a", "b", "c") * nabla("^a", nabla("^b", tensor(A, "^c"))), 0),
        (DH * nabla("^a", tensor(H, "^d", "^b", "^c")), norm_squared(DH) / 3),
        (nabla("i", tensor(F, "j", "k")) + nabla("j", tensor(F, "k", "i")) + nabla("k", tensor(F, "i", "j")), 0),
    ],
    ids=str,
)
def test_known_consequences(left, right):
    assert equal(left, right + Expression(free=left.free))


def test_the_laplacian_of_riemann_is_second_derivatives_of_ricci_and_products():
    # Hamilton 1982, lemma 7.2: the derivatives in ΔR_abcd are ∇_a∇_c R_bd - ∇_b∇_c R_ad - ∇_a∇_d R_bc + ∇_b∇_d R_ac.
    hessian = lambda i, j, k, l: nabla(i, nabla(j, ricci(k, l)))  # noqa: E731
    leading = hessian("a", "c", "b", "d") - hessian("b", "c", "a", "d")
    leading = leading - hessian("a", "d", "b", "c") + hessian("b", "d", "a", "c")
    rest = canonical(laplacian(Rm) - leading)
    assert rest.terms
    assert not any(factor.derivatives for _, factors in rest.terms for factor in factors)


def test_the_laplacian_of_a_form_is_the_derivative_of_its_divergence_and_products():
    rest = canonical(laplacian(tensor(F, "i", "j")) - nabla("i", nabla("^k", tensor(F, "k", "j"))))
    rest = canonical(rest + nabla("j", nabla("^k", tensor(F, "k", "i"))))
    assert not any(factor.derivatives for _, factors in rest.terms for factor in factors)


def test_what_has_no_riemann_stays():
    expression = nabla("i", nabla("j", ricci("k", "l"))) * scalar_curvature()
    assert canonical(expression).terms == canonical(canonical(expression)).terms
    assert len(canonical(expression).terms) == 1


def random_monomial(generator, slots):
    """A random product with one Riem or form at least, few free indices and everything else summed at random."""
    while True:
        heads = [generator.choice([RIEMANN] * 4 + [RICCI, SCALAR, F, H, S, A]) for _ in range(generator.randint(1, 3))]
        orders = [generator.choice((0, 0, 1, 2)) for _ in heads]
        total = sum(head.rank + order for head, order in zip(heads, orders))
        if total <= slots and any(head in (RIEMANN, F, H) for head in heads):
            break
    free = "ijk"[: min(total, total % 2 + generator.choice((0, 2)))]
    names = [*free, *(f"_{k}" for k in range((total - len(free)) // 2) for _ in "ab")]
    generator.shuffle(names)
    pool = iter(names)
    take = lambda count: tuple(next(pool) for _ in range(count))  # noqa: E731
    factors = tuple(Factor(head, take(head.rank), take(order)) for head, order in zip(heads, orders))
    return Expression((term(sp.S.One, factors),), frozenset(free))


def rewritten(expression, generator):
    """The same tensor, one identity applied in place to one factor, written out here once more."""
    ((_, factors),) = expression.terms
    position = generator.choice([p for p, f in enumerate(factors) if f.head in (RIEMANN, F, H)])
    factor = factors[position]
    natural, outer = factor.indices, factor.derivatives
    if factor.head == RIEMANN and (not outer or generator.random() < 0.5):
        a, b, c, d = natural
        new = [(-1, (a, c, d, b), outer), (-1, (a, d, b, c), outer)]
    elif factor.head == RIEMANN:
        (a, b, c, d), (*outer, e) = natural, outer
        new = [(-1, (a, b, d, e), (*outer, c)), (-1, (a, b, e, c), (*outer, d))]
    elif outer:
        *outer, e = outer
        new = [(1, (*natural[:p], e, *natural[p + 1 :]), (*outer, s)) for p, s in enumerate(natural)]
    else:
        new = [(1, natural, outer)]
    terms = (
        (sp.Integer(c), (*factors[:position], Factor(factor.head, i, tuple(d)), *factors[position + 1 :]))
        for c, i, d in new
    )
    return Expression(tuple(term(c, fs) for c, fs in terms), expression.free)


@pytest.mark.parametrize("seed", range(40))
def test_equal_tensors_have_one_normal_form(seed):
    generator = random.Random(seed)
    expression = random_monomial(generator, 12)
    form = canonical(expression)
    assert canonical(rewritten(expression, generator)) == form
    assert canonical(form) == form


@pytest.mark.parametrize(("dim", "slots", "seeds"), [(2, 12, 20), (3, 10, 40), (4, 8, 12)])
def test_normal_form_has_the_same_components(dim, slots, seeds):
    for seed in range(seeds):
        expression = random_monomial(random.Random(1000 * dim + seed), slots)
        order = 2 + max(len(factor.derivatives) for factor in expression.terms[0][1])
        frame = random_jets(dim, order, (A, B, S), (), seed).frame(order)
        for left, right in zip(evaluate(expression, frame).flat, evaluate(canonical(expression), frame).flat):
            assert left.constant_term() == right.constant_term(), expression


def test_any_tensor_may_stand_beside():
    T = tensor_field("T", "^a", "^b", "^c", "^d")
    cyclic = T * (Rm + riemann("a", "c", "d", "b") + riemann("a", "d", "b", "c"))
    assert not canonical(cyclic).terms
    assert len(canonical(T * riemann("a", "d", "b", "c")).terms) == 2
