import atexit
import os
import shutil
import tempfile

import matplotlib
from hypothesis import settings

import geomflow

# generated source is kept for this run only
os.environ["GEOMFLOW_CACHE"] = tempfile.mkdtemp()
atexit.register(shutil.rmtree, os.environ["GEOMFLOW_CACHE"], ignore_errors=True)
matplotlib.use("Agg")
geomflow.enable_x64()
settings.register_profile("geomflow", deadline=None)  # the first example often pays for a compilation
settings.load_profile("geomflow")
