r"""Kernels of infinitely wide networks: each derived from the definition of its network.

`KERNELS[name](dim)` derives one and returns a frozen record of SymPy expressions with its derivation.
"""

from geomflow.core.catalogue import Catalogue
from geomflow.kernels.cos_net import CosNetKernel, derive_cos_net
from geomflow.kernels.gauss_net import GaussNetKernel, derive_gauss_net

#: Every derivable kernel by name: a function of the input dimension.
KERNELS = Catalogue("kernel")
KERNELS.add("cos-net", derive_cos_net)
KERNELS.add("gauss-net", derive_gauss_net)

__all__ = ["KERNELS", "CosNetKernel", "GaussNetKernel", "derive_cos_net", "derive_gauss_net"]
