r"""Gradient Ricci solitons \(\mathrm{Ric} + \nabla^2 f = \lambda g\): shot from derived equations, then flowed."""

from geomflow.flows.solitons.drift import Drift, SolitonFlow, drift, motion
from geomflow.flows.solitons.momentum import fik, koiso_cao, surface
from geomflow.flows.solitons.rotational import (
    bryant,
    cigar,
    cone_slope,
    cylinder,
    expander,
    gaussian,
    shoot,
    sphere,
)
from geomflow.flows.solitons.soliton import Soliton

__all__ = [
    "Drift",
    "Soliton",
    "SolitonFlow",
    "bryant",
    "cigar",
    "cone_slope",
    "cylinder",
    "drift",
    "expander",
    "fik",
    "gaussian",
    "koiso_cao",
    "motion",
    "shoot",
    "sphere",
    "surface",
]
