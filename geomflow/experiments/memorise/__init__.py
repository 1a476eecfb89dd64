r"""`geomflow memorise`: mean squared error at infinite width memorises its target, mode by mode, at the NTK's rates."""

from geomflow.experiments.memorise.run import Memorise, MemoriseResult

__all__ = ["Memorise", "MemoriseResult"]
