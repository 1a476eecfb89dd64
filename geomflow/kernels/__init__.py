r"""Kernels of infinitely wide networks: each derived from the definition of its network.

`KERNELS[name](dim)` derives the kernel of a random-feature network: a frozen record of SymPy expressions with its
derivation. `FullyConnected` is the NNGP or NTK of a deep network with any activation; `ACTIVATIONS` names some. The
numerical kernels are subclasses of `Kernel`: a function of two points, with matrices, operators and derivatives.
"""

from geomflow.core.catalogue import Catalogue
from geomflow.kernels.activations import ACTIVATIONS
from geomflow.kernels.base import Kernel
from geomflow.kernels.cos_net import CosNetKernel, PeriodicKernel, derive_cos_net
from geomflow.kernels.duals import dual
from geomflow.kernels.fully_connected import FullyConnected
from geomflow.kernels.gauss_net import GaussNetKernel, derive_gauss_net
from geomflow.kernels.gaussian import CosNetFullKernel, GaussianKernel
from geomflow.kernels.jets import kernel_jet
from geomflow.kernels.point_operator import PointOperator
from geomflow.kernels.positivity import check_positive

#: Every derivable kernel by name: a function of the input dimension.
KERNELS = Catalogue("kernel")
KERNELS.add("cos-net", derive_cos_net)
KERNELS.add("gauss-net", derive_gauss_net)

__all__ = [
    "ACTIVATIONS",
    "KERNELS",
    "CosNetFullKernel",
    "CosNetKernel",
    "FullyConnected",
    "GaussNetKernel",
    "GaussianKernel",
    "Kernel",
    "PeriodicKernel",
    "PointOperator",
    "check_positive",
    "derive_cos_net",
    "derive_gauss_net",
    "dual",
    "kernel_jet",
]
