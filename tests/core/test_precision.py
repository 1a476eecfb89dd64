import os
import subprocess
import sys
from pathlib import Path

import jax.numpy as jnp
import pytest

import geomflow

ROOT = Path(__file__).resolve().parents[2]


def fresh(code):
    """Run `code` in a new interpreter, where no other test has touched jax."""
    environment = {k: v for k, v in os.environ.items() if k != "JAX_ENABLE_X64"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_single_precision_is_refused_and_the_sentence_names_the_cure():
    out = fresh(
        "import geomflow\n"
        "try:\n    geomflow.require_x64()\n"
        "except geomflow.GeomflowError as e:\n    print(type(e).__name__, e)\n"
        "geomflow.enable_x64(); geomflow.require_x64(); print('then fine')"
    )
    assert out.startswith("PrecisionError")
    assert "geomflow.enable_x64()" in out
    assert out.endswith("then fine")


def test_a_single_precision_array_is_refused():
    geomflow.require_x64(jnp.ones(3), jnp.ones(3, dtype=complex))
    with pytest.raises(geomflow.GeomflowError, match="float32"):
        geomflow.require_x64(jnp.ones(3, dtype=jnp.float32))


def test_the_symbolic_half_is_imported_without_jax():
    code = (
        "import importlib, pkgutil, sys, geomflow, geomflow.core, geomflow.symbolic, geomflow.cli\n"
        "for room in (geomflow.core, geomflow.symbolic, geomflow.cli):\n"
        "    for module in pkgutil.iter_modules(room.__path__, room.__name__ + '.'):\n"
        "        if module.name != 'geomflow.core.types':\n"
        "            importlib.import_module(module.name)\n"
        "print([m for m in ('jax', 'diffrax', 'equinox') if m in sys.modules])"
    )
    assert fresh(code) == "[]"


def test_importing_the_library_never_flips_the_flag():
    code = (
        "import importlib, pkgutil, jax, geomflow\n"
        "for m in pkgutil.walk_packages(geomflow.__path__, 'geomflow.'):\n"
        "    m.name.endswith('__main__') or importlib.import_module(m.name)\n"
        "print(jax.config.read('jax_enable_x64'))"
    )
    assert fresh(code) == "False"
