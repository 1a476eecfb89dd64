r"""`geomflow memorise`: mean squared error at infinite width memorises its target, mode by mode, at the NTK's rates."""

from geomflow.experiments.memorise.run import Memorise, MemoriseResult, load_memorise, write

__all__ = ["Memorise", "MemoriseResult", "load_memorise", "write"]
