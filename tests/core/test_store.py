import json
import os
import tempfile
import zipfile
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from geomflow.core import store
from geomflow.core.errors import ArgumentError, OutputError, ResultFileError
from geomflow.core.provenance import canonical_json
from geomflow.core.store import atomic_write, ensure_writable, load, save

names = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,12}", fullmatch=True).filter(lambda name: name != "header")
dtypes = hnp.boolean_dtypes() | hnp.integer_dtypes() | hnp.floating_dtypes() | hnp.complex_number_dtypes()
arrays = dtypes.flatmap(lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, min_side=0, max_side=4)))
leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
headers = st.dictionaries(st.text(), st.recursive(leaves, lambda s: st.lists(s) | st.dictionaries(st.text(), s)))


@pytest.fixture(scope="module")
def result():
    """The bytes of one result file, and where each array's data lie in them."""
    held = {"g": np.linspace(0.0, 1.0, 24).reshape(2, 3, 4), "sigma": np.array([0.1, 0.2]), "k": np.arange(6)}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "result.npz"
        save(path, held, {"experiment": "locality", "order": 2.0})
        data = path.read_bytes()
    return data, {name: (data.index(array.tobytes()), array.nbytes) for name, array in held.items()}


def read(data):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "result.npz"
        path.write_bytes(data)
        return load(path)


@settings(max_examples=60)
@given(st.dictionaries(names, arrays, max_size=4), headers)
def test_what_is_saved_is_what_is_loaded(held, header):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "result.npz"
        save(path, held, header)
        assert os.listdir(folder) == ["result.npz"]
        back, header_back = load(path)
    assert header_back == header
    assert back.keys() == held.keys()
    for name, array in held.items():
        assert back[name].dtype == array.dtype
        np.testing.assert_array_equal(back[name], array)


def test_a_result_is_an_ordinary_npz_and_equal_results_are_equal_files(tmp_path):
    for file in ("a.npz", "b.npz"):
        save(tmp_path / file, {"g": jnp.eye(2), "name": np.array("T²")}, {"sigma": 0.1})
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    with np.load(tmp_path / "a.npz", allow_pickle=False) as archive:
        np.testing.assert_array_equal(archive["g"], np.eye(2))
        header = json.loads(str(archive["header"]))
    assert header["format"] == "geomflow-result"
    assert header["version"] == 1
    assert header["header"] == {"sigma": 0.1}


@settings(max_examples=150)
@given(st.data())
def test_a_file_cut_anywhere_is_refused(result, data):
    content, _ = result
    with pytest.raises(ResultFileError, match=r"result.npz") as refusal:
        read(content[: data.draw(st.integers(0, len(content) - 1))])
    assert refusal.value.path.name == "result.npz"
    assert "elete" in str(refusal.value)


