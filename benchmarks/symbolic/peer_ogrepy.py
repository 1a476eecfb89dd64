"""OGRePy: `Metric` and the tensors it derives, simplified by OGRePy itself."""

from importlib.metadata import version

from protocol import Run


def main() -> None:
    """Christoffel, Riemann, Ricci and the scalar in their default index positions."""
    run = Run()
    import OGRePy
    from sympy_side import answer, read

    data = read(run.case)
    scalar = None
    with run.timed():
        chart = OGRePy.Coordinates(*data.coordinates)
        metric = OGRePy.Metric(coords=chart, components=data.metric)
        if not run.case.ricci_only:
            metric.christoffel().components()
            metric.riemann().components()
        ricci = metric.ricci_tensor().components(indices=(-1, -1))
        if not run.case.ricci_only:
            scalar = metric.ricci_scalar().components()[0]
    answer(run, version("OGRePy"), ricci, scalar)


if __name__ == "__main__":
    main()
