r"""Networks: finite cos-nets, and the parametrisations of a metric by scalar networks with their metric-NTK."""

from geomflow.networks.cos_net import PeriodicCosNet
from geomflow.networks.parametrisations import PARAMETRISATIONS, Parametrisation

__all__ = ["PARAMETRISATIONS", "Parametrisation", "PeriodicCosNet"]
