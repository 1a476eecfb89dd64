"""NNGP and NTK of deep networks: exact numbers, close points, frozen layers against finite networks, refusals."""

import functools
import math

import equinox as eqx
import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest

from geomflow.codegen.program import Program
from geomflow.core.errors import ArgumentError, GenerationError, PrecisionError
from geomflow.kernels import base
from geomflow.kernels.fully_connected import FullyConnected

POINTS = jnp.array([[0.5, -0.25, 1.0], [0.75, 0.5, -0.125], [-1.0, 0.25, 0.5], [0.5, -0.25, 1.0625]])
# activation, i, j, NNGP, NTK: three hidden layers, σ_w = 1.5, σ_b = 0.1; mpmath with 20 digits
EXACT = [
    ("erf", 0, 0, 1.086932804448843456, 6.0612993552870971926),
    ("erf", 0, 1, 0.13434800297266276907, 0.48107707919901623868),
    ("erf", 0, 3, 1.0891578748840605493, 6.1091305446368009095),
    ("erf", 1, 2, -0.52516528554878707488, -2.3397963311992542716),
    ("relu", 0, 0, 1.449725341796875, 5.7337451171875),
    ("relu", 0, 1, 0.74622624409904797147, 1.4017496619526894871),
    ("relu", 0, 3, 1.5164755091126139249, 5.9273800191069501853),
    ("relu", 1, 2, 0.6110676418354892668, 0.83359192562928605888),
    ("cos", 0, 0, 1.2329734807638555596, 4.8934928450344982617),
    ("cos", 0, 1, 0.97327431948423576155, 2.077642310843724654),
    ("cos", 0, 3, 1.2302482285279960991, 4.9170386071605747205),
    ("cos", 1, 2, 1.0413685741297864666, 2.6975368863403812943),
    ("gauss", 0, 0, 1.012681271089380982, 2.9961846581757232526),
    ("gauss", 0, 1, 0.93972236957992286173, 1.5809227514292865166),
    ("gauss", 0, 3, 1.009280714749808389, 2.9986874850900076039),
    ("gauss", 1, 2, 0.95733653983018168341, 1.7890452453174341713),
    ("abs", 0, 0, 11.409677734375, 45.5130859375),
    ("abs", 0, 1, 7.6478560215589938646, 13.113933287827784219),
    ("abs", 0, 3, 11.943741204437567863, 46.497508305644451448),
    ("abs", 1, 2, 7.9978764592176712, 16.231415570999356754),
]
NAMES = {"gauss": "exp(-u**2)"}


@pytest.fixture(scope="module")
def matrices():
    made = {row[0]: FullyConnected(NAMES.get(row[0], row[0]), 3, 1.5, 0.1) for row in EXACT}
    return {name: kernel.nngp_and_ntk(POINTS) for name, kernel in made.items()}


@pytest.mark.parametrize(("name", "i", "j", "nngp", "ntk"), EXACT)
def test_exact_numbers(matrices, name, i, j, nngp, ntk):
    for found, exact in zip(matrices[name], (nngp, ntk)):
        assert abs(found[i, j] / exact - 1) < 1e-13


# --- close points, points on one line, zero ------------------------------------------------------------------------


def relu_reference(x, y, hidden, sigma_w, sigma_b):
    """NNGP and NTK of ReLU at 60 digits, from the covariance."""
    with mpmath.workdps(60):
        x, y = ([mpmath.mpf(float(v)) for v in z] for z in (x, y))
        w, b = mpmath.mpf(sigma_w) ** 2, mpmath.mpf(sigma_b) ** 2
        p, q, c = (w * mpmath.fdot(u, v) / len(x) + b for u, v in ((x, x), (y, y), (x, y)))
        theta = c
        for _ in range(hidden):
            root = mpmath.sqrt(p * q)
            cosine = max(min(c / root, 1), -1)
            turn = mpmath.pi - mpmath.acos(cosine)
            value = root * (mpmath.sqrt(1 - cosine**2) + turn * cosine) / (2 * mpmath.pi)
            theta = w * theta * turn / (2 * mpmath.pi) + w * value + b
            p, q, c = w * p / 2 + b, w * q / 2 + b, w * value + b
        return c, theta


BASE = np.array([0.5, -0.25, 1.0])
TURN = np.array([0.3, 0.9, -0.4])


