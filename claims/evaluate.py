"""The value of an expression on one network at one precision.

Values are enclosures (:mod:`.intervals`).  What depends on precision: singular values, rank1, square roots, logits and
loss; everything else is exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import prod

from ..engine.errors import describe
from ..models.hooks import UnknownHook
from ..models.one_layer import one_layer_of
from ..models.weights.errors import axes_text
from . import network
from .activations import NotOneMatrix
from .context import EXACT, SPECTRAL, Binding, Context, Open
from .errors import NotDefined, OutsideMatrix, ShapesMismatch, StatementError, TooLarge
from .functions import FUNCTIONS, sequence
from .intervals import IntervalMatrix, NotPositive, ShapesDiffer
from .network_words import NetworkWords, Wanted
from .restriction import NUMBERS, WRONG, is_hook
from .tree import Binary, Call, Defined, Expression, Index, Name, Negate, Number, Power, Restricted, Stored, Subscript

_UNDEFINED = {"sqrt": "the square root of a negative number", "log": "the logarithm of a number that is not positive"}
MAX_ENTRIES = 1 << 22
MAX_BITS = 1 << 16


@dataclass(frozen=True)
class Evaluator:
    """Evaluates expressions in a context."""

    context: Context

    def value(self, node: Expression, binding: Binding) -> IntervalMatrix:
        """The enclosure of an expression; raises a StatementError for what has no value, :class:`Open` for what is not
        known well enough."""
        if not binding.keys().isdisjoint(node.names):
            return self._fresh(node, binding)
        memo, stage = self.context.vocabulary.memo, self.context.stage
        for key in ((node.key, EXACT), (node.key, stage)):
            if key in memo:
                return memo[key]
        found = self._fresh(node, binding)
        # what rests on advice belongs to the stage of that advice: a certificate carries no other
        memo[node.key, EXACT if found.exact and node.names.isdisjoint(SPECTRAL) else stage] = found
        return found

    def _fresh(self, node: Expression, binding: Binding) -> IntervalMatrix:
        try:
            found = self._compute(node, binding)
        except ShapesDiffer as problem:
            operator = node.operator if isinstance(node, Binary) else "and"
            raise ShapesMismatch(node.column, operator, *problem.shapes[0], *problem.shapes[1]) from None
        except NotPositive as problem:
            if problem.certain:
                what = _UNDEFINED.get(node.function, "") if isinstance(node, Call) else "division by zero"
                raise NotDefined(node.column, what) from None
            raise Open(f"{node} is not known to be defined") from None
        return found.coarsened(self.context.bits)

    def _compute(self, node: Expression, binding: Binding) -> IntervalMatrix:
        match node:
            case Number():
                return IntervalMatrix.number(node.value)
            case Name(name):
                return IntervalMatrix.number(Fraction(binding[name])) if name in binding else self._named(node)
            case Defined(_, body):
                try:
                    return self.value(body, binding)
                except StatementError as error:
                    error.column = node.column  # where the abbreviation is used: the body is another text
                    raise
            case Negate(body):
                return -self.value(body, binding)
            case Binary(operator, left, right):
                return self._binary(node, operator, self.value(left, binding), self.value(right, binding))
            case Power(base, exponent):
                return self._power(node, self.value(base, binding), exponent)
            case Stored(name):
                return self._stored(node, name, (), binding)
            case Index(Stored(name) | Defined(_, Stored(name)), subscripts):
                return self._stored(node, name, subscripts, binding)
            case Index(Call(function) as call, subscripts) if is_hook(function):
                return self._activation(node, call, subscripts, binding)
            case Index(matrix, subscripts):
                return self._indexed(node, self.value(matrix, binding), subscripts, binding)
            case Call("len", (Name("wrong") | Restricted("wrong") as subject,)):
                return self.context.words.count_wrong(wanted(subject, binding))
            case Restricted(name):
                if name == WRONG:
                    raise NotDefined(node.column, "wrong is a set of inputs; len(wrong) is how many they are")
                return self.context.words.number(wanted(node, binding))
            case Call(function) if is_hook(function):
                return self._activation(node, node, (), binding)
            case Call(function, arguments):
                return FUNCTIONS[function].compute(
                    self.context, node, [self.value(a, binding) for a in arguments], binding
                )
        raise AssertionError(f"no value for {type(node).__name__}")

    def _named(self, node: Name) -> IntervalMatrix:
        vocabulary = self.context.vocabulary
        if node.name == WRONG:
            raise NotDefined(node.column, "wrong is a set of inputs; len(wrong) is how many they are")
        if node.name in ("probability", "least_margin") or (
            node.name in NUMBERS and isinstance(vocabulary, NetworkWords)
        ):
            return self.context.words.number(Wanted(node.name))
        if node.name == "accuracy":
            if vocabulary.accuracy is None:
                raise Open("the accuracy is not among the premises", hopeless=True)
            return IntervalMatrix.interval(*vocabulary.accuracy.bounds)
        if node.name == "loss":
            if vocabulary.loss is not None:
                return IntervalMatrix.interval(*vocabulary.loss.bounds)
            inputs = self.context.statement.inputs
            if inputs > self.context.budget.sequences:
                exponentials = inputs * one_layer_of(self.context.statement).d_vocab
                raise Open(
                    f"loss over {inputs} sequences would take {exponentials} exponentials; the budget is "
                    f"{self.context.budget.sequences} sequences",
                    hopeless=True,
                )
            return IntervalMatrix.interval(*network.mean_loss(self.context.margin.paths, self.context.bits))
        return vocabulary.matrix(node.name)

    def _binary(self, node: Binary, operator: str, left: IntervalMatrix, right: IntervalMatrix) -> IntervalMatrix:
        shape = (left.shape[0], right.shape[1]) if operator == "@" else tuple(map(max, left.shape, right.shape))
        if prod(shape) > MAX_ENTRIES:
            raise TooLarge(node.column, f"a matrix of {shape[0]} × {shape[1]} entries", f"{MAX_ENTRIES} entries")
        match operator:
            case "+":
                return left + right
            case "-":
                return left - right
            case "*":
                return left * right
            case "@":
                return left @ right
        return left.over(right, self.context.bits)

    def _power(self, node: Power, base: IntervalMatrix, exponent: int) -> IntervalMatrix:
        bits = max(max(map(int.bit_length, (*base.lower, *base.upper))), 1) + _length(base.scale)
        if bits * abs(exponent) > MAX_BITS:
            raise TooLarge(node.column, f"a power of {bits * abs(exponent)} bits", f"{MAX_BITS} bits")
        result = base.power(abs(exponent))
        return IntervalMatrix.number(Fraction(1)).over(result, self.context.bits) if exponent < 0 else result

    def _scalar(self, node: Expression, binding: Binding) -> IntervalMatrix:
        found = self.value(node, binding)
        if found.shape != (1, 1):
            raise NotDefined(node.column, f"expected a number, found a matrix of {found.shape[0]} × {found.shape[1]}")
        return found

    def integer(self, node: Expression, binding: Binding) -> int:
        """The value of an expression that must be a whole number."""
        if isinstance(node, Name) and node.name in binding:
            return binding[node.name]
        found = self._scalar(node, binding)
        low, _ = found.bounds()
        if not found.exact or low.denominator != 1:
            raise NotDefined(node.column, f"expected a whole number, found {node}")
        return low.numerator

    def _stored(self, node: Expression, name: str, subscripts: Sequence[Subscript], binding: Binding) -> IntervalMatrix:
        """A stored tensor: of its axes all but the last two take one index each, so that a matrix is left."""
        shape = self.context.stored.tensors[name].shape
        leading, rest = subscripts[: max(0, len(shape) - 2)], subscripts[max(0, len(shape) - 2) :]
        if len(leading) < len(shape) - 2 or not all(subscript.single for subscript in leading):
            taken = ", ".join(["i", "j", "k", "l", "m", "n"][: len(shape) - 2])
            raise NotDefined(
                node.column, f"{Name(name)} has {len(shape)} axes ({axes_text(shape)}); write {Name(name)}[{taken}]"
            )
        at = [
            self._place(subscript.first, size, binding)
            for subscript, size in zip(leading, shape, strict=False)
            if subscript.first is not None
        ]
        for axis, (index, size) in enumerate(zip(at, shape, strict=False)):
            if not 0 <= index < size:
                raise NotDefined(node.column, f"index {index} of axis {axis} of {Name(name)}, which has {size}, from 0")
        matrix = self.context.stored.matrix(name, at)
        return self._indexed(node, matrix, rest, binding) if rest else matrix

    def _activation(
        self, node: Expression, call: Call, subscripts: Sequence[Subscript], binding: Binding
    ) -> IntervalMatrix:
        """An activation on one input: a matrix, or of three axes a part that is one."""
        values = [self.value(argument, binding) for argument in call.arguments]
        tokens = sequence(self.context, call, values)
        memo, key = self.context.words.activations, (call.function, tuple(tokens), self.context.bits)
        if key not in memo:
            try:
                memo[key] = self.context.words.about.activations.activation(*key)
            except UnknownHook as error:
                raise NotDefined(call.column, describe(error)) from None
        found = memo[key]
        if len(subscripts) > len(found.axes):
            raise NotDefined(
                node.column, f"{call.function} has {len(found.axes)} axes, found {len(subscripts)} indices"
            )
        at = [
            self._places(s, size, axis, binding)
            for axis, (s, size) in enumerate(zip(subscripts, found.axes, strict=False))
        ]
        at += [range(size) for size in found.axes[len(at) :]]
        try:
            return found.part(at)
        except NotOneMatrix as error:
            raise NotDefined(node.column, f"{call.function}: {error}") from None

    def _places(self, subscript: Subscript, size: int, axis: int, binding: Binding) -> range:
        """The places that an index or a range names; negative ones count from the end."""

        def place(end: Expression | None, usual: int) -> int:
            found = usual if end is None else self.integer(end, binding)
            return found + size if found < 0 else found

        first = place(subscript.first, 0)
        last = first + 1 if subscript.single else place(subscript.last, size)
        if not 0 <= first < last <= size:
            raise NotDefined(subscript.column, f"{subscript} of axis {axis}, which has {size} places, counted from 0")
        return range(first, last)

    def _place(self, node: Expression, size: int, binding: Binding) -> int:
        """An index; a number that is written with a minus counts from the end, a value that is computed does not."""
        found = self.integer(node, binding)
        return found + size if isinstance(node, Negate) and isinstance(node.body, Number) else found

    def _indexed(
        self, node: Expression, matrix: IntervalMatrix, subscripts: Sequence[Subscript], binding: Binding
    ) -> IntervalMatrix:
        if len(subscripts) > 2:
            raise NotDefined(node.column, f"expected at most two indices of a matrix, found {len(subscripts)}")
        taken = [range(matrix.shape[0]), range(matrix.shape[1])]
        for axis, subscript in enumerate(subscripts):
            size = matrix.shape[axis]
            first = 0 if subscript.first is None else self._place(subscript.first, size, binding)
            if subscript.single:
                last = first + 1
            else:
                last = size if subscript.last is None else self._place(subscript.last, size, binding)
            if not 0 <= first < last <= size:
                index = str(first) if subscript.single else f"{first}:{last}"
                raise OutsideMatrix(node.column, index, ("row", "column")[axis], size)
            taken[axis] = range(first, last)
        return matrix.block(*taken)


def wanted(node: Expression, binding: Binding) -> Wanted:
    """What a word of the whole network asks for."""
    if isinstance(node, Restricted):
        return Wanted.of(node.name, node.condition, binding)
    assert isinstance(node, Name)
    return Wanted(node.name)


def _length(scale: Fraction) -> int:
    return scale.numerator.bit_length() + scale.denominator.bit_length()
