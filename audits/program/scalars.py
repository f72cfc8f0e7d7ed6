"""Numbers that leave torch: ``item`` and ``tolist`` keep what stands beside them, everything else is an escape.

A :class:`Scalar` is what ``item`` returns inside an audit.  Its arithmetic and comparisons are those of a double, done
by torch, so that rules and records are the same; given back to torch, the run sees the plain float.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from ..decisions import operation
from .memory import aside, plain
from .record import Kind
from .spectral import NORMS, beside_norm

if TYPE_CHECKING:
    from .machine import Machine

# Ways out of torch that are not followed.
ESCAPES = {
    *("numpy", "__array__", "__float__", "__int__", "__index__", "__complex__", "data_ptr", "__dlpack__"),
    *("storage", "untyped_storage", "_typed_storage", "__reduce_ex__"),
}
# Whole numbers and answers leave unseen by these; their ``item`` is seen.
LEAVING = ESCAPES - {"__int__", "__index__", "__float__", "__complex__"} | {"tolist"}
# These stop where the divisor is zero.
DIVIDING = {"truediv", "floordiv", "mod"}
# Text for people.
SHOWN = {"__repr__", "__format__", "__str__"}
MADE = {"tensor", "as_tensor", "asarray", "scalar_tensor", "new_tensor"}
# What they call the numbers that they get.
DATA = ("data", "obj", "s")
# Python for each element, behind torch's dispatcher.
BY_ELEMENT = {"apply_", "map_", "map2_"}
# These make tensors of numbers behind torch's dispatcher.
PLACING = {"where", "__setitem__"}
DIGITS = re.compile(r"\d[\d.]*(?:e[+-]?\d+)?")


class Scalar:
    """A number that left a tensor, with what stands beside it.  ``tensor``: the double, as a tensor of no axes."""

    __slots__ = ("machine", "tensor")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, machine: Machine, tensor: Tensor) -> None:
        self.machine, self.tensor = machine, tensor
        machine.scalars = True

    @classmethod
    def __torch_function__(cls, func: Callable, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        raise TypeError("a number of an audit is used outside it")

    @property
    def plain(self) -> float:
        with aside():
            return float(self.tensor)

    def item(self) -> Scalar:
        return self

    def __float__(self) -> float:
        self.machine.record.note(Kind.escape, "float")
        return self.plain

    def _whole(self, function: Callable[[Tensor], Tensor]) -> int:
        return int(function(self.tensor).long())

    def __int__(self) -> int:
        return self._whole(torch.trunc)

    __trunc__ = __int__

    def __floor__(self) -> int:
        return self._whole(torch.floor)

    def __ceil__(self) -> int:
        return self._whole(torch.ceil)

    def __round__(self, digits: int | None = None) -> Any:
        if digits is None:
            return self._whole(torch.round)
        self.machine.record.note(Kind.escape, "round")
        return round(self.plain, digits)

    def __repr__(self) -> str:
        return self._told(repr)

    def __format__(self, form: str) -> str:
        return self._told(lambda value: format(value, form))

    def _told(self, show: Callable[[float], str]) -> str:
        """Rounding for text never falls: what both ends read as, the exact number reads as."""
        with aside():
            numbers = self.machine.memory.read(self.tensor)
        text, *ends = map(show, (self.plain, float(numbers.low()), float(numbers.high())))
        return text if ends == [text, text] else self.machine.written(text)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        self.machine.refuse(f"float.{name}")

    def __bool__(self) -> bool:
        return bool(self.tensor != 0)


def _arithmetic(name: str, *, backwards: bool = False) -> Callable[[Scalar, Any], Any]:
    function = getattr(operator, name)

    def apply(self: Scalar, other: Any) -> Any:
        if isinstance(other, Tensor):
            return function(other, self) if backwards else function(_standing(self, other), other)
        if not isinstance(other, (int, float, Scalar)):
            return NotImplemented
        if isinstance(other, int) and abs(other) > 2**53:
            self.machine.record.note(Kind.escape, "a whole number beyond 2^53")
        mine, theirs = self.plain, other.plain if isinstance(other, Scalar) else other
        right = other.tensor if isinstance(other, Scalar) else torch.tensor(float(other), dtype=torch.float64)
        if name in DIVIDING and bool((self.tensor if backwards else right) == 0):
            raise ZeroDivisionError("float division by zero")
        try:
            value = function(theirs, mine) if backwards else function(mine, theirs)
        except (ArithmeticError, ValueError):  # the program may go on from there
            self.machine.record.note(Kind.condition, f"{name} stops")
            raise
        if isinstance(value, complex):
            self.machine.refuse(f"float.{name}", "gives a complex number")
        found = function(right, self.tensor) if backwards else function(self.tensor, right)
        if found.dtype == torch.bool:
            return bool(found)
        with aside():
            found.fill_(value)  # Python's own, which may differ from torch's in the last place
        return Scalar(self.machine, found)

    return apply


def _alone(name: str) -> Callable[[Scalar], Scalar]:
    function = getattr(operator, name)
    return lambda self: Scalar(self.machine, function(self.tensor))


def _standing(scalar: Scalar, beside: Tensor) -> Tensor:
    """On the left of a tensor: a tensor of no axes, which takes part in no promotion of types."""
    return scalar.tensor.to(beside.dtype) if beside.is_floating_point() else scalar.tensor


for _name in ("add", "sub", "mul", "truediv", "pow", "floordiv", "mod"):
    setattr(Scalar, f"__{_name}__", _arithmetic(_name))
    setattr(Scalar, f"__r{_name}__", _arithmetic(_name, backwards=True))
for _name in ("lt", "le", "gt", "ge", "eq", "ne"):
    setattr(Scalar, f"__{_name}__", _arithmetic(_name))
for _name in ("neg", "abs"):
    setattr(Scalar, f"__{_name}__", _alone(_name))


Real.register(Scalar)


class Functions(TorchFunctionMode):
    """Torch as Python calls it: only to see numbers leave and come back."""

    def __init__(self, machine: Machine) -> None:
        super().__init__()
        self._machine = machine

    def __torch_function__(self, func: Callable, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        kwargs, machine, name = kwargs or {}, self._machine, operation(func)
        first = args[0] if args else None
        if machine.trusted:
            return func(*_plain(args), **_plain(kwargs))
        if name in SHOWN:
            return _shown(machine, func, args, kwargs)
        if name in BY_ELEMENT:
            machine.refuse(f"Tensor.{name}", "runs Python on every element, unseen by torch")
        if isinstance(first, Tensor) and first.is_floating_point():
            if name == "item":
                return _scalar(machine, first)
            if name == "tolist":
                return _listed(machine, first)
            if name in ESCAPES:
                machine.record.note(Kind.escape, name)
                return machine.quietly(func, args, kwargs)
            if name == "__bool__":
                return bool(first != 0)
            if name == "__deepcopy__":
                return _copied(machine, first, func, args, kwargs)
        elif isinstance(first, Tensor) and name in LEAVING and machine.open_entries(first) is not None:
            machine.record.note(Kind.escape, name)
        if name in NORMS and isinstance(first, Tensor) and NORMS[name](args, kwargs):
            return beside_norm(machine, func, args, kwargs)
        if name in MADE and not isinstance(data := _data(name, args, kwargs), Tensor):
            return _made(machine, data, func, args, kwargs)
        if name in PLACING:
            args, kwargs = _placed(machine, name, args, kwargs)
        if not machine.scalars:
            return func(*args, **kwargs)
        scalars = [value for value in _leaves((args, kwargs)) if isinstance(value, Scalar)]
        if not scalars:
            return func(*args, **kwargs)
        literals = {leaf for leaf in _leaves((args, kwargs)) if isinstance(leaf, (int, float))}
        if any(scalar.plain in literals for scalar in scalars):
            machine.record.note(Kind.escape, "a number beside a literal that equals it")
        return _with(machine, scalars, lambda: func(*_plain(args), **_plain(kwargs)))


def _with(machine: Machine, scalars: list[Scalar], call: Callable[[], Any]) -> Any:
    """Torch sees plain floats, and rules what stands beside them."""
    before, beside = machine.pending, dict[float, Any]()
    for scalar in scalars:
        numbers, value = machine.memory.read(scalar.tensor), scalar.plain
        beside[value] = beside[value].hull(numbers) if value in beside else numbers
    machine.pending = [*beside.items(), *before]
    machine.consumed.difference_update(beside)
    try:
        result = call()
        if not machine.consumed.issuperset(beside):
            machine.record.note(Kind.escape, "a number that torch takes in unseen")
        return result
    finally:
        machine.pending = before


def _placed(machine: Machine, name: str, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
    """Numbers to be put somewhere, as tensors of no axes with what stands beside them."""
    floats = [one.dtype for one in _leaves((args, kwargs)) if isinstance(one, Tensor) and one.is_floating_point()]
    dtype = floats[0] if floats else torch.get_default_dtype()

    def placed(value: Any) -> Any:
        if not isinstance(value, (float, Scalar)):
            return value
        found = machine.quietly(torch.tensor, (_plain(value),), {"dtype": dtype})
        machine.memory.write(found, _numbers(machine, value, found).reshape(()))
        return found

    if name == "__setitem__" and floats and type(args[-1]) is int:  # which may not fit the run's type
        args = (*args[:-1], _made(machine, args[-1], torch.tensor, args[-1:], {"dtype": dtype}))
    return tuple(map(placed, args)), {name: placed(value) for name, value in kwargs.items()}


def _leaves(values: Any) -> list[Any]:
    if isinstance(values, (tuple, list)):
        return [leaf for value in values for leaf in _leaves(value)]
    return _leaves(tuple(values.values())) if isinstance(values, dict) else [values]


def _plain(values: Any) -> Any:
    if isinstance(values, Scalar):
        return values.plain
    if isinstance(values, dict):
        return {key: _plain(value) for key, value in values.items()}
    if type(values) in (tuple, list):
        return type(values)(_plain(value) for value in values)
    return values


def _scalar(machine: Machine, tensor: Tensor) -> Scalar:
    """Of the double that ``item`` would give, with what stands beside the tensor."""
    if tensor.numel() != 1:
        raise RuntimeError(f"a Tensor with {tensor.numel()} elements cannot be converted to Scalar")
    numbers = machine.memory.read(tensor).reshape(())
    with aside():
        double = tensor.detach().reshape(()).double().clone()
    machine.memory.write(double, numbers)
    return Scalar(machine, double)


def _copied(machine: Machine, first: Tensor, func: Callable, args: tuple, kwargs: dict) -> Tensor:
    """A deep copy, which torch makes behind its dispatcher."""
    with aside():
        result = func(*args, **kwargs)
    machine.memory.write(result, machine.memory.read(first))
    return result


def _listed(machine: Machine, tensor: Tensor) -> Any:
    if not tensor.dim():
        return _scalar(machine, tensor)
    return [_listed(machine, part) for part in tensor.unbind()]


def _shown(machine: Machine, func: Callable, args: tuple, kwargs: dict) -> str:
    """The text of a tensor: known again when it comes back, unless both ends of all numbers read alike."""
    first, rest = args[0], args[1:]
    text = machine.quietly(func, args, kwargs)
    if not first.is_floating_point():
        if machine.open_entries(first) is not None:
            machine.record.note(Kind.escape, "the text of what is open")
        return text
    numbers = machine.memory.read(first)
    with aside():
        doubles = (plain(first), numbers.low(), numbers.high())
        read = [func(torch.from_numpy(np.array(one)).reshape(first.shape), *rest, **kwargs) for one in doubles]
    return text if len(set(read)) == 1 else machine.written(text)


def _data(name: str, args: tuple, kwargs: dict) -> Any:
    """The numbers that a tensor is made of."""
    place = int(name == "new_tensor")
    return args[place] if len(args) > place else next((kwargs[key] for key in DATA if key in kwargs), None)


def _made(machine: Machine, data: Any, func: Callable, args: tuple, kwargs: dict) -> Any:
    """A tensor of numbers that Python and numpy have: read as doubles, or as what stands beside those that left."""
    leaves = _leaves(data)
    result = machine.quietly(func, _plain(args), _plain(kwargs))
    if not result.is_floating_point():
        if any(isinstance(leaf, Scalar) or _followed(machine, leaf) for leaf in leaves):
            machine.record.note(Kind.escape, operation(func))
        return result
    beside = [_numbers(machine, leaf, result) for leaf in leaves]
    if any(one is None for one in beside):
        machine.record.note(Kind.escape, operation(func))
    elif beside:
        joined = type(beside[0]).joined([one.reshape((-1,)) for one in beside])  # type: ignore[arg-type]
        same = joined.radius() == 0, joined.mid() == plain(result).ravel()
        if not np.all(same) or any(isinstance(leaf, Scalar) for leaf in leaves):
            machine.memory.write(result, joined.reshape(tuple(result.shape)))
    return result


def _followed(machine: Machine, value: Any) -> bool:
    return isinstance(value, Tensor) and (value.is_floating_point() or machine.memory.has(value))


def _numbers(machine: Machine, value: Any, result: Any) -> Any:
    """Beside a number that Python or numpy has, or an array of them; None where that is not known."""
    kind = machine.memory.kind
    if isinstance(value, Scalar):
        return machine.memory.read(value.tensor)
    if isinstance(value, float):
        return machine.literal(float(value), result)
    if isinstance(value, int):
        return kind.of(float(value)) if abs(value) <= 2**53 else kind.near(float(value))
    if isinstance(value, Tensor):
        return None if _followed(machine, value) else machine.memory.read(value)
    if not isinstance(value, (np.ndarray, np.generic)) or value.dtype.kind not in "fiub" or value.dtype.itemsize > 8:
        return None
    doubles = np.asarray(value, dtype=np.float64)
    exact = value.dtype.kind == "f" or np.abs(doubles).max(initial=0.0) <= 2.0**53
    return kind.of(doubles) if exact else kind.near(doubles)


def read_out(value: Any) -> Any:
    """A tensor, also for a number of an audit."""
    return value.tensor if isinstance(value, Scalar) else value
