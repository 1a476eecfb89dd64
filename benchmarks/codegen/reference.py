"""The values every answer is compared with: index contractions at 40 digits; no code shared with what is measured."""

import mpmath
import numpy as np
import sympy
from cases import COORDINATES, Case, block, unpack

DIGITS = 40
STEP = mpmath.mpf(10) ** -18  # of the one-sided difference quotients: error about 1e-18


def _ricci(g: np.ndarray, dg: np.ndarray, ddg: np.ndarray, sizes: bool = False) -> np.ndarray:
    """Ric_bd = d_a Γ^a_bd - d_d Γ^a_ab + ΓΓ - ΓΓ of mpmath numbers; with `sizes` the terms' absolute values summed."""
    n = len(g)
    inverse = np.array((mpmath.matrix(g.tolist()) ** -1).tolist(), dtype=object)
    minus = 1 if sizes else -1
    if sizes:
        inverse, dg, ddg = (np.vectorize(abs, otypes=[object])(a) for a in (inverse, dg, ddg))
    half = mpmath.mpf(1) / 2
    # first[l,i,j] = Γ_{l,ij}; its derivative has the direction last
    first = half * (dg + dg.transpose(0, 2, 1) + minus * dg.transpose(2, 0, 1))
    dfirst = half * (ddg + ddg.transpose(0, 2, 1, 3) + minus * ddg.transpose(2, 0, 1, 3))
    gamma = np.einsum("al,lij->aij", inverse, first)
    dinverse = minus * np.einsum("ai,ijk,jb->abk", inverse, dg, inverse)
    dgamma = np.einsum("alk,lij->aijk", dinverse, first) + np.einsum("al,lijk->aijk", inverse, dfirst)
    linear = np.einsum("abda->bd", dgamma) + minus * np.einsum("aabd->bd", dgamma)
    quadratic = np.einsum("aae,ebd->bd", gamma, gamma) + minus * np.einsum("ade,eab->bd", gamma, gamma)
    return (linear + quadratic).reshape(n, n)


def _exact(rows: np.ndarray) -> np.ndarray:
    return np.vectorize(mpmath.mpf, otypes=[object])(rows)


def _coordinate_jets(case: Case, points: np.ndarray) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """g, ∂g, ∂∂g of the closed form, differentiated by SymPy and evaluated at 40 digits."""
    x = sympy.symbols(COORDINATES)
    n = case.dim
    g = np.array([[sympy.sympify(e) for e in row] for row in case.metric], dtype=object)
    flat = [*g.flat]
    flat += [sympy.diff(e, k) for e in g.flat for k in x]
    flat += [sympy.diff(e, k, l) for e in g.flat for k in x for l in x]
    values = sympy.lambdify(x, flat, modules="mpmath", cse=True)
    jets = []
    for point in points:
        v = np.array([mpmath.mpf(e) for e in values(*map(mpmath.mpf, point))], dtype=object)
        jets.append((v[:16].reshape(n, n), v[16:80].reshape(n, n, n), v[80:].reshape(n, n, n, n)))
    return jets


def _gradient(case: Case, row: np.ndarray) -> list:
    """Difference quotients of sum_p w_p Ric_p by every packed jet."""

    def value(jets: np.ndarray):
        g, dg, ddg = (a[0] for a in unpack(case, jets[None]))
        ricci = _ricci(g, dg, ddg)
        return sum(w * ricci[i, j] for w, (i, j) in zip(row[case.jets :], case.pairs))

    start = value(row[: case.jets])
    quotients = []
    for q in range(case.jets):
        moved = row[: case.jets].copy()
        moved[q] += STEP
        quotients.append((value(moved) - start) / STEP)
    return quotients


def truth(case: Case) -> tuple[np.ndarray, np.ndarray]:
    """Values of the first points (one row each) and the sizes that deviations are divided by.

    Size: for Ricci the sum of the absolute values of a component's terms (Kerr's Ricci is zero, its terms are not); for
    a gradient the largest component at the point.
    """
    rows = block(case)[: case.sample]
    with mpmath.workdps(DIGITS):
        if case.gradient:
            values = np.array([_gradient(case, row) for row in _exact(rows)]).astype(float)
            return values, np.broadcast_to(np.abs(values).max(axis=1, keepdims=True), values.shape)
        if case.metric:
            jets = _coordinate_jets(case, rows)
        else:
            jets = list(zip(*unpack(case, _exact(rows))))
        answer = []
        for sizes in (False, True):
            full = [_ricci(*jet, sizes=sizes) for jet in jets]
            answer.append(np.array([[float(r[i, j]) for i, j in case.pairs] for r in full]))
    answer[1][answer[1] == 0] = 1.0
    return answer[0], answer[1]
