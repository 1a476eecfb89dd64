r"""The conformal functional \(\int |W|^2\,dV\) in n >= 3; for n = 4 its gradient is a multiple of the Bach tensor.

Reference: Bach, Math. Z. 9 (1921) 110.
"""

from geomflow.functionals.base import Functional

WEYL_SQUARED = Functional.typed("weyl-squared", r"\mathcal{B}", "|Weyl|^2", reference="Bach 1921")
