r"""`geomflow widths`: finite networks against their infinitely wide limit, and two networks that share it."""

from geomflow.experiments.widths.run import Widths, WidthsResult

__all__ = ["Widths", "WidthsResult"]
