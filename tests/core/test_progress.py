import re
import sys

import pytest

from geomflow.core.progress import stage, track


def test_silent_where_there_is_no_terminal(capsys):
    assert list(track([1, 2, 3], "ladder")) == [1, 2, 3]
    with track(3, "steps") as bar:
        bar.update()
    with stage("derive"):
        pass
    assert capsys.readouterr() == ("", "")


def test_a_verbose_stage_says_how_long_it_took(capsys):
    with stage("derive", verbose=True):
        pass
    assert capsys.readouterr().err.split() == ["derive", "0.0", "s"]


def test_a_failed_stage_says_so_and_does_not_swallow_the_error(capsys):
    with pytest.raises(ValueError, match="no"), stage("derive", verbose=True):
        raise ValueError("no")
    assert "stopped after" in capsys.readouterr().err


def test_a_terminal_sees_bars_and_stages(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with stage("derive"):
        assert list(track(range(3), "ladder")) == [0, 1, 2]
    shown = capsys.readouterr().err
    assert "ladder" in shown
    assert re.search(r"derive +0\.\d s", shown)
