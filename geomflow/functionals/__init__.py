r"""The functionals geomflow knows by name. To add one, write its density in a file here and add it below."""

from geomflow.core.catalogue import Catalogue
from geomflow.functionals.base import Functional
from geomflow.functionals.calabi import CALABI
from geomflow.functionals.einstein_maxwell import EINSTEIN_MAXWELL
from geomflow.functionals.gauss_bonnet import GAUSS_BONNET
from geomflow.functionals.generalised_ricci import GENERALISED_RICCI
from geomflow.functionals.hilbert import HILBERT
from geomflow.functionals.list_entropy import LIST_ENTROPY
from geomflow.functionals.list_flow import LIST_FLOW
from geomflow.functionals.perelman_f import PERELMAN_F
from geomflow.functionals.perelman_w import PERELMAN_W
from geomflow.functionals.ricci_squared import RICCI_SQUARED
from geomflow.functionals.riemann_squared import RIEMANN_SQUARED
from geomflow.functionals.weyl_squared import WEYL_SQUARED

FUNCTIONALS: Catalogue[Functional] = Catalogue("functional")
for _functional in (
    HILBERT,
    PERELMAN_F,
    PERELMAN_W,
    LIST_FLOW,
    LIST_ENTROPY,
    GENERALISED_RICCI,
    EINSTEIN_MAXWELL,
    CALABI,
    RICCI_SQUARED,
    RIEMANN_SQUARED,
    WEYL_SQUARED,
    GAUSS_BONNET,
):
    FUNCTIONALS.add(_functional.name, _functional)

__all__ = ["FUNCTIONALS", "Functional"]
