import matplotlib
from hypothesis import settings

import geomflow

matplotlib.use("Agg")
geomflow.enable_x64()
settings.register_profile("geomflow", deadline=None)  # the first example often pays for a compilation
settings.load_profile("geomflow")
