r"""The functionals geomflow knows by name. To add one, write its density in a file here and add it below."""

from geomflow.core.catalogue import Catalogue
from geomflow.functionals.base import Functional
from geomflow.functionals.calabi import CALABI
from geomflow.functionals.hilbert import HILBERT
from geomflow.functionals.list_flow import LIST_FLOW
from geomflow.functionals.perelman_f import PERELMAN_F
from geomflow.functionals.perelman_w import PERELMAN_W
from geomflow.functionals.ricci_squared import RICCI_SQUARED

FUNCTIONALS: Catalogue[Functional] = Catalogue("functional")
for _functional in (HILBERT, PERELMAN_F, PERELMAN_W, LIST_FLOW, CALABI, RICCI_SQUARED):
    FUNCTIONALS.add(_functional.name, _functional)

__all__ = ["FUNCTIONALS", "Functional"]
