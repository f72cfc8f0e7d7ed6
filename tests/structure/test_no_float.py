"""No floating-point number in what a proof rests on: the syntax trees of the trusted code are walked.

Floats are allowed where nothing is concluded: in the untrusted search (rewrites/advice), in replays of published
verifiers, in training, in reading weights (as bits), and in drawing figures.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TRUSTED = [
    "engine",
    "rewrites/rules",
    "rewrites/strategies",
    "rewrites/enumeration",
    "claims",
    "models/layers",
    "models/recognition",
    "models/tasks",
]
FIGURES = ROOT / "engine" / "transcript" / "figures"
# Integers in float64 products, exactly, by the theorem at the top of this file; the one exception (design §3).
INTEGER_PRODUCT = "engine/arithmetic/integer_product.py"

EXACT_MATH = {"comb", "gcd", "isqrt", "lcm", "perm", "prod"}
FLOAT_MODULES = {"cmath", "random", "statistics", "scipy", "torch"}
CLOCKS = {"time", "monotonic", "perf_counter", "process_time", "thread_time"}
TOLERANCES = {"atol", "rtol", "isclose", "allclose", "approx"}
FLOAT_METHODS = {"mean", "std", "var", "evalf", "fromhex"}
# numpy by permission: what keeps integers integers.  Zeros, ones and empty arrays are floats unless told otherwise.
INTEGER_NUMPY = {
    *(
        "abs",
        "add",
        "all",
        "any",
        "arange",
        "argmax",
        "argmin",
        "argsort",
        "array",
        "asarray",
        "ascontiguousarray",
        "bincount",
        "bool_",
        "clip",
    ),
    *(
        "broadcast_to",
        "concatenate",
        "cumsum",
        "delete",
        "diff",
        "dtype",
        "empty",
        "empty_like",
        "equal",
        "flatnonzero",
        "frombuffer",
        "full",
        "full_like",
        "hstack",
    ),
    *(
        "iinfo",
        "indices",
        "int16",
        "int32",
        "int64",
        "int8",
        "integer",
        "intp",
        "ix_",
        "less",
        "lexsort",
        "max",
        "maximum",
        "min",
        "minimum",
    ),
    *(
        "multiply",
        "ndarray",
        "ndindex",
        "nonzero",
        "packbits",
        "ones",
        "ones_like",
        "repeat",
        "searchsorted",
        "sort",
        "stack",
        "subtract",
        "sum",
    ),
    *(
        "take",
        "take_along_axis",
        "tile",
        "uint16",
        "uint32",
        "uint64",
        "uint8",
        "unique",
        "unpackbits",
        "unravel_index",
        "vstack",
        "where",
        "zeros",
        "zeros_like",
    ),
}
NEEDS_DTYPE = {"zeros", "ones", "empty"}
# Divisions that are not of integers, by file; Cost(...) holds sympy expressions, which divide exactly.
EXACT_DIVISIONS = {
    "engine/domains/balls.py": {"a / b"},
    "engine/arithmetic/ball.py": {
        "self.enclosure / other.enclosure",
        "arb(number.numerator) / arb(number.denominator)",
    },
}


def offences(source: str, exact_divisions: frozenset[str] | set[str] = frozenset()) -> list[tuple[int, str]]:
    """Line and reason of everything in ``source`` that could bring in a float."""
    tree = ast.parse(source)
    exempt = _exempt(tree)
    aliases = _aliases(tree)
    return sorted(
        (getattr(node, "lineno", 0), reason)
        for node in ast.walk(tree)
        if node not in exempt
        for reason in _reasons(node, aliases)
        if not (reason == "true division" and ast.unparse(node) in exact_divisions)
    )


def _exempt(tree: ast.Module) -> set[ast.AST]:
    """Divisions inside Cost(...), and ``float`` as what isinstance looks for."""
    exempt: set[ast.AST] = set()
    for call in ast.walk(tree):
        match call:
            case ast.Call(func=ast.Name(id="Cost")):
                exempt |= {
                    node for node in ast.walk(call) if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div)
                }
            case ast.Call(func=ast.Name(id="isinstance" | "issubclass"), args=[_, kind]):
                exempt |= {node for node in ast.walk(kind) if isinstance(node, ast.Name)}
    return exempt


def _aliases(tree: ast.Module) -> dict[str, str]:
    """Local name -> module, for the modules that are looked at closely."""
    return {
        alias.asname or alias.name: alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
        if alias.name in {"math", "numpy", "operator", "time"}
    }


def _member_reason(module: str, name: str) -> Iterator[str]:
    """Why ``module.name`` brings in floats."""
    if module == "math" and name not in EXACT_MATH:
        yield f"math.{name}"
    if module == "numpy" and name not in INTEGER_NUMPY:
        yield f"numpy.{name} is not known to keep integers integers"
    if module == "operator" and name in {"truediv", "itruediv"}:
        yield "true division"
    if module == "time" and name in CLOCKS:
        yield f"time.{name}"


def _reasons(node: ast.AST, aliases: dict[str, str]) -> Iterator[str]:
    match node:
        case ast.Constant(value=float() | complex()):
            yield "float literal"
        case ast.Name(id="float" | "complex"):
            yield "the type float"
        case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name) | ast.keyword(arg=name) if (
            name in TOLERANCES
        ):
            yield f"tolerance {name}"
        case ast.BinOp(op=ast.Div(), right=right):
            if not (_is_text(right) or _is_fraction(node.left) or _is_fraction(right)):
                yield "true division"
        case ast.AugAssign(op=ast.Div()):
            yield "true division"
        case ast.BinOp(op=ast.Pow(), left=left, right=ast.UnaryOp(op=ast.USub())) if not _is_fraction(left):
            yield "negative power"
        case ast.Import(names=names):
            yield from (f"module {alias.name}" for alias in names if alias.name.split(".")[0] in FLOAT_MODULES)
            yield from (f"module {alias.name}" for alias in names if alias.name.startswith("numpy."))
        case ast.ImportFrom(module=str(module), level=0, names=names):
            if module.split(".")[0] in FLOAT_MODULES or module.startswith("numpy."):
                yield f"module {module}"
            for alias in names:
                yield from _member_reason(module, alias.name)
    match node:
        case ast.Attribute(value=ast.Name(id=name), attr=member) if name in aliases:
            yield from _member_reason(aliases[name], member)
        case ast.Call(func=ast.Name(id="pow"), args=[_, ast.UnaryOp(op=ast.USub())]):
            yield "negative power"
        case ast.Call(func=ast.Attribute(value=value, attr=method)):
            yield from _call_reasons(node, value, method, aliases)


def _call_reasons(call: ast.Call, value: ast.expr, method: str, aliases: dict[str, str]) -> Iterator[str]:
    owner = value.id if isinstance(value, ast.Name) else ""
    if method in FLOAT_METHODS and owner not in {"bytes", "bytearray"}:
        yield f".{method}()"
    if aliases.get(owner) == "numpy":
        keywords = {keyword.arg for keyword in call.keywords}
        if method in NEEDS_DTYPE and "dtype" not in keywords and len(call.args) < 2:
            yield f"numpy.{method} without dtype"
        if method == "bincount" and ("weights" in keywords or len(call.args) > 1):
            yield "numpy.bincount with weights"
    types = [keyword.value for keyword in call.keywords if keyword.arg == "dtype"]
    if method in {"astype", "dtype", "view", "frombuffer"}:
        types += call.args
    if any(
        isinstance(kind, ast.Constant) and re.match(r"[<>=]?(f\d*$|d$|c\d|float|complex|half|double)", str(kind.value))
        for kind in types
    ):
        yield "float dtype"
    formats = [argument.value for argument in call.args if isinstance(argument, ast.Constant)]
    if method in {"Struct", "unpack", "unpack_from", "iter_unpack", "pack"} and any(
        re.search("[efd]", str(text)) for text in formats
    ):
        yield "float in a struct"


def _is_text(node: ast.expr) -> bool:
    """A text on the right makes it a path."""
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def _is_fraction(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Fraction"


def trusted_files() -> list[Path]:
    files = [path for folder in TRUSTED for path in (ROOT / folder).rglob("*.py") if FIGURES not in path.parents]
    files += [path for folder in ("rewrites", "models") for path in (ROOT / folder).glob("*.py")]
    return sorted(path for path in files if path != ROOT / INTEGER_PRODUCT)


@pytest.mark.parametrize("path", [path.relative_to(ROOT).as_posix() for path in trusted_files()])
def test_trusted_file_has_no_float(path):
    """Nothing in this file can bring a float into a proof."""
    found = offences((ROOT / path).read_text("utf-8"), EXACT_DIVISIONS.get(path, set()))
    assert [f"{path}:{line}: {reason}" for line, reason in found] == []


def test_the_trusted_folders_are_all_there():
    """A renamed folder would silently no longer be walked."""
    for folder in [*TRUSTED, "rewrites", "models"]:
        assert any(path.is_relative_to(ROOT / folder) for path in trusted_files()), folder
    assert FIGURES.is_dir()


def test_integer_products_are_the_only_exemption():
    """The file with float arrays has them as the two factors of its product, and nothing else that the walker finds."""
    source = (ROOT / INTEGER_PRODUCT).read_text("utf-8")
    lines = [source.splitlines()[line - 1].strip() for line, _ in offences(source)]
    assert len(lines) == 2 and all(line.count(".astype(np.float64)") == 1 for line in lines)


def test_exceptions_are_in_use():
    """An exempted division that no longer exists is taken off the list."""
    for path, divisions in EXACT_DIVISIONS.items():
        tree = ast.parse((ROOT / path).read_text("utf-8"))
        assert divisions <= {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.BinOp)}


FORBIDDEN = [
    "x = 0.5",
    "x = 1e3",
    "x = 2j",
    "x = float(y)",
    "x = list(map(float, y))",
    "x = float.fromhex(y)",
    "def f(x: float): ...",
    "x = complex(1, 2)",
    "x = a.b.fromhex(y)",
    "x = 1 / 3",
    "x = a.b / c",
    "x /= 2",
    "x = 2 ** -1",
    "x = 10 ** -n",
    "x = pow(2, -n)",
    "import math\nx = math.sqrt(2)",
    "import math as m\nx = m.log(2)",
    "import math\nx = math.pi",
    "from math import exp",
    "from math import isqrt, log2",
    "import numpy as np\nx = np.float64(1)",
    "import numpy as np\nx = y.astype(np.float32)",
    "import numpy\nx = numpy.exp(y)",
    "import numpy as np\nx = np.log(y)",
    "import numpy as np\nx = np.sqrt(y)",
    "import numpy as np\nx = np.mean(y)",
    "import numpy as np\nx = np.linalg.svd(y)",
    "import numpy as np\nx = np.random.default_rng(0)",
    "import numpy as np\nx = np.linspace(0, 1)",
    "import numpy as np\nx = np.true_divide(a, b)",
    "import numpy as np\nx = np.inf",
    "import numpy as np\nx = np.zeros(3)",
    "import numpy as np\nx = np.ones((2, 2))",
    "import numpy as np\nx = np.bincount(a, weights=b)",
    "import numpy as np\nx = np.array(y, dtype='float32')",
    "import numpy as np\nx = np.array(y, dtype=float)",
    "import numpy as np\nx = np.dtype('<f4')",
    "import numpy as np\nx = y.view('f8')",
    "from numpy import exp",
    "from numpy.linalg import norm",
    "import numpy.random",
    "x = y.astype('float')",
    "x = y.astype(float)",
    "x = y.mean()",
    "x = y.std(axis=0)",
    "x = expr.evalf()",
    "assert isclose(a, b)",
    "import math\nassert math.isclose(a, b)",
    "assert f(a, b, rtol=t)",
    "def near(a, b, atol): ...",
    "x = np.allclose(a, b)",
    "import random",
    "from random import choice",
    "import cmath",
    "import statistics as s",
    "import torch.nn",
    "from operator import truediv",
    "import operator\nx = operator.truediv(a, b)",
    "import time\nx = time.monotonic()",
    "from time import perf_counter",
    "import struct\nx = struct.unpack('<3d', y)",
    "import struct\nx = struct.Struct('<If')",
    "Fraction(1, 2) + 1 / 2",
    "Costs(1 / 2)",
]
ALLOWED = [
    "x = 5 // 2 + 7 % 3 + 2 ** 10 + (1 << 3)",
    "x = Fraction(1, 2) ** -n + Fraction(1) / 3 + y / Fraction(3)",
    "x = pow(3, -1, 7)",
    "x = 'float 0.5'",
    "x = b'0.5'",
    "x = f'{y}/{z}'",
    "path = folder / 'name.json' / f'{x}.md'",
    "cost = Cost(multiply=V**3 * (V + 1) / 2, add=K / 2 * 2)",
    "from math import comb, gcd, isqrt, lcm, perm, prod",
    "import math\nx = math.isqrt(5)",
    "x = bytes.fromhex('00')",
    "if isinstance(x, float | int): raise TypeError",
    "if isinstance(x, (float, complex)): raise TypeError",
    "import numpy as np\nx = np.zeros((2, 3), dtype=np.int64) + np.zeros(3, np.int64)",
    "import numpy as np\nx = np.maximum(a, 0).max(axis=0).astype(np.int64)",
    "import numpy as np\nx = np.array(y, dtype='int64').view('u8').sum()",
    "import numpy as np\nx = np.bincount(a, minlength=4)",
    "import time\nx = time.monotonic_ns()",
    "import struct\nx = struct.unpack('<IQ', y)",
    "x = self.var.name + mean + std",
    "from .random import choice",
]


@pytest.mark.parametrize("source", FORBIDDEN)
def test_the_walker_catches(source):
    """Each forbidden thing is found, on its own line."""
    assert [line for line, _ in offences(source)][:1] == [len(source.splitlines())]


@pytest.mark.parametrize("source", ALLOWED)
def test_the_walker_lets_pass(source):
    """Exact arithmetic, paths, texts and symbolic costs are not mistaken for floats."""
    assert offences(source) == []
