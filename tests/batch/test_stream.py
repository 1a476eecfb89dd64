"""`stream` on one device: reductions against NumPy, exact sums, resumption after Ctrl-C, files."""

import json
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from geomflow.batch import Lattice, Uniform, blocks, histogram, largest, mean, monoid, smallest, stream, total
from geomflow.core.errors import ArgumentError, OutputError, ResultFileError

COUNT = 5003
SOURCE = Uniform([0.1, 0.1], [3.0, 3.0], seed=3)


def kinds(x, mass=1.0):
    return {"a": jnp.stack([jnp.exp(jnp.sin(mass * x[0])) / x[1], x[0] ** 2.5]), "b": jnp.log(x[1]) * jnp.tanh(x[0])}


def joined(x, y):
    return {"a": x["a"] + y["a"], "b": jnp.maximum(x["b"], y["b"])}


EVERYTHING = {
    "total": total,
    "mean": mean,
    "smallest": smallest,
    "largest": largest,
    "histogram": histogram(-1.0, 2.0, 7),
    "own": monoid({"a": 0.0, "b": -np.inf}, joined),
}


@pytest.fixture(scope="module")
def points():
    return np.asarray(jax.jit(lambda i: SOURCE(i))(np.arange(COUNT)))


@pytest.fixture(scope="module")
def values(points):
    return jax.tree.map(np.asarray, jax.jit(kinds)(points))


@pytest.mark.parametrize("block", [700, 10**5])
def test_every_reduction(values, block):
    found = stream(kinds, SOURCE, COUNT, reduce=EVERYTHING, block=block)
    for key, value in values.items():
        rows = np.atleast_2d(value)
        np.testing.assert_allclose(np.ravel(found["total"][key]), [math.fsum(row) for row in rows], rtol=2e-16)
        assert found["mean"][key].count == COUNT
        np.testing.assert_allclose(found["mean"][key].mean, value.mean(-1), rtol=1e-14)
        np.testing.assert_allclose(found["mean"][key].error, value.std(-1, ddof=1) / COUNT**0.5, rtol=1e-13)
        np.testing.assert_array_equal(found["smallest"][key].value, value.min(-1))
        np.testing.assert_array_equal(found["smallest"][key].index, value.argmin(-1))
        np.testing.assert_array_equal(found["largest"][key].value, value.max(-1))
        np.testing.assert_array_equal(found["largest"][key].index, value.argmax(-1))
        expected = [np.histogram(row, 7, (-1.0, 2.0))[0] for row in rows]
        counts = found["histogram"][key]
        np.testing.assert_array_equal(np.atleast_2d(counts.counts), expected)
        np.testing.assert_array_equal(counts.edges, np.linspace(-1, 2, 8))
        np.testing.assert_array_equal(np.ravel(counts.below), (rows < -1).sum(-1))
        np.testing.assert_array_equal(np.ravel(counts.above), (rows > 2).sum(-1))
    np.testing.assert_allclose(found["own"]["a"], values["a"].sum(-1), rtol=1e-14)
    assert found["own"]["b"] == values["b"].max()


def test_one_compilation_for_every_number_of_points_and_every_parameter():
    traces = []

    def counted(x, mass):
        traces.append(1)
        return mass * x

    for count, mass in [(1000, 1.0), (1001, 2.0), (99_999, 3.0)]:
        source = Uniform([0.0, 0.0], [mass, 1.0], seed=count)
        found = stream(counted, source, count, reduce=total, block=500, parameters={"mass": mass})
        assert found.shape == (2,)
    assert len(traces) == 2


def test_sums_that_naive_addition_gets_wrong():
    # 10^16 swallows every 1 that is added to it; half of the million ones would be lost
    def swallowed(x):
        return jnp.where(x == 0, 1e16, jnp.where(x == 999_999, -1e16, 1.0))

    exact = 999_998.0
    assert float(jnp.cumsum(swallowed(jnp.arange(1_000_000)))[-1]) != exact
    for block in (1_000_000, 4096, 999):
        assert stream(swallowed, lambda i: i, 1_000_000, reduce=total, block=block) == exact
    # and 0.1 + 0.1 + ... drifts
    tenths = stream(lambda x: jnp.full(x.shape, 0.1), lambda i: i, 300_000, reduce=total, block=1000)
    assert tenths == math.fsum([0.1] * 300_000)
    drift = 0.0
    for _ in range(300_000):
        drift += 0.1
    assert drift != tenths


def test_infinities_and_nan_are_not_hidden():
    table = jnp.asarray([3.0, jnp.inf, 1.0, jnp.nan, 1.0, jnp.nan, 0.5, 7.0])

    def of(count, reduction):
        return stream(lambda i: table[i], lambda i: i, count, reduce=reduction, block=2)

    assert of(2, total) == np.inf
    assert np.isnan(of(6, total))
    assert of(3, smallest) == (1.0, 2)
    assert of(3, largest) == (np.inf, 1)
    for extremum in (smallest, largest):
        for count in (4, 6, 8):
            found = of(count, extremum)
            assert np.isnan(found.value)
            assert found.index == 3
    counts = of(6, histogram(0.0, 2.0, 2))
    np.testing.assert_array_equal(counts.counts, [0, 2])
    assert (counts.below, counts.above, counts.nan) == (0, 2, 2)
    assert np.isnan(of(6, mean).mean)


