r"""Generic periodic metrics: no symmetry, off-diagonal terms, a non-constant measure; nothing about them is special."""

from geomflow.metrics.torus.base import torus_metric

GENERIC_T2 = torus_metric(
    "generic-t2",
    [
        ["1.3 + 0.20*cos(x) + 0.12*sin(y)", "0.12 + 0.10*cos(x + y)"],
        ["0.12 + 0.10*cos(x + y)", "0.8 + 0.12*sin(x) - 0.15*cos(y)"],
    ],
    measure="1 + 0.25*cos(x) + 0.15*sin(x - y)",
    note="Mildly anisotropic, wave numbers up to 1; the default of `geomflow locality`.",
)

GENERIC_T3 = torus_metric(
    "generic-t3",
    [
        ["1.2 + 0.12*cos(y) + 0.08*sin(z)", "0.10 + 0.06*cos(x + z)", "0.05*sin(y)"],
        ["0.10 + 0.06*cos(x + z)", "0.9 + 0.10*sin(x)", "0.06*cos(x - y)"],
        ["0.05*sin(y)", "0.06*cos(x - y)", "1 + 0.10*cos(x) - 0.08*sin(z)"],
    ],
    measure="1 + 0.2*cos(x) + 0.1*sin(y + z)",
    note="Mildly anisotropic, wave numbers up to 1; the default of `geomflow locality --dim 3`.",
)

NEARLY_FLAT_T2 = torus_metric(
    "nearly-flat-t2",
    [["1 + 0.02*cos(x + y)", "0.01*sin(y)"], ["0.01*sin(y)", "1 - 0.02*sin(x)"]],
    note="A small perturbation of the flat metric with Lebesgue measure: linear theory applies.",
)
