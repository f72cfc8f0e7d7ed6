"""The auditor's network: which tensors it has, under which names, of which shapes."""

from __future__ import annotations

import os
from dataclasses import dataclass

from .budget import MAX_NUMBERS, MAX_POSITIONS, MAX_TABLE_ENTRIES, Budget, cell_steps, within
from .dyadic import Matrix, zeros
from .errors import Code, Failure
from .files import read_bytes
from .npz_file import read_npz
from .safetensors_file import read_safetensors
from .stored import FORMATS, Stored, exact

MAX_FILE = 1 << 29

# Canonical name: its sizes, by the letters of the theorem (V tokens, K positions, d of the model, h of the head).
SIZES = {
    "W_E": "Vd",
    "W_K": "dh",
    "W_O": "hd",
    "W_Q": "dh",
    "W_U": "dV",
    "W_V": "dh",
    "W_pos": "Kd",
    "b_K": "h",
    "b_O": "d",
    "b_Q": "h",
    "b_U": "V",
    "b_V": "h",
}
_OUTSIDE = {"W_E": "embed.W_E", "W_pos": "pos_embed.W_pos", "W_U": "unembed.W_U", "b_U": "unembed.b_U"}
_ATTENTION = [name for name in SIZES if name not in _OUTSIDE]
CANONICAL = (
    {name: name for name in SIZES}
    | {stored: name for name, stored in _OUTSIDE.items()}
    | {f"blocks.0.attn.{name}": name for name in _ATTENTION}
    | {f"L0_attn_{name}": name for name in _ATTENTION}
)
IGNORED = frozenset({"blocks.0.attn.mask", "blocks.0.attn.IGNORE"})


@dataclass(frozen=True)
class Network:
    """Exact weights by canonical name (a bias is a matrix of one row), and the four sizes."""

    tensors: dict[str, Matrix]
    vocabulary: int
    positions: int
    model: int
    head: int

    def sizes(self, name: str) -> tuple[int, ...]:
        """The canonical shape of a tensor."""
        letters = {"V": self.vocabulary, "K": self.positions, "d": self.model, "h": self.head}
        return tuple(letters[c] for c in SIZES[name])


def read_tensors(path: str) -> list[Stored]:
    """The tensors of a .safetensors or .npz file, buffers left out; E120 for another ending."""
    ending = os.path.splitext(path)[1].lower()
    if ending == ".safetensors":
        return [t for t in read_safetensors(path, read_bytes(path, MAX_FILE)) if t.name not in IGNORED]
    if ending == ".npz":
        return read_npz(path, read_bytes(path, MAX_FILE), IGNORED)
    raise Failure(Code.E120, file=path)


def _without_leading_ones(shape: tuple[int, ...], axes: int) -> tuple[int, ...]:
    """The shape after leading axes of length 1 are dropped, as long as more than ``axes`` are left."""
    while len(shape) > axes and shape[0] == 1:
        shape = shape[1:]
    return shape


def _shapes(file: str, tensors: list[Stored]) -> dict[str, tuple[int, ...]]:
    """The canonical shape of each stored tensor, by stored name; E124, E130, E131, E132."""
    shapes: dict[str, tuple[int, ...]] = {}
    sizes: dict[str, int] = {}
    for tensor in tensors:
        name = CANONICAL.get(tensor.name)
        if name is None:
            raise Failure(Code.E130, file=file, name=tensor.name)
        if tensor.dtype not in FORMATS:
            raise Failure(Code.E124, file=file, name=tensor.name, dtype=tensor.dtype)
        shape = _without_leading_ones(tensor.shape, len(SIZES[name]))
        if len(shape) != len(SIZES[name]) or 0 in shape:
            raise Failure(Code.E132, file=file, name=tensor.name, found=tensor.shape, expected=list(SIZES[name]))
        for letter, size in zip(SIZES[name], shape, strict=True):
            if sizes.setdefault(letter, size) != size:
                expected = [f"{c}={sizes[c]}" if c in sizes else c for c in SIZES[name]]
                raise Failure(Code.E132, file=file, name=tensor.name, found=tensor.shape, expected=expected)
        shapes[tensor.name] = shape
    present = {CANONICAL[name] for name in shapes}
    for name in SIZES:
        if name.startswith("W") and name not in present:
            raise Failure(Code.E131, file=file, name=name)
    return shapes


def _check_sizes(vocabulary: int, positions: int, numbers: int, budget: Budget) -> None:
    """E242 or E243 when no certificate for such a network would be checked; before anything is converted."""
    within("the number of weights", numbers, MAX_NUMBERS)
    within("the number of positions K", positions, MAX_POSITIONS)
    within("K V^2", positions * vocabulary**2, MAX_TABLE_ENTRIES)
    if cell_steps(vocabulary, positions) > budget.left:
        raise Failure(Code.E242, limit=budget.limit)


def read_network(path: str, budget: Budget) -> Network:
    """The network stored in ``path``."""
    tensors = read_tensors(path)
    shapes = _shapes(path, tensors)
    by_name = {CANONICAL[name]: shape for name, shape in shapes.items()}
    (vocabulary, model), (positions, _), (_, head) = by_name["W_E"], by_name["W_pos"], by_name["W_Q"]
    numbers = sum(shape[0] * shape[-1] if len(shape) == 2 else shape[0] for shape in shapes.values())
    _check_sizes(vocabulary, positions, numbers, budget)
    budget.spend(2 * numbers)
    weights: dict[str, Matrix] = {}
    first_names: dict[str, str] = {}
    for tensor in tensors:
        name, shape = CANONICAL[tensor.name], shapes[tensor.name]
        values = exact(path, tensor, *shape) if len(shape) == 2 else exact(path, tensor, 1, *shape)
        if weights.setdefault(name, values) != values:
            raise Failure(Code.E134, file=path, name=first_names[name], other=tensor.name)
        first_names.setdefault(name, tensor.name)
    network = Network(weights, vocabulary, positions, model, head)
    for name in SIZES:
        if name not in weights:
            weights[name] = zeros(1, *network.sizes(name))
    return network
