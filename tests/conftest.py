import atexit
import gc
import os
import shutil
import tempfile
from pathlib import Path

import jax
import matplotlib
import pytest
from hypothesis import settings

import geomflow

#: Memory maps of a process above which compiled programs are forgotten.
MOST_MAPS = 25_000

# generated source is kept for this run only
os.environ["GEOMFLOW_CACHE"] = tempfile.mkdtemp()
atexit.register(shutil.rmtree, os.environ["GEOMFLOW_CACHE"], ignore_errors=True)
matplotlib.use("Agg")
geomflow.enable_x64()
settings.register_profile("geomflow", deadline=None)  # the first example often pays for a compilation
settings.load_profile("geomflow")


@pytest.fixture(autouse=True, scope="module")
def few_memory_maps():
    """Forget compiled programs before they exhaust the memory maps of a process (65530 on Linux): XLA then crashes."""
    yield
    maps = Path("/proc/self/maps")
    if maps.exists() and maps.read_bytes().count(b"\n") > MOST_MAPS:
        jax.clear_caches()
        gc.collect()
