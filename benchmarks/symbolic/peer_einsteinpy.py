"""EinsteinPy: `einsteinpy.symbolic`, which simplifies Riemann, Ricci and the scalar by itself."""

from importlib.metadata import version

from protocol import Run


def main() -> None:
    """The chain of the documentation: metric -> Christoffel -> Riemann -> Ricci -> scalar."""
    run = Run()
    from einsteinpy.symbolic import (
        ChristoffelSymbols,
        MetricTensor,
        RicciScalar,
        RicciTensor,
        RiemannCurvatureTensor,
    )
    from sympy_side import answer, read

    data = read(run.case)
    scalar = None
    with run.timed():
        metric = MetricTensor(data.metric.tolist(), data.coordinates)
        christoffel = ChristoffelSymbols.from_metric(metric)
        riemann = RiemannCurvatureTensor.from_christoffels(christoffel)
        ricci = RicciTensor.from_riemann(riemann)
        if not run.case.ricci_only:
            scalar = RicciScalar.from_riccitensor(ricci).expr
    answer(run, version("einsteinpy"), ricci.tensor(), scalar)


if __name__ == "__main__":
    main()