@pytest.mark.parametrize("sigma_b", [0.0, 0.3])
@pytest.mark.parametrize(
    "other",
    [
        BASE + 1e-12 * TURN,
        BASE + 1e-7 * TURN,
        BASE + 1e-3 * TURN,
        TURN,
        2 * BASE,
        (1 + 1e-9) * BASE,
        3 * BASE + 1e-9 * TURN,
        -0.7 * BASE,
        -0.7 * BASE + 1e-9 * TURN,
    ],
)
def test_relu_keeps_its_digits(other, sigma_b):
    kernel = FullyConnected("relu", 3, 1.5, sigma_b)
    found = kernel.nngp_and_ntk(BASE[None], other[None])
    exact = relu_reference(BASE, other, 3, 1.5, sigma_b)
    scale = float(kernel.diagonal(BASE[None])[0])
    for one, truth in zip(found, exact):
        assert abs(float(one[0, 0]) - truth) < 1e-14 * max(abs(truth), 1e-2 * scale)


@pytest.mark.parametrize("name", ["relu", "rectified-power-2"])
@pytest.mark.parametrize("sigma_b", [0.0, pytest.param(0.5, marks=pytest.mark.slow)])
def test_finite_at_zero_and_at_coincident_points(name, sigma_b):
    kernel = FullyConnected(name, 2, 1.2, sigma_b)
    points = jnp.array([[0.0, 0.0], [1.0, -2.0], [1.0, -2.0], [0.5, 0.1]])
    matrix = kernel.matrix(points)
    assert np.isfinite(matrix).all()
    assert np.allclose(kernel.diagonal(points), jnp.diag(matrix), rtol=1e-13)
    assert matrix[1, 2] == matrix[1, 1]
    if kernel.derivatives >= 1:
        gradients = jax.jit(jax.vmap(jax.jacfwd(kernel), (0, None)))(points, points[3])
        assert np.isfinite(gradients).all()


@pytest.mark.parametrize(("name", "independent"), [("step", 0.25), ("sign", 0.0)])
def test_an_input_of_zero_is_independent_of_the_others(name, independent):
    # of a jump at 0 half is seen on either side: θ = π/2
    matrix = FullyConnected(name, 1, 1.5, 0.0, of="nngp").matrix(jnp.array([[0.0, 0.0], [1.0, -2.0], [0.5, 0.1]]))
    assert np.allclose(matrix[0, 1:], 1.5**2 * independent, rtol=1e-15)
    assert np.allclose(matrix[0, 0], matrix[1, 1], rtol=1e-15)


@pytest.mark.parametrize("name", ["relu", pytest.param("erf", marks=pytest.mark.slow)])
def test_gradient_is_that_of_the_values(name):
    kernel, step = FullyConnected(name, 2, 1.3, 0.2), 1e-5
    x, y = POINTS[0], POINTS[1]
    found = eqx.filter_jit(lambda kernel: jax.jacfwd(kernel)(x, y))(kernel)
    moved = jnp.concatenate([x + step * jnp.eye(3), x - step * jnp.eye(3)])
    values = kernel.block(moved, y[None])[:, 0]
    assert np.allclose((values[:3] - values[3:]) / (2 * step), found, rtol=1e-8, atol=1e-8)


def test_layers_of_both_kinds_agree_with_their_duals():
    kernel = FullyConnected(["erf", "relu", "cos"], sigma_w=[1.1, 1.3, 0.9, 1.7], sigma_b=[0.1, 0.0, 0.4, 0.2])
    w, b = np.square(kernel.sigma_w), np.square(kernel.sigma_b)
    gram = POINTS @ POINTS.T / 3
    c = theta = w[0] * gram + b[0]
    p = jnp.diag(c)
    for rule, scale, shift in zip(kernel.duals, w[1:], b[1:]):
        k, slope = eqx.filter_jit(rule)(p[:, None], p[None, :], c - 1e-15 * jnp.eye(4))
        theta = scale * theta * slope + scale * k + shift
        c, p = scale * k + shift, scale * rule.diagonal(p)[0] + shift
    nngp, ntk = kernel.nngp_and_ntk(POINTS)
    apart = ~np.eye(4, dtype=bool)
    assert np.allclose(nngp, c, rtol=1e-7)
    assert np.allclose(nngp[apart], c[apart], rtol=1e-13)
    assert np.allclose(ntk[apart], theta[apart], rtol=1e-13)


# --- trained and frozen ----------------------------------------------------------------------------------------------

SIGMA_W, SIGMA_B, WIDTH, SEEDS = (1.3, 0.8, 1.5), (0.4, 0.7, 0.3), 512, 48
CHOICES = [((True,) * 3,) * 2, ((False, True, False), (True, False, True)), ((True, False, False), (True, True, False))]


