r"""Networks of finite width, alone and as metrics, with their tangent kernels.

A network is an `eqx.Module`, a function of one point. `PARAMETRISATIONS` makes metrics of scalar networks,
`MetricNetwork` starts at a given metric, and `trainable` says which of the parameters move.
"""

from geomflow.networks.cos_net import CosNet, PeriodicCosNet
from geomflow.networks.empirical_ntk import empirical_ntk
from geomflow.networks.gauss_net import GaussNet
from geomflow.networks.linearised import Linearised
from geomflow.networks.metric_network import MetricNetwork
from geomflow.networks.metric_ntk import covariance_defect, metric_ntk
from geomflow.networks.mixing import properties
from geomflow.networks.mlp import MLP, Separate
from geomflow.networks.ntk_operator import ntk_operator
from geomflow.networks.parametrisations import PARAMETRISATIONS, Parametrisation
from geomflow.networks.required_width import required_width
from geomflow.networks.trainable import trainable

__all__ = [
    "MLP",
    "PARAMETRISATIONS",
    "CosNet",
    "GaussNet",
    "Linearised",
    "MetricNetwork",
    "Parametrisation",
    "PeriodicCosNet",
    "Separate",
    "covariance_defect",
    "empirical_ntk",
    "metric_ntk",
    "ntk_operator",
    "properties",
    "required_width",
    "trainable",
]
