import pytest
from hypothesis import given
from hypothesis import strategies as st

from geomflow.core.catalogue import Catalogue
from geomflow.core.errors import ArgumentError, CatalogueError, GeomflowError


@pytest.fixture
def shapes():
    catalogue = Catalogue("shape")
    catalogue.add("sphere", 1)
    catalogue.add("torus", 2)
    return catalogue


def test_holds_what_was_added_in_order(shapes):
    assert shapes.names() == ["sphere", "torus"] == list(shapes)
    assert dict(shapes.items()) == {"sphere": 1, "torus": 2}
    assert "torus" in shapes
    assert "plane" not in shapes
    assert len(shapes) == 2
    assert shapes["sphere"] == 1
    assert shapes.add("plane", 3) == 3


def test_refuses_a_taken_name(shapes):
    with pytest.raises(ArgumentError, match="shape `torus` is in the catalogue already") as refusal:
        shapes.add("torus", 4)
    assert refusal.value.name == "torus"
    assert shapes["torus"] == 2


def test_unknown_name_is_answered_with_the_closest(shapes):
    with pytest.raises(CatalogueError, match=r"no shape called `spere`.*`sphere`.*Known: sphere, torus") as refusal:
        shapes["spere"]
    assert refusal.value.name == "spere"
    assert refusal.value.closest == ["sphere"]
    assert isinstance(refusal.value, (GeomflowError, ValueError))


def test_a_long_catalogue_is_not_listed_whole():
    catalogue = Catalogue("number")
    for i in range(50):
        catalogue.add(f"n{i:02}", i)
    with pytest.raises(CatalogueError, match="50 names") as refusal:
        catalogue["zzz"]
    assert "n17" not in str(refusal.value)


def test_an_empty_catalogue_says_so():
    with pytest.raises(CatalogueError, match="empty"):
        Catalogue("flow")["ricci"]


@given(st.dictionaries(st.text(), st.integers()))
def test_behaves_like_the_dict_it_was_filled_from(entries):
    catalogue = Catalogue("thing")
    for name, entry in entries.items():
        catalogue.add(name, entry)
    assert dict(catalogue.items()) == entries
    assert all(catalogue[name] == entry for name, entry in entries.items())