def test_integers_truth_values_and_complex_numbers():
    assert stream(lambda i: i % 3 == 0, lambda i: i, 1000, reduce=total, block=64) == 334
    assert stream(lambda i: 7 - i, lambda i: i, 1000, reduce={"low": smallest, "high": largest}, block=64) == {
        "low": (-992, 999),
        "high": (7, 0),
    }
    found = stream(lambda i: jnp.exp(1j * i), lambda i: i, 1000, reduce=mean, block=64)
    expected = np.exp(1j * np.arange(1000))
    assert found.mean == pytest.approx(expected.mean(), rel=1e-13)
    assert found.error == pytest.approx(np.sqrt(np.sum(abs(expected - expected.mean()) ** 2) / 1000 / 999))
    assert stream(lambda i: i * 1.0, lambda i: i, 1, reduce=mean) == (0.0, np.inf, 1)
    with pytest.raises(ArgumentError, match="Extrema are taken of real numbers"):
        stream(lambda i: jnp.exp(1j * i), lambda i: i, 10, reduce=smallest)


def test_histograms_count_as_numpy_does_on_the_edges():
    for lower, upper, bins in [(-0.3, 0.7, 10), (0.1, 0.9, 7), (-1.1, 2.3, 13), (1e-3, 0.1, 33)]:
        edges = np.linspace(lower, upper, bins + 1)
        near = np.concatenate([edges, np.nextafter(edges, 9), np.nextafter(edges, -9)])
        found = stream(lambda x: x, near, reduce=histogram(lower, upper, bins))
        np.testing.assert_array_equal(found.counts, np.histogram(near, bins, (lower, upper))[0])
    for bad in [(0.0, 1.0, 0), (1.0, 1.0, 5), (0.0, np.inf, 5)]:
        with pytest.raises(ArgumentError, match="at least one bin and a finite range"):
            histogram(*bad)


def test_arrays_are_read_block_by_block(points, values, tmp_path):
    np.save(tmp_path / "points.npy", points)
    held = np.load(tmp_path / "points.npy", mmap_mode="r")
    found = stream(kinds, held, reduce=largest, block=640)
    np.testing.assert_array_equal(found["a"].index, values["a"].argmax(-1))
    two = stream(lambda x, y: x * y[:, 0], (points.T[:, 0], points.T), reduce=total, axis=0, block=1000)
    np.testing.assert_allclose(two, np.sum(points[0] ** 2), rtol=1e-14)
    assert stream(lambda x: x[0] > 0, held, 17, reduce=total) == 17


def test_sources_do_not_depend_on_blocks():
    lattice = Lattice([0.0, 1.0, -1.0], [1.0, 3.0, 1.0], (3, 4, 5))
    assert lattice.count == 60
    axes = [low + (np.arange(n) + 0.5) / n * size for low, size, n in [(0, 1, 3), (1, 2, 4), (-1, 2, 5)]]
    grid = np.stack([part.ravel() for part in np.meshgrid(*axes, indexing="ij")])
    np.testing.assert_allclose(lattice(np.arange(60)), grid, rtol=1e-15)
    first = Lattice([0.0, 1.0, -1.0], [1.0, 3.0, 1.0], (3, 4, 5), axis=0)
    np.testing.assert_array_equal(first(np.arange(60)), np.asarray(lattice(np.arange(60))).T)
    # the midpoint rule on [0, 1]: ∫ 1 / sqrt(x) = 2 with its end left out
    rule = stream(lambda x: 1 / jnp.sqrt(x[0]), Lattice([0.0], [1.0], (20_000,)), reduce=total, block=3000)
    assert rule / 20_000 == pytest.approx(2, abs=5e-3)

    whole = np.asarray(SOURCE(jnp.arange(1000)))
    np.testing.assert_array_equal(SOURCE(jnp.arange(300, 500)), whole[:, 300:500])
    assert whole.min() > 0.1
    assert whole.max() < 3.0
    assert len(np.unique(whole)) == 2000
    assert not np.allclose(whole, Uniform([0.1, 0.1], [3.0, 3.0], seed=4)(jnp.arange(1000)))
    np.testing.assert_array_equal(Uniform([0.0], [1.0], axis=0)(jnp.arange(4)).T, Uniform([0.0], [1.0])(jnp.arange(4)))
    # far out the numbers of the points take more than 32 bits
    far = SOURCE(jnp.arange(1000) + 2**32)
    assert not np.any(far == whole)


def interrupted(monkeypatch, function, points, at, **options):
    """Run a stream over `points`, with Ctrl-C at the reading of block number `at`."""
    read, reads = blocks.Blocks._read, []

    def reading(self, array, start):
        reads.append(start)
        if len(reads) == at:
            raise KeyboardInterrupt
        return read(self, array, start)

    with monkeypatch.context() as patch:
        patch.setattr(blocks.Blocks, "_read", reading)
        with pytest.raises(KeyboardInterrupt) as stop:
            stream(function, points, **options)
    return stop.value.__notes__[0]


