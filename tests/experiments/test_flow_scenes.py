"""`geomflow flow`: scenes run, are held to what is known, are kept whole on disk, and refuse what they do not know."""

import dataclasses

import numpy as np
import pytest

from geomflow.cli import main
from geomflow.core.errors import ArgumentError, CatalogueError
from geomflow.experiments.flow import SCENES, FlowResult, FlowScene
from geomflow.experiments.flow.run import result
from geomflow.experiments.flow.scene import Claim, Performance, Request
from geomflow.figures.film import Frame, Globe, Revolution, Sheet
from geomflow.flows.homogeneous import berger_extinction


@pytest.fixture(scope="module")
def berger(tmp_path_factory):
    folder = tmp_path_factory.mktemp("flow") / "berger"
    return folder, FlowScene("berger", out=folder).run()


def test_a_scene_finds_the_extinction_time(berger):
    _, found = berger
    time = berger_extinction(0.5, 1.0)
    assert found.numbers["singularity"]["time"] == pytest.approx(time, rel=1e-9)
    assert found.numbers["singularity"]["constant"] == pytest.approx(np.sqrt(3) / 2, rel=1e-3)  # of the round S³
    assert [Claim(**claim).verdict for claim in found.numbers["claims"]] == ["verified"]
    assert "type I" in str(found)


def test_a_result_is_kept_whole(berger):
    folder, found = berger
    again = FlowResult.load(folder / "flow.npz")
    assert str(again) == str(found)
    for name in ("history.pdf", "history.png", "card.txt", "numbers.tex"):
        assert (folder / name).stat().st_size > 50
    assert "FlowExtinction" in (folder / "numbers.tex").read_text(encoding="utf-8")


def test_films_are_read_back(tmp_path):
    s = np.linspace(0, np.pi, 41)
    piece = Revolution(s, np.sin(s), np.cos(s))
    globe = Globe(np.array([0.5, 1.5, 2.5]), np.arange(12.0).reshape(3, 4), 2.0)
    sheet = Sheet(np.arange(6.0).reshape(2, 3))
    frames = [Frame(0.0, (piece,)), Frame(0.5, (piece, globe)), Frame(1.0, (sheet,))]
    times = np.array([0.0, 1.0])
    claims = (Claim("a", 2.0, 1.0), Claim("b", 2.0, 1.0, 1.0), Claim("c", 0.5, 1.0))
    shown = Performance(
        "Pictures.",
        times,
        {"volume": times},
        frames,
        True,
        "reached",
        1.0,
        1,
        0.1,
        claims=claims,
        numbers={"kept": 7.0},
    )
    request = FlowScene("berger", frames=2, animate="gif", out=tmp_path)
    settings = {f.name: getattr(request, f.name) for f in dataclasses.fields(request) if f.name != "out"}
    made = result(shown, settings)
    made.write(tmp_path)
    read = FlowResult.load(tmp_path / "flow.npz")
    assert [frame.time for frame in read.frames()] == [0.0, 0.5, 1.0]
    for before, after in zip(frames, read.frames(), strict=True):
        for old, new in zip(before.shapes, after.shapes, strict=True):
            assert type(old) is type(new)
            for field in dataclasses.fields(old):
                np.testing.assert_array_equal(getattr(old, field.name), getattr(new, field.name))
    assert [verdict for verdict, _ in read.statements().verdicts] == ["refuted", "undecided", "verified"]
    assert "kept" in str(read)
    for name in ("film.pdf", "film.gif"):
        assert (tmp_path / name).stat().st_size > 1000


def test_what_a_scene_does_not_know_is_refused():
    with pytest.raises(ArgumentError, match="takes no --dim"):
        SCENES["berger"](Request(dim=4))
    with pytest.raises(CatalogueError, match="berger"):
        SCENES["bergr"]
    with pytest.raises(ArgumentError, match="numbers"):
        SCENES["su2"](Request(initial="a b c"))
    with pytest.raises(ArgumentError, match="3 numbers"):
        SCENES["su2"](Request(initial="1 2"))
    with pytest.raises(ArgumentError, match="--coframe"):
        SCENES["lie-group"](Request())
    with pytest.raises(ArgumentError, match="no function of s"):
        SCENES["dumbbell"](Request(initial="sin(q)"))
    with pytest.raises(ArgumentError, match="dimension 2 or more"):
        SCENES["dumbbell"](Request(dim=1))


def test_the_command_says_when_a_flow_has_ended(tmp_path, capsys):
    assert main(["flow", "berger", "--time", "1", "--out", str(tmp_path)]) == 2
    assert "extinct at t = 0.20290315" in capsys.readouterr().err
    assert main(["flow", "berger", "--frames", "1", "--out", str(tmp_path)]) == 2
    assert "at least 2 frames" in capsys.readouterr().err


def test_every_scene_says_what_it_is():
    assert len(SCENES) > 10
    for name, scene in SCENES.items():
        assert scene.name == name
        assert scene.summary.endswith(".")
        assert ("initial" in scene.takes) == bool(scene.initial)
        assert set(scene.takes) <= {field.name for field in dataclasses.fields(Request)}
