"""GraviPy: lazy components, each simplified when it is first asked for."""

from importlib.metadata import version

from protocol import Run


def main() -> None:
    """Every component of Γ, Riemann, Ricci and the scalar, symmetries used by GraviPy itself."""
    run = Run()
    from itertools import product

    from gravipy.tensorial import All, Christoffel, Coordinates, MetricTensor, Ricci, Riemann
    from sympy_side import answer, read

    data = read(run.case)
    indices = range(1, run.case.dim + 1)
    scalar = None
    with run.timed():
        chart = Coordinates("x", data.coordinates)
        metric = MetricTensor("g", chart, data.metric)
        gamma = Christoffel("Ga", metric)
        ricci = Ricci("Ri", metric)
        if not run.case.ricci_only:
            for i, j, k in product(indices, repeat=3):
                gamma(-i, j, k)
            riemann = Riemann("Rm", metric)
            for index in product(indices, repeat=4):
                riemann(*index)
            scalar = ricci.scalar()
        components = ricci(All, All)
    answer(run, version("GraviPy"), components, scalar)


if __name__ == "__main__":
    main()
