r"""The Gauss-Bonnet functional \(\int (|\mathrm{Riem}|^2 - 4|\mathrm{Ric}|^2 + R^2)\,dV\), topological for n = 4.

Reference: Lanczos, Ann. of Math. 39 (1938) 842.
"""

from geomflow.functionals.base import Functional

GAUSS_BONNET = Functional.typed("gauss-bonnet", r"\mathcal{X}", "|Riem|^2 - 4*|Ric|^2 + R^2", reference="Lanczos 1938")
