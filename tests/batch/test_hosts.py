"""Two processes on one machine, with two devices each, give the numbers of one process."""

import importlib.util
import os
import socket
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

from geomflow.batch import hosts
from geomflow.core.errors import ArgumentError

SCRIPT = Path(__file__).with_name("two_hosts.py")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_two_processes_give_the_numbers_of_one(tmp_path):
    environment = {
        **os.environ,
        "JAX_PLATFORMS": "cpu",
        "XLA_FLAGS": "--xla_force_host_platform_device_count=2",
        "JAX_COORDINATOR_ADDRESS": f"127.0.0.1:{free_port()}",
        "JAX_NUM_PROCESSES": "2",
    }
    command = [sys.executable, str(SCRIPT), str(tmp_path)]
    runs = [
        subprocess.Popen(command, env={**environment, "JAX_PROCESS_ID": rank}, stderr=subprocess.PIPE, text=True)
        for rank in "01"
    ]
    try:
        errors = [run.communicate(timeout=120)[1] for run in runs]
    finally:
        for run in runs:
            run.kill()
    assert [run.returncode for run in runs] == [0, 0], "\n".join(errors)

    spec = importlib.util.spec_from_file_location("two_hosts", SCRIPT)
    alone = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(alone)
    values = jax.tree.map(np.asarray, jax.jit(alone.kinds)(alone.points()))
    with np.load(tmp_path / "gathered.npz") as found:
        for key, value in values.items():
            np.testing.assert_array_equal(found[f"half_{key}"], value)
            np.testing.assert_array_equal(found[f"whole_{key}"], value)
            np.testing.assert_allclose(found[f"mean_{key}"], value.mean(-1), rtol=1e-14)
            np.testing.assert_array_equal(found[f"top_{key}"], value.argmax(-1))


def test_one_process_is_a_host_too():
    assert hosts.host() == (0, 1)
    assert hosts.share(7) == range(7)
    shares = [hosts.share(11, hosts.Host(rank, 4)) for rank in range(4)]
    assert [i for part in shares for i in part] == list(range(11))
    assert {len(part) for part in shares} == {2, 3}
    tree = {"x": np.arange(6.0).reshape(2, 3)}
    np.testing.assert_array_equal(hosts.gather(tree)["x"], tree["x"])
    np.testing.assert_array_equal(hosts.gather(tree, axis=0)["x"], tree["x"])
    assert hosts.global_mesh().size == jax.device_count()


def test_who_the_others_are_must_be_known(monkeypatch):
    for name in ("JAX_COORDINATOR_ADDRESS", "JAX_NUM_PROCESSES", "JAX_PROCESS_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("JAX_NUM_PROCESSES", "two")
    with pytest.raises(ArgumentError, match="JAX_NUM_PROCESSES must be a number, but it was 'two'"):
        hosts.join()
    jax.devices()
    with pytest.raises(ArgumentError, match="before anything else touches a device"):
        hosts.join("127.0.0.1:1", 1, 0)
    code = "from geomflow.batch import hosts\ntry:\n    hosts.join()\nexcept ValueError as e:\n    print(e)"
    monkeypatch.delenv("JAX_NUM_PROCESSES")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "The other processes are not known" in done.stdout
    assert "JAX_COORDINATOR_ADDRESS=host:port" in done.stdout