@pytest.fixture(scope="module")
def empirical():
    """Contributions to the tangent kernel of finite networks, by parameter group (2 kinds, 3 layers): mean, error."""
    sizes, count = (3, WIDTH, WIDTH, 1), 3
    activations = (jax.scipy.special.erf, jax.nn.relu)

    def network(parameters, x):
        h = x
        for layer, (weight, bias) in enumerate(parameters):
            h = h if layer == 0 else activations[layer - 1](h)
            h = SIGMA_W[layer] / math.sqrt(sizes[layer]) * weight @ h + SIGMA_B[layer] * bias
        return h[0]

    def contributions(key):
        keys = jax.random.split(key, 2 * count)
        parameters = [
            (
                jax.random.normal(keys[2 * l], (sizes[l + 1], sizes[l])),
                jax.random.normal(keys[2 * l + 1], (sizes[l + 1],)),
            )
            for l in range(count)
        ]
        first, second = (jax.grad(network)(parameters, x) for x in POINTS[:2])
        return jnp.array([[jnp.vdot(a[kind], b[kind]) for a, b in zip(first, second)] for kind in (0, 1)])

    found = jax.jit(lambda keys: jax.lax.map(contributions, keys))(jax.random.split(jax.random.key(3), SEEDS))
    return np.mean(found, axis=0), np.std(found, axis=0) / math.sqrt(SEEDS - 1)


@functools.cache
def frozen_but(weights, biases):
    return float(FullyConnected(["erf", "relu"], None, SIGMA_W, SIGMA_B, trained=(weights, biases))(*POINTS[:2]))


@pytest.mark.parametrize("kind", [0, 1])
@pytest.mark.parametrize("layer", [0, 1, 2])
def test_one_trained_group_is_that_of_wide_networks(empirical, kind, layer):
    mean, error = empirical
    only = tuple(l == layer for l in range(3))
    none = (False,) * 3
    exact = frozen_but(*((only, none) if kind == 0 else (none, only)))
    allowed = 4 * error[kind, layer] + 3 * abs(exact) / WIDTH
    assert abs(mean[kind, layer] - exact) < allowed + 1e-12
    assert allowed < 0.15 * abs(exact)  # the comparison says something


def test_a_choice_is_the_sum_of_its_groups():
    none = (False,) * 3
    single = {
        (kind, l): float(frozen_but(*((one, none) if kind == 0 else (none, one))))
        for kind in (0, 1)
        for l in range(3)
        for one in [tuple(i == l for i in range(3))]
    }
    for weights, biases in CHOICES:
        total = sum(single[0, l] for l in range(3) if weights[l]) + sum(single[1, l] for l in range(3) if biases[l])
        assert abs(frozen_but(weights, biases) - total) < 1e-14 * (1 + total)


def test_words_for_what_is_trained():
    yes, no = (True,) * 3, (False,) * 3
    last = (False, False, True)
    for word, pair in {
        "all": (yes, yes),
        "last-layer": (last, last),
        "weights": (yes, no),
        "biases": (no, yes),
    }.items():
        named = FullyConnected(["erf", "relu"], None, SIGMA_W, SIGMA_B, trained=word)
        assert (named.weights, named.biases) == pair
    # the features of the last layer are the Gaussian process
    nngp = FullyConnected(["erf", "relu"], None, SIGMA_W, SIGMA_B, of="nngp")(*POINTS[:2])
    assert abs(nngp / frozen_but(last, last) - 1) < 1e-15


# --- matrices --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["relu", pytest.param("erf", marks=pytest.mark.slow)])
def test_tiles_make_one_matrix(monkeypatch, name):
    monkeypatch.setattr(base, "TILE", 8)
    kernel, rng = FullyConnected(name, 1, 1.4, 0.1), np.random.default_rng(0)
    x, y = rng.standard_normal((21, 3)), rng.standard_normal((13, 3))
    everything = jnp.concatenate([x, y])
    whole = kernel.block(everything, everything)
    assert np.allclose(kernel.matrix(x, y), whole[:21, 21:], rtol=1e-13)
    nngp, ntk = (np.asarray(m) for m in kernel.nngp_and_ntk(x))
    whole = whole[:21, :21]
    assert np.allclose(ntk, whole, rtol=1e-13)
    assert np.array_equal(ntk, ntk.T)
    assert np.array_equal(nngp, nngp.T)
    assert np.allclose(np.diag(ntk), kernel.diagonal(x), rtol=1e-13)


