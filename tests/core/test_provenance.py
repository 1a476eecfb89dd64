import getpass
import json
import math
import platform
import subprocess
from dataclasses import dataclass
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geomflow.core import provenance as module
from geomflow.core.errors import ArgumentError
from geomflow.core.provenance import canonical_json, git_commit, plain, provenance, settings_hash

leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
settings = st.recursive(leaves, lambda s: st.lists(s) | st.dictionaries(st.text(), s), max_leaves=15)


@given(settings)
def test_plain_values_survive_json_unchanged(value):
    once = plain(value)
    assert json.loads(canonical_json(value)) == once == plain(once)


@given(st.dictionaries(st.text(), leaves))
def test_the_hash_does_not_depend_on_the_order_of_keys(value):
    backwards = dict(reversed(value.items()))
    assert settings_hash(value) == settings_hash(backwards)


def test_the_hash_sees_every_change():
    assert settings_hash({"sigma": 0.1}) != settings_hash({"sigma": 0.1 + 1e-16 * 2})
    assert settings_hash({"sigma": 0.1}) == settings_hash({"sigma": np.float64(0.1)})
    assert settings_hash({"sigmas": (0.1, 0.2)}) == settings_hash({"sigmas": jnp.array([0.1, 0.2])})


def test_plain_translates_the_types_results_are_made_of():
    @dataclass
    class Settings:
        sigma: float
        grid: tuple[int, int]

    value = {"a": Settings(np.float64(0.5), (np.int64(8), 8)), "b": Path("x/y"), "c": math.inf, "d": np.float64("nan")}
    assert plain(value) == {"a": {"sigma": 0.5, "grid": [8, 8]}, "b": str(Path("x/y")), "c": "inf", "d": "nan"}
    assert type(plain(np.float64(0.5))) is float


@pytest.mark.parametrize("value", [lambda: 0, {1, 2}, 1j, object(), np.array([1j])])
def test_plain_refuses_what_json_cannot_hold(value):
    with pytest.raises(ArgumentError, match="must be a number, a string"):
        plain({"key": value})


def test_provenance_says_what_and_not_who():
    record = provenance({"sigma": 0.1})
    assert record["x64"] is True
    assert record["device_count"] >= 1
    assert record["settings_sha256"] == settings_hash({"sigma": 0.1})
    for key in ("geomflow", "python", "jax", "jaxlib", "diffrax", "sympy", "numpy", "platform", "device_kind"):
        assert record[key]
    assert record["time_utc"].endswith("+00:00")
    text = json.dumps(record)
    assert "/" not in text
    assert str(Path.home()) not in text
    assert platform.node() not in record.values()
    assert getpass.getuser() not in record.values()


def test_no_commit_without_git(monkeypatch):
    def no_git(*_, **__):
        raise FileNotFoundError("git")

    monkeypatch.setattr(subprocess, "run", no_git)
    assert git_commit() is None


def test_no_commit_outside_a_checkout(monkeypatch, tmp_path):
    monkeypatch.setattr(module, "__file__", str(tmp_path / "site-packages" / "geomflow" / "core" / "provenance.py"))
    assert git_commit() is None
