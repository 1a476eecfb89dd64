"""The house keeps its order: imports go downward only, and each room keeps to its own tools."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "geomflow"

# From the top of the house to the bottom; rooms on one line are neighbours and do not import each other.
ORDER = [
    {"cli"},
    {"experiments"},
    {"figures"},
    {"compare"},
    {"flows"},
    {"calabi_yau", "layers", "networks"},
    {"functionals"},
    {"kernels"},
    {"metrics"},
    {"geometry"},
    {"batch"},
    {"codegen"},
    {"symbolic"},
    {"core"},
]
FLOOR = {room: len(ORDER) - i for i, rooms in enumerate(ORDER) for room in rooms}
FLOOR |= {"__main__": 99, "__init__": 1.5}  # `geomflow/__init__.py` shows core and nothing above it
NUMERIC = {"jax", "jaxlib", "diffrax", "equinox", "lineax", "optimistix"}
MOST_LINES = 400


def imported(tree):
    """Yield (module, names, line, at import time?) for every import of a module."""
    inside = {
        id(n) for f in ast.walk(tree) if isinstance(f, (ast.FunctionDef, ast.AsyncFunctionDef)) for n in ast.walk(f)
    }
    for node in ast.walk(tree):
        eager = id(node) not in inside
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, [], node.lineno, eager
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or ""), [a.name for a in node.names], node.lineno, eager


def private(tree):
    """Yield (line, name) for every private attribute of a module that is not ours."""
    foreign = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            foreign |= {(a.asname or a.name).split(".")[0] for a in node.names if not a.name.startswith("geomflow")}
        elif isinstance(node, ast.ImportFrom) and not (node.module or "").startswith(("geomflow", "__future__")):
            foreign |= {a.asname or a.name for a in node.names}
            parts = [*(node.module or "").split("."), *(a.name for a in node.names)]
            yield from ((node.lineno, part) for part in parts if part.startswith("_") and not part.startswith("__"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if not alias.name.startswith("geomflow") and "._" in alias.name:
                    yield node.lineno, alias.name
        if isinstance(node, ast.Attribute) and node.attr.startswith("_") and not node.attr.startswith("__"):
            root = node.value
            while isinstance(root, ast.Attribute):
                root = root.value
            if isinstance(root, ast.Name) and root.id in foreign:
                yield node.lineno, node.attr


def violations(path, source):
    """Return what is wrong with the module at `path` (relative to the package), as sentences."""
    found = []
    room = Path(path).parts[0].removesuffix(".py")
    if room not in FLOOR:
        return [f"{path}: `{room}` has no place in the order of the house"]
    if Path(path).stem == "utils":
        found.append(f"{path}: there is no utils.py; name the file after what it holds")
    if len(source.splitlines()) > MOST_LINES:
        found.append(f"{path}: more than {MOST_LINES} lines; it is two things")
    tree = ast.parse(source)
    for module, names, line, eager in imported(tree):
        where = f"{path}:{line}"
        if module.startswith("."):
            found.append(f"{where}: import by the full name, not `{module}`")
        if "*" in names:
            found.append(f"{where}: no `import *`")
        package = module.split(".")[0]
        if package == "geomflow":
            below = [module.split(".")[1]] if "." in module else [n for n in names if n in FLOOR]
            for other in below:
                if other != room and FLOOR.get(other, 0) >= FLOOR[room]:
                    found.append(f"{where}: `{room}` must not import `{other}`, which is not below it")
        if package == "diffrax" and not path.startswith("flows/solve/"):
            found.append(f"{where}: only flows/solve/ imports diffrax")
        if package in NUMERIC and room == "symbolic":
            found.append(f"{where}: symbolic knows nothing of {package}")
        if package in NUMERIC | {"jaxtyping"} and room in ("core", "__init__") and eager and path != "core/types.py":
            found.append(f"{where}: `{room}` must import without {package}")
        if module == "geomflow.core.types" and room in ("core", "symbolic"):
            found.append(f"{where}: core and symbolic must import without geomflow.core.types")
    found += [f"{path}:{line}: `{name}` is private to another library" for line, name in private(tree)]
    return found


def test_the_house_is_in_order():
    files = sorted(PACKAGE.rglob("*.py"))
    assert len(files) > 10
    found = [v for f in files for v in violations(f.relative_to(PACKAGE).as_posix(), f.read_text(encoding="utf-8"))]
    assert not found, "\n" + "\n".join(found)


@pytest.mark.parametrize(
    ("path", "source", "sentence"),
    [
        ("core/x.py", "from geomflow.flows import solve", "`core` must not import `flows`"),
        ("core/x.py", "from geomflow import flows", "`core` must not import `flows`"),
        ("core/x.py", "def f():\n    import geomflow.flows.solve", "`core` must not import `flows`"),
        ("networks/x.py", "import geomflow.layers", "`networks` must not import `layers`"),
        ("core/x.py", "from geomflow.attic import y", None),
        ("attic/x.py", "", "`attic` has no place"),
        ("__init__.py", "from geomflow.symbolic import x", "`__init__` must not import `symbolic`"),
        ("flows/torus/ricci.py", "import diffrax as dfx", "only flows/solve/ imports diffrax"),
        ("flows/solve/x.py", "import diffrax", None),
        ("core/x.py", "import jax.numpy as jnp", "`core` must import without jax"),
        ("core/x.py", "if True:\n    import jax", "`core` must import without jax"),
        ("core/precision.py", "def f():\n    import jax", None),
        ("core/types.py", "from jaxtyping import Array", None),
        ("core/x.py", "from geomflow.core.types import Metric", "without geomflow.core.types"),
        ("symbolic/x.py", "def f():\n    import jax", "symbolic knows nothing of jax"),
        ("metrics/x.py", "from sympy import *", "no `import *`"),
        ("metrics/x.py", "from .base import TorusMetric", "import by the full name"),
        ("metrics/utils.py", "", "there is no utils.py"),
        ("metrics/x.py", "x = 1\n" * 401, "more than 400 lines"),
        ("metrics/x.py", "x = 1\n" * 400, None),
        ("metrics/x.py", "import jax\njax._src.core", "`_src` is private"),
        ("metrics/x.py", "import jax._src.core", "`jax._src.core` is private"),
        ("metrics/x.py", "from jax._src import core", "`_src` is private"),
        ("metrics/x.py", "from jax import _src", "`_src` is private"),
        ("metrics/x.py", "import sympy as sp\nsp.core._x", "`_x` is private"),
        ("metrics/x.py", "import jax\njax.__version__\nself._x", None),
        (
            "metrics/x.py",
            "from geomflow.core.catalogue import Catalogue\nfrom geomflow.metrics import _y",
            None,
        ),
    ],
)
def test_the_checker_can_fail(path, source, sentence):
    found = violations(path, source)
    if sentence is None:
        assert found == []
    else:
        assert any(sentence in violation for violation in found), found
