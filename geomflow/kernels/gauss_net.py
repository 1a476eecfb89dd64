r"""The gauss-net kernel; derived in `geomflow.symbolic.kernels.gauss_net`."""

from geomflow.symbolic.kernels.gauss_net import GaussNetKernel, derive_gauss_net

__all__ = ["GaussNetKernel", "derive_gauss_net"]
