"""geomflow's own engine, timed from the strings of the case to field elements (settings: default, repeated)."""

from importlib.metadata import version

from protocol import Run


def main() -> None:
    """Parsing, Christoffel, Riemann (all independent components), Ricci and the scalar; printing apart."""
    run = Run()
    from time import process_time

    from sympy_side import number

    from geomflow.symbolic.charts.chart import Chart
    from geomflow.symbolic.charts.metric import Metric

    case, n = run.case, run.case.dim
    functions = {f: " ".join(args) for f, args in case.functions.items()}

    def curvature():
        """A fresh chart and metric every time."""
        chart = Chart(" ".join(case.coordinates), constants=" ".join(case.constants), functions=functions)
        g = Metric(chart, case.metric)
        if case.ricci_only:
            return g.ricci(), None
        g.christoffel()
        g.riemann()
        return g.ricci(), g.scalar()

    runs = 21 if run.setting == "repeated" else 1
    with run.timed(runs):
        for _ in range(runs):
            ricci, scalar = curvature()
    before = process_time()
    rows = [[ricci[i, j] for j in range(n)] for i in range(n)]
    printed = None if scalar is None else scalar.sympy()
    run.emit("note", printing=process_time() - before)
    coordinates = set(case.coordinates)
    run.answer(
        f"{version('geomflow')} on python-flint {version('python-flint')}",
        rows,
        printed,
        lambda e: number(e, case),
        lambda e: e == 0,
        lambda e: not coordinates & {str(s) for s in e.free_symbols},
    )


if __name__ == "__main__":
    main()