@settings(max_examples=150)
@given(st.data())
def test_a_flipped_byte_in_the_data_is_refused(result, data):
    content, places = result
    start, length = places[data.draw(st.sampled_from(sorted(places)))]
    place = start + data.draw(st.integers(0, length - 1))
    damaged = bytearray(content)
    damaged[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(ResultFileError, match="cut short or damaged"):
        read(bytes(damaged))


@settings(max_examples=300)
@given(st.data())
def test_a_flipped_byte_anywhere_is_refused_or_harmless(result, data):
    content, _ = result
    damaged = bytearray(content)
    damaged[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        found, header = read(bytes(damaged))
    except ResultFileError:
        return
    expected, expected_header = read(content)
    assert header == expected_header
    assert {n: (a.shape, a.tobytes()) for n, a in found.items()} == {
        n: (a.shape, a.tobytes()) for n, a in expected.items()
    }


def rewrite(path, change):
    """Write the file anew with correct zip checksums, its members changed by `change`."""
    with np.load(path) as archive:
        members = dict(archive)
    change(members)
    np.savez(path, **members)


def test_an_edited_array_or_number_fails_the_checksum(tmp_path):
    path = tmp_path / "result.npz"
    for change in (
        lambda m: m["g"].__setitem__((0, 0), 5.0),
        lambda m: m.update(h=np.zeros(2)),
        lambda m: m.pop("g"),
        lambda m: m.update(g=m["g"].reshape(4)),
        lambda m: m.update(header=np.array(str(m["header"]).replace("2.0", "2.1"))),
    ):
        save(path, {"g": np.eye(2)}, {"order": 2.0})
        rewrite(path, change)
        with pytest.raises(ResultFileError, match=r"damaged. Delete it and compute it again"):
            load(path)


@pytest.mark.parametrize("content", [b"", b"not a result", b"PK", b"\x93NUMPY" + bytes(40), bytes(range(256)) * 9])
def test_a_file_that_is_no_npz_is_refused(tmp_path, content):
    path = tmp_path / "x.npz"
    path.write_bytes(content)
    with pytest.raises(ResultFileError, match=r"not an .npz file|cut short"):
        load(path)


def test_a_foreign_npz_is_refused(tmp_path):
    path = tmp_path / "x.npz"
    np.savez(path, g=np.eye(2))
    with pytest.raises(ResultFileError, match="not a result of geomflow"):
        load(path)
    for header in ("hello", '["format"]', '{"format": "other"}', "3"):
        np.savez(path, header=np.array(header))
        with pytest.raises(ResultFileError, match="not a result of geomflow"):
            load(path)


def test_an_archive_of_other_things_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("readme.txt", "hello")
    with pytest.raises(ResultFileError):
        load(tmp_path / "x.npz")


def test_pickles_are_never_opened(tmp_path):
    class Trap:
        def __reduce__(self):
            return pytest.fail, ("a pickle was opened",)

    np.savez(tmp_path / "x.npz", g=np.array([Trap()], dtype=object))
    with pytest.raises(ResultFileError):
        load(tmp_path / "x.npz")


def test_a_newer_format_is_refused_with_advice(tmp_path):
    path = tmp_path / "x.npz"
    save(path, {}, {})
    outer = {"format": store.FORMAT, "version": 2, "sha256": "", "header": {}}
    rewrite(path, lambda m: m.update(header=np.array(canonical_json(outer))))
    with pytest.raises(ResultFileError, match=r"format version 2.*Update geomflow"):
        load(path)


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    for path in (tmp_path / "absent.npz", tmp_path):
        with pytest.raises(ResultFileError, match="cannot be read") as refusal:
            load(path)
        assert refusal.value.path == path


@pytest.mark.parametrize(
    ("held", "sentence"),
    [
        ({"header": np.ones(1)}, "cannot be called `header`"),
        ({"a/b": np.ones(1)}, "letters, digits"),
        ({"": np.ones(1)}, "letters, digits"),
        ({"g": np.array([object()])}, "numbers or strings"),
        ({"g": jnp.ones(2, dtype=jnp.bfloat16)}, "numbers or strings"),
    ],
)
def test_what_cannot_be_saved_is_refused_before_writing(tmp_path, held, sentence):
    with pytest.raises(ArgumentError, match=sentence):
        save(tmp_path / "x.npz", held, {})
    assert os.listdir(tmp_path) == []


def test_ctrl_c_while_writing_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "x.npz"
    save(path, {"g": np.eye(2)}, {"run": 1})

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        save(path, {"g": np.zeros(2)}, {"run": 2})
    assert os.listdir(tmp_path) == ["x.npz"]
    assert load(path)[1] == {"run": 1}


def bad_folders(tmp_path):
    (tmp_path / "file").write_text("a regular file")
    return [tmp_path / "file", tmp_path / "file" / "below", Path("/proc/geomflow-out"), Path("/proc")]


def test_a_folder_that_cannot_be_written_is_refused_early(tmp_path):
    for folder in bad_folders(tmp_path):  # none of these can be written even by root
        with pytest.raises(OutputError, match=r"cannot be written.*Choose another folder") as refusal:
            ensure_writable(folder)
        assert refusal.value.path == folder
    with pytest.raises(OutputError, match="cannot be written"):
        atomic_write(tmp_path / "file" / "x", b"")


def test_a_good_folder_is_created_and_left_empty(tmp_path):
    folder = ensure_writable(tmp_path / "a" / "b")
    assert folder.is_dir()
    assert os.listdir(folder) == []
