r"""The flat torus: every flow rests on it, and every linearisation starts from it."""

from geomflow.metrics.torus.base import TorusMetric, torus_metric


def flat(dim: int) -> TorusMetric:
    r"""Return the flat metric δ_ij on T^dim with Lebesgue measure."""
    matrix = [[1 if i == j else 0 for j in range(dim)] for i in range(dim)]
    return torus_metric(f"flat-t{dim}", matrix, note="Rm = 0: a fixed point of every flow.")


FLAT_T2, FLAT_T3 = flat(2), flat(3)