def test_many_coordinates():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2, 75))
    exact = relu_reference(x[0], x[1], 2, 1.4, 0.1)[1]
    assert abs(float(FullyConnected("relu", 2, 1.4, 0.1).matrix(x)[0, 1]) / exact - 1) < 1e-14


@pytest.mark.parametrize("symmetric", [True, False])
def test_memory_is_that_of_the_matrix(symmetric):
    n = 2048
    kernel, x = FullyConnected("relu", 3), jnp.zeros((n, 10))
    lowered = base._filled.lower(FullyConnected.block, kernel, x, None if symmetric else x)
    memory = lowered.compile().compiled.memory_analysis()
    assert memory.temp_size_in_bytes + memory.output_size_in_bytes < 1.3 * 8 * n**2


# --- generated code ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["erf", "relu"])
def test_generated_function_has_the_same_values(name):
    kernel = FullyConnected(
        name, 2, (0.9, 1.1, 0.7), (0.1, 0.3, 0.0), trained=((True, False, True), (True, True, False))
    )
    x, y = POINTS[0], POINTS[1]
    program = kernel.program()
    assert isinstance(program, Program)
    assert "def ntk(p, q, c, sigma_w, sigma_b, keep):" in program.source
    found = program.compile()(x @ x / 3, y @ y / 3, x @ y / 3, kernel.sigma_w, kernel.sigma_b)[0]
    assert abs(found / kernel(x, y) - 1) < 1e-13


def test_no_program_without_a_closed_form():
    with pytest.raises(GenerationError, match="no closed form"):
        FullyConnected("tanh", 1).program()


# --- refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["step", pytest.param("sign", marks=pytest.mark.slow)])
def test_jumps_are_refused_unless_nothing_below_is_trained(name):
    kernel = FullyConnected(name, 2, 1.2, 0.3)
    assert kernel(POINTS[0], POINTS[0]) == math.inf
    assert np.isfinite(kernel(POINTS[0], POINTS[1]))
    for call in (kernel.matrix, kernel.nngp_and_ntk, kernel.diagonal):
        with pytest.raises(ArgumentError, match='trained="last-layer"'):
            call(POINTS)
    for options in ({"trained": "last-layer"}, {"of": "nngp"}):
        assert np.isfinite(FullyConnected(name, 2, 1.2, 0.3, **options).matrix(POINTS)).all()


def test_derivatives_are_counted():
    assert FullyConnected("erf", 3).derivatives == math.inf
    assert FullyConnected("relu", 3).derivatives == 0
    assert FullyConnected("relu", 3, trained="last-layer").derivatives == 1
    assert FullyConnected(["erf", "rectified-power-3"]).derivatives == 2
    assert FullyConnected("sign", 1).derivatives < 0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("relu",), "`hidden` must be at least 1"),
        (("relu", 0), "`hidden` must be at least 1"),
        ((["relu", "erf"], 3), "one entry for each hidden layer"),
        (([],), "one entry for each hidden layer"),
        (("relu", 2, (1.0, 2.0)), "one for each of the 3 layers"),
        (("relu", 2, 1.0, -0.5), "`sigma_b` must be finite and not negative"),
        (("relu", 2, math.nan), "`sigma_w` must be finite"),
        (("relu", 2, 1.0, 0.0, "first-layer"), "must be one of all, last-layer, weights, biases"),
        (("relu", 2, 1.0, 0.0, ((True, True), (True, True))), "two tuples of 3 booleans"),
        (("relu", 2, 1.0, 0.0, "all", "ntk2"), '"ntk" or "nngp"'),
    ],
)
def test_bad_arguments(arguments, sentence):
    with pytest.raises(ArgumentError, match=sentence):
        FullyConnected(*arguments)


def test_bad_points():
    kernel = FullyConnected("erf", 1)
    with pytest.raises(PrecisionError, match="float64"):
        kernel.matrix(POINTS.astype("float32"))
    with pytest.raises(ArgumentError, match="3 and 2 coordinates"):
        kernel.matrix(POINTS, POINTS[:, :2])
    with pytest.raises(ArgumentError, match="points as rows"):
        kernel.matrix(POINTS[0])
    with pytest.raises(ArgumentError, match="point number 1"):
        kernel.matrix(POINTS.at[1, 0].set(jnp.nan))
    with pytest.raises(ArgumentError, match="real"):
        kernel.matrix(POINTS + 1j)