def test_an_interrupted_reduction_goes_on_with_the_same_bits(monkeypatch, points, tmp_path):
    path = tmp_path / "state.npz"
    note = interrupted(monkeypatch, kinds, points, 6, reduce=EVERYTHING, block=500, checkpoint=path)
    assert "2000 of 5003 points are done" in note  # five were begun, and the last of them was still under way
    resumed = stream(kinds, points, reduce=EVERYTHING, block=500, checkpoint=path)
    straight = stream(kinds, points, reduce=EVERYTHING, block=500)
    jax.tree.map(np.testing.assert_array_equal, resumed, straight)
    # finished: read back, in other blocks too
    again = stream(kinds, points, reduce=EVERYTHING, block=999, checkpoint=path)
    jax.tree.map(np.testing.assert_array_equal, again, straight)
    for function, options in [
        (lambda x: jax.tree.map(lambda v: 2 * v, kinds(x)), {}),
        (kinds, {"count": 5000}),
        (kinds, {"reduce": {**EVERYTHING, "total": mean}}),
        (kinds, {"parameters": {"mass": 2.0}}),
    ]:
        with pytest.raises(ResultFileError, match=r"other settings: .*(program|count)` changed"):
            stream(function, points, **{"reduce": EVERYTHING, "checkpoint": path, **options})
    with pytest.raises(ResultFileError, match="other settings: `points` changed"):
        stream(kinds, points + 1e-9, reduce=EVERYTHING, checkpoint=path)


@pytest.mark.parametrize("axis", [-1, 0])
def test_an_interrupted_file_goes_on(monkeypatch, points, tmp_path, axis):
    def function(x):
        return jnp.concatenate([jnp.sin(x), jnp.cos(x)], axis=0 if axis else 1)

    given = points if axis else np.ascontiguousarray(points.T)
    options = {"out": tmp_path / "values.npy", "axis": axis, "block": 500}
    note = interrupted(monkeypatch, function, given, 8, **options)
    assert "The same call goes on where it stopped" in note
    assert sorted(f.name for f in tmp_path.iterdir()) == ["values.npy.json", "values.npy.part"]
    done = json.loads((tmp_path / "values.npy.json").read_text())["done"]
    assert 2500 < done < 4000
    kept = (tmp_path / "values.npy.part").read_bytes()
    found = stream(function, given, **{**options, "block": 333})
    assert sorted(f.name for f in tmp_path.iterdir()) == ["values.npy", "values.npy.json"]
    assert kept[:128] == (tmp_path / "values.npy").read_bytes()[:128]
    assert isinstance(found, np.memmap)
    assert not found.flags.writeable
    np.testing.assert_array_equal(found, jax.jit(function)(given))
    np.testing.assert_array_equal(np.load(options["out"]), found)
    # finished: the same call reads it, another one is refused
    assert len(stream(function, given, **options)) == len(found)
    with pytest.raises(ResultFileError, match="`program` changed"):
        stream(lambda x: 2 * function(x), given, **options)
    (tmp_path / "values.npy.json").unlink()
    with pytest.raises(ResultFileError, match="has no record"):
        stream(function, given, **options)


def test_files_that_cannot_be(monkeypatch, points, tmp_path):
    (tmp_path / "x.npy.json").write_text("{")
    with pytest.raises(ResultFileError, match="is damaged"):
        stream(jnp.sin, points, out=tmp_path / "x.npy")
    with pytest.raises(OutputError, match=r"needs 8e\+08 GB, but .* are free"):
        stream(jnp.sin, lambda i: 1.0 * i, 10**17, out=tmp_path / "y.npy")
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        stream(jnp.sin, points, out=tmp_path / "file" / "y.npy")
    with pytest.raises(ArgumentError, match="A file takes one array"):
        stream(kinds, points, out=tmp_path / "z.npy")


@pytest.mark.parametrize(
    ("arguments", "options", "sentence"),
    [
        ((SOURCE,), {"reduce": total}, "`count` was None"),
        ((SOURCE, 0), {"reduce": total}, "`count` was 0"),
        ((SOURCE, 10), {"reduce": total, "block": 0}, "`block` 0"),
        ((SOURCE, 10), {}, "Give either `reduce`"),
        ((SOURCE, 10), {"reduce": total, "out": "x.npy"}, "Give either `reduce`"),
        ((SOURCE, 10), {"out": "x.npy", "checkpoint": "x.npz"}, "Give either `reduce`"),
        ((np.zeros((2, 10)), 11), {"reduce": total}, "there are 10 points"),
        ((SOURCE, 2**63 - 5), {"reduce": total}, "takes 64 bits"),
    ],
)
def test_refusals(arguments, options, sentence):
    with pytest.raises(ArgumentError, match=sentence):
        stream(lambda x: x[0], *arguments, **options)
