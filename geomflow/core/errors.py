r"""The error tree: every refusal of the library is a sentence that says what to do, and carries its numbers.

GeomflowError
├── ArgumentError      a bad argument (also a ValueError)
│   ├── CatalogueError     an unknown name, with the closest ones
│   ├── MetricError        singular, indefinite or not symmetric (point, eigenvalue)
│   ├── KernelError        a kernel that is not symmetric or not positive (eigenvalue, jitter or asymmetry)
│   ├── PeriodicityError   a field that does not close up on the torus
│   ├── GridError          an odd or tiny grid
│   └── ResolutionError    sigma below what the grid carries (sigma, sigma_min)
├── PrecisionError     float64 is needed and not enabled
├── HorizonError       a run beyond the stability horizon (time, horizon)
├── DerivationError    a symbolic rule does not apply
│   └── DivergentExpectationError  a Gaussian moment does not exist (moment, condition)
├── CertificateError   a derived result failed its independent check
├── GenerationError    an expression cannot be turned into JAX code
├── ConvergenceError   an iteration or a rule did not reach its tolerance (value, error, points)
├── FlowError          a flow stopped early (time, wave_vector)
├── OutputError        the output folder cannot be written
└── ResultFileError    a corrupted or foreign result file
"""

from __future__ import annotations

from typing import Any


class GeomflowError(Exception):
    r"""Base of all errors raised on purpose by geomflow.

    Args:
        message: one or two sentences: what must hold, what was found, what to try.
        **numbers: the quantities behind the sentence; each becomes an attribute.
    """

    def __init__(self, message: str, **numbers: Any):
        super().__init__(message)
        self.numbers = numbers

    def __getattr__(self, name: str) -> Any:
        numbers = self.__dict__.get("numbers", {})
        if name in numbers:
            return numbers[name]
        raise AttributeError(name)


class ArgumentError(GeomflowError, ValueError):
    r"""A bad argument."""


class CatalogueError(ArgumentError):
    r"""An unknown catalogue name. Numbers: `name`, `closest`."""


class MetricError(ArgumentError):
    r"""A matrix field that is not a Riemannian metric. Numbers: `point`, `eigenvalue` or `asymmetry`."""


class KernelError(ArgumentError):
    r"""A kernel that is not symmetric or not positive. Numbers: `eigenvalue` and `jitter`, or `asymmetry`."""


class PeriodicityError(ArgumentError):
    r"""A field that does not close up on the torus. Numbers: `axis`, `defect`."""


class GridError(ArgumentError):
    r"""An odd or tiny grid. Numbers: `size`."""


class ResolutionError(ArgumentError):
    r"""A kernel width below what the grid carries. Numbers: `sigma`, `sigma_min`."""


class PrecisionError(GeomflowError):
    r"""float64 is needed and not enabled."""


class HorizonError(GeomflowError):
    r"""A run beyond the stability horizon of an ill-posed flow. Numbers: `time`, `horizon`."""


class DerivationError(GeomflowError):
    r"""A symbolic rule does not apply to the expression it was given."""


class DivergentExpectationError(DerivationError):
    r"""A Gaussian expectation that does not exist. Numbers: `moment`, `condition`."""


class CertificateError(GeomflowError):
    r"""A derived result failed its independent check. Numbers: `residual`, `seed`, `dim`."""


class GenerationError(GeomflowError):
    r"""An expression cannot be turned into JAX code. Numbers: `unknown`."""


class ConvergenceError(GeomflowError):
    r"""An iteration or a quadrature rule did not reach its tolerance. Numbers: `value`, `error`, `points`."""


class FlowError(GeomflowError):
    r"""A flow stopped before its final time. Numbers: `time`, `wave_vector`."""


class OutputError(GeomflowError):
    r"""The output folder cannot be written. Numbers: `path`."""


class ResultFileError(GeomflowError):
    r"""A corrupted or foreign result file. Numbers: `path`."""
