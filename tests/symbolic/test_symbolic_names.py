import subprocess
import sys

import pytest

import geomflow.symbolic as symbolic


def test_every_name_offered_is_there_and_none_is_missing():
    for name in symbolic.__all__:
        assert getattr(symbolic, name).__name__ == name
    assert sorted(symbolic._HOME) == sorted(symbolic.__all__)


def test_an_unknown_name_is_answered_with_those_there_are():
    with pytest.raises(AttributeError, match="no attribute `Manifold`; it offers Chart"):
        _ = symbolic.Manifold


def test_nothing_is_loaded_before_it_is_used_and_never_jax():
    code = (
        "import sys, geomflow.symbolic; assert 'sympy' not in sys.modules\n"
        "from geomflow.symbolic import *\n"
        "assert 'sympy' in sys.modules and 'jax' not in sys.modules\n"
        "print(line_element(Chart('x'), 'dx^2').ricci())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "0\n"
