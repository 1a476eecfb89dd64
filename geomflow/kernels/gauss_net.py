r"""The gauss-net kernel; derived in `geomflow.symbolic.gauss_net`."""

from geomflow.symbolic.gauss_net import GaussNetKernel, derive_gauss_net

__all__ = ["GaussNetKernel", "derive_gauss_net"]
