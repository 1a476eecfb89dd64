import os

import numpy as np
import pytest

from geomflow.core.checkpoint import Checkpoint
from geomflow.core.errors import ArgumentError, OutputError, ResultFileError

SETTINGS = {"sigma": 0.1, "grid": {"size": 32, "dim": 2}}


class Work:
    """A computation that counts how often it was done."""

    def __init__(self):
        self.calls = 0

    def __call__(self):
        self.calls += 1
        return {"g": np.full(3, float(self.calls))}, {"call": self.calls}


def test_a_part_is_computed_once_and_found_again(tmp_path):
    work = Work()
    first = Checkpoint(tmp_path, SETTINGS)
    assert not first.done("flow")
    arrays, info = first.run("flow", work)
    again = Checkpoint(tmp_path, SETTINGS)
    assert again.done("flow")
    arrays_again, info_again = again.run("flow", work)
    assert work.calls == 1
    assert info == info_again == {"call": 1}
    np.testing.assert_array_equal(arrays["g"], arrays_again["g"])


def test_settings_are_compared_by_value(tmp_path):
    work = Work()
    Checkpoint(tmp_path, {"sigmas": (0.1, 0.2), "n": 3, "stop": float("inf")}).run("a", work)
    Checkpoint(tmp_path, {"n": np.int64(3), "sigmas": np.array([0.1, 0.2]), "stop": np.inf}).run("a", work)
    assert work.calls == 1


def test_other_settings_are_refused_and_the_sentence_says_which(tmp_path):
    Checkpoint(tmp_path, SETTINGS).run("flow", Work())
    with pytest.raises(ResultFileError, match=r"`grid.size` was 32 and is now 48\.") as refusal:
        Checkpoint(tmp_path, {"sigma": 0.1, "grid": {"size": 48, "dim": 2}})
    assert "sigma" not in str(refusal.value)
    assert refusal.value.path.parent == tmp_path
    with pytest.raises(ResultFileError, match="`fast` was not set and is now true"):
        Checkpoint(tmp_path, {**SETTINGS, "fast": True})
    with pytest.raises(ResultFileError, match="`c` was not set and is now 3; and 1 more"):
        Checkpoint(tmp_path, {**SETTINGS, "a": 1, "b": 2, "c": 3, "d": 4})


def test_without_resuming_old_parts_go_and_other_files_stay(tmp_path):
    (tmp_path / "notes.npz").write_text("the user's own")
    Checkpoint(tmp_path, SETTINGS).run("flow", Work())
    fresh = Checkpoint(tmp_path, {"sigma": 0.2}, resume=False)
    assert not fresh.done("flow")
    assert (tmp_path / "notes.npz").exists()
    fresh.run("flow", Work())
    with pytest.raises(ResultFileError, match="sigma"):
        Checkpoint(tmp_path, SETTINGS)


def test_a_part_from_another_run_is_refused(tmp_path):
    Checkpoint(tmp_path / "a", SETTINGS).run("flow", Work())
    Checkpoint(tmp_path / "b", {"sigma": 0.2}).put("flow", {}, {})
    os.replace(tmp_path / "b" / "flow.part.npz", tmp_path / "a" / "flow.part.npz")
    with pytest.raises(ResultFileError, match=r"`sigma` was 0.2 and is now 0.1"):
        Checkpoint(tmp_path / "a", SETTINGS).get("flow")


def test_a_damaged_part_is_refused_and_recomputed_once_deleted(tmp_path):
    work = Work()
    checkpoint = Checkpoint(tmp_path, SETTINGS)
    checkpoint.run("flow", work)
    path = checkpoint.path("flow")
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(ResultFileError, match=r"flow.part.npz.*delete it to recompute") as refusal:
        checkpoint.run("flow", work)
    assert refusal.value.path == path
    path.unlink()
    assert checkpoint.run("flow", work)[1] == {"call": 2}


def test_a_missing_part_says_so(tmp_path):
    with pytest.raises(ResultFileError, match="cannot be read"):
        Checkpoint(tmp_path, SETTINGS).get("flow")


def test_a_damaged_record_of_settings_is_refused(tmp_path):
    Checkpoint(tmp_path, SETTINGS)
    (tmp_path / "settings.json").write_text("{")
    with pytest.raises(ResultFileError, match=r"record of settings.*Delete the folder"):
        Checkpoint(tmp_path, SETTINGS)


def test_ctrl_c_loses_only_the_part_being_computed(tmp_path):
    def interrupted():
        raise KeyboardInterrupt

    checkpoint = Checkpoint(tmp_path, SETTINGS)
    checkpoint.run("first", Work())
    with pytest.raises(KeyboardInterrupt):
        checkpoint.run("second", interrupted)
    resumed = Checkpoint(tmp_path, SETTINGS)
    assert (resumed.done("first"), resumed.done("second")) == (True, False)
    assert sorted(os.listdir(tmp_path)) == ["first.part.npz", "settings.json"]


def test_bad_names_and_folders_are_refused(tmp_path):
    with pytest.raises(ArgumentError, match="name of a part"):
        Checkpoint(tmp_path, SETTINGS).done("../escape")
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        Checkpoint(tmp_path / "file", SETTINGS)
