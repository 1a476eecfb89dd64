r"""The gauss-net kernel; derived in `geomflow.symbolic.kernels.random_features.gauss_net`.

At infinite width it is the cos-net's: use `GaussianKernel` and `CosNetFullKernel` of `geomflow.kernels.gaussian`.
"""

from geomflow.symbolic.kernels.random_features.gauss_net import GaussNetKernel, derive_gauss_net

__all__ = ["GaussNetKernel", "derive_gauss_net"]
