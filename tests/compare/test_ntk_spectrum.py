import numpy as np
import pytest

from geomflow.compare.ntk_spectrum import cases, first_row, spectrum_study

CLOSED = ("periodic cos-net, last layer", "embedded cos-net, last layer", "embedded cos-net, all layers")


@pytest.mark.parametrize("name", CLOSED)
@pytest.mark.parametrize("dim", [1, 2])
def test_the_gram_matrix_has_the_derived_spectrum(name, dim):
    kernel, closed = cases(dim, 0.7)[name]
    size = 12  # coarse: the aliases count
    study = spectrum_study(name, kernel, closed, dim, size, 4)
    assert study.gram_error < 1e-13
    wrong = spectrum_study(name, kernel, lambda k: closed(k) * (1 + 1e-3 * (k[0] == 1)), dim, size, 4)
    assert wrong.gram_error > 1e-5
    assert study.decay is None


def test_a_kernel_without_closed_form_is_compared_with_its_row():
    kernel, closed = cases(1, 0.7)["erf, NTK"]
    study = spectrum_study("erf, NTK", kernel, closed, 1, 16, 4)
    assert study.closed is None
    assert study.gram_error < 1e-13
    assert study.decay is None
    assert np.all(np.diff(study.eigenvalues) < 0)


@pytest.mark.parametrize(("name", "power"), [("ReLU, NTK", 2), pytest.param("ReLU, NNGP", 4, marks=pytest.mark.slow)])
def test_kinks_make_the_spectrum_a_power(name, power):
    kernel, _ = cases(1, 0.7)[name]
    assert spectrum_study(name, kernel, None, 1, 16, 4).decay == pytest.approx(power, abs=0.05)


def test_the_row_gives_the_coefficients():
    kernel, closed = cases(2, 0.9)["periodic cos-net, last layer"]
    row = first_row(kernel, 2, 32)
    assert row[1, 2] == pytest.approx(closed(np.array([[1], [2]]))[0], rel=1e-12)
