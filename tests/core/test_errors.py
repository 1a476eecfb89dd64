import inspect
import pickle

import pytest

from geomflow.core import errors

TREE = [c for _, c in inspect.getmembers(errors, inspect.isclass) if issubclass(c, errors.GeomflowError)]


@pytest.mark.parametrize("kind", TREE)
def test_every_error_is_a_sentence_with_numbers(kind):
    error = kind("The flow left the space of metrics. Try a shorter time.", time=0.25, wave_number=3)
    assert isinstance(error, errors.GeomflowError)
    assert str(error) == "The flow left the space of metrics. Try a shorter time."
    assert error.time == 0.25
    assert error.numbers == {"time": 0.25, "wave_number": 3}
    with pytest.raises(AttributeError, match="eigenvalue"):
        _ = error.eigenvalue


@pytest.mark.parametrize("kind", TREE)
def test_every_error_survives_a_process_boundary(kind):
    copy = pickle.loads(pickle.dumps(kind("A sentence.", sigma=0.1)))
    assert type(copy) is kind
    assert (str(copy), copy.sigma) == ("A sentence.", 0.1)


@pytest.mark.parametrize("kind", TREE)
def test_the_module_docstring_draws_the_tree(kind):
    assert kind.__name__ in errors.__doc__


def test_bad_arguments_are_value_errors():
    arguments = [c for c in TREE if issubclass(c, errors.ArgumentError)]
    names = {c.__name__ for c in arguments}
    assert names >= {"CatalogueError", "MetricError", "KernelError", "GridError", "ResolutionError"}
    assert all(issubclass(c, ValueError) for c in arguments)
    assert not issubclass(errors.FlowError, ValueError)
