"""``boxes/1``: trees that split the inputs of each read position, every leaf tested at once (docs/certificate.md §12).

A node is a set of inputs; its children are disjoint and make it up, so the sizes of the leaves add up to that of the
root. Facts and closed outputs of a node hold for its children, which are parts of it.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise, product
from math import prod
from typing import Any, NamedTuple, NoReturn

from ..certificate import Reader
from ..errors import Code, Failure
from ..exponential import exponential, shifted_down, shifted_up
from ..logarithm import logarithm
from ..networks import margin
from ..networks.gates import GATES
from ..packing import width_for
from ..relations import Loss, Margin
from ..rule import Auditor, Count, Derivation, Rule, check_count, check_enclosure, read_count
from ..shards import in_shards
from .bounds import Bounds, Pairs, Piece, Ratio
from .lines import FRACTION, STEEP, WIDEST
from .sets import Box, Label, Lists
from .tables import WEIGHT_BITS, Query, Tables

MAX_EACH = 1 << 16
MAX_ANSWERS = 1 << 12
MAX_CUTS = 64
MAX_POWER = 256
MANY = 6
PACKED_BITS = 168
MAX_UNIT = 30
THRESHOLD_BITS = 32


class Advice(NamedTuple):
    """The trees (symbols, places, numbers), one for each read position; bits after the point of their numbers; a
    threshold, in units of 2**-32, that margins exceed or not. A least margin has an input for the other side."""

    threshold: int
    bits: tuple[int, int, int]
    trees: list[tuple[str, Sequence[int], Sequence[int]]]
    witness: Sequence[int] = ()


def read_advice(reader: Reader, **more: Callable[[], Any]) -> Advice:
    """``{"threshold":"0x0","bits":{"z":..,"gamma":..,"slope":..},"trees":[{"symbols":..,"places":..,"numbers":..},..]}``."""

    def numbers(kind: str) -> Sequence[int]:
        found, data = array(kind), reader.octets()
        if len(data) % found.itemsize:
            raise Failure(Code.E110, at=reader.at, expected="whole numbers", found=f"{len(data)} bytes")
        found.frombytes(data)
        if sys.byteorder == "little":
            found.byteswap()
        return found

    def tree() -> tuple[Any, ...]:
        return reader.object(symbols=reader.nodes, places=lambda: numbers("H"), numbers=lambda: numbers("i"))

    def bits() -> tuple[Any, ...]:
        return reader.object(z=reader.small, gamma=reader.small, slope=reader.small)

    return Advice(*reader.object(threshold=reader.big, bits=bits, trees=lambda: reader.items(tree), **more))


def read_margin_advice(reader: Reader) -> Advice:
    """The same with ``"witness":[t_0,..]`` at the end."""
    return read_advice(reader, witness=lambda: reader.items(reader.small))


def read_loss_advice(reader: Reader) -> Sequence[Advice]:
    """``{"steps":[..]}``, each the advice of trees."""
    (steps,) = reader.object(steps=lambda: reader.items(lambda: read_advice(reader)))
    return steps


def code(n: int) -> Ratio:
    """The positive number that a code stands for: (4096 + n mod 4096) 2**(n div 4096 - 12).

    >>> code(0), code(-1), code(4096 + 5)
    ((4096, -12), (8191, -13), (4101, -11))
    """
    return 4096 + n % 4096, n // 4096 - 12


@dataclass(frozen=True)
class Node:
    """A set, and what is known of its inputs: the right answer and the outputs still open, intervals and slopes of the
    hidden layer, codes of the ends of D_1/D_h. ``cell`` counts the sets whose right answer became known, from 1."""

    inputs: Box | Lists
    cell: int = 0
    right: int = -1
    open: tuple[int, ...] = ()
    z: tuple[tuple[int, int], ...] = ()
    slopes: tuple[int, ...] = ()
    ratios: tuple[tuple[int, int], ...] = ()


class Tree:
    """One tree. Tested are cells whose number is ``part`` modulo ``parts``, and what stands above cells by part 0."""

    def __init__(
        self, derivation: Derivation, advice: Advice, tables: Tables, index: int, part: int, parts: int
    ) -> None:
        self.advice = advice
        self.derivation, self.tables, self.task = derivation, tables, tables.task
        self.index, self.part, self.parts, self.read = index, part, parts, tables.task.read[index]
        symbols, places, numbers = self.advice.trees[index]
        self.symbols, self.places, self.numbers = iter(symbols.encode("ascii")), iter(places), iter(numbers)
        self.z_bits, self.gamma_bits, self.slope_bits = self.advice.bits
        self.threshold = self.advice.threshold << FRACTION - THRESHOLD_BITS
        self.at, self.cells = -1, 0
        self.seen = self.read + 1 if tables.layer.settings["mask"] == "causal" else len(self.task.tokens)
        # what is right then, and what is read, depends on the tokens up to here alone
        self.running = self.task.sums if self.seen == self.read + 1 else None
        self.query: Query | None = None
        self.many: dict[int, Pairs] = {}

    def refuse(self, what: str, code: Code = Code.E303) -> NoReturn:
        raise Failure(code, id=self.derivation.id, tree=self.index, symbol=self.at, what=what)

    def take(self, stream: Iterator[int]) -> int:
        value = next(stream, None)
        return self.refuse("the tree ends") if value is None else value

    def root(self) -> Box | Lists:
        """The inputs, as far as this position needs them."""
        tokens, condition = self.task.tokens, self.task.condition
        if condition == "sorted":
            if self.seen > self.read + 1:
                raise Failure(Code.E300, what="lists that are seen whole, without a mask,")
            length = len(tokens) // 2
            return Lists(length, tokens[length][0], self.read - length)
        if condition != "none":
            raise Failure(Code.E300, what=f"the condition {condition}")
        return Box(tokens[: self.seen] if self.running else tokens, self.read, self.seen)

    def count(self) -> tuple[int, int]:
        """How many inputs of the root its leaves show right, and how many wrong."""
        root, right, wrong, covered = self.root(), 0, 0, 0
        waiting = [Node(root)]
        while waiting:
            node, cuts = waiting.pop(), ()
            size = node.inputs.size()
            while size:
                self.at += 1
                self.tables.budget.spend(8)
                symbol = chr(self.take(self.symbols))
                if symbol == "C":
                    cuts = self.cut(node)
                elif symbol in "ZO":
                    node = self.layer(node) if symbol == "Z" else self.ratio(node)
                elif symbol == "K":
                    node, cuts = self.keep(node, cuts), ()
                else:
                    if symbol in "RWUE":
                        one, other = self.leaf(symbol, node, cuts, size)
                        right, wrong, covered = right + one, wrong + other, covered + size
                    else:
                        waiting += [replace(node, inputs=child) for child in reversed(self.split(symbol, node.inputs))]
                    break
        if covered != root.size() or any(len(list(rest)) for rest in (self.symbols, self.places, self.numbers)):
            self.refuse("the leaves are not all of the inputs, or something is left over")
        return right, wrong

    def split(self, symbol: str, inputs: Box | Lists) -> list[Box] | list[Lists]:
        """The children: disjoint, and together all of it."""
        if isinstance(inputs, Lists):
            if symbol == "A" and inputs.after < 0:
                self.tables.budget.spend(4 * inputs.separator**2)
                return list(inputs.pairs())
            below, above, *_ = inputs.pools()
            t = self.take(self.places) if symbol == "I" else -1
            if inputs.after >= 0 and t in {*below, *above} - inputs.inside:
                return [replace(inputs, inside=inputs.inside | {t}), replace(inputs, outside=inputs.outside | {t})]
        elif symbol == "M":
            entries = sum(map(len, inputs.tokens))
            self.tables.budget.spend(len(inputs.tokens) * len(set().union(*inputs.tokens)) * (4 + entries // 16))
            return list(inputs.maxima())
        elif symbol == "B" and self.running:
            a, (low, high), value = self.take(self.numbers), self.sums(inputs), self.running.values
            return [
                replace(inputs, label=Label(value, *ends)) for ends in ((low, min(a - 1, high)), (max(a, low), high))
            ]
        elif symbol in "QSH":
            p = self.take(self.places)
            if p < len(inputs.tokens):
                tokens = inputs.tokens[p]
                self.tables.budget.spend(len(tokens) * (1 + len(tokens) // 16) if symbol == "Q" else len(tokens) // 4)
                if symbol == "Q":
                    return [inputs.holding(p, (t,)) for t in tokens]
                t = self.take(self.places)
                first = [u for u in tokens if (u < t if symbol == "H" else u == t)]
                return [inputs.holding(p, first), inputs.holding(p, [u for u in tokens if u not in first])]
        return self.refuse(f"{symbol} is not possible here")

    def sums(self, inputs: Box) -> tuple[int, int]:
        """The least and the largest running sum, or less and more."""
        value = self.running.values if self.running else ()
        low, high = (sum(end(value[t] for t in tokens) for tokens in inputs.tokens) for end in (min, max))
        return (max(low, inputs.label.low), min(high, inputs.label.high)) if inputs.label else (low, high)

    def answer(self, inputs: Box | Lists) -> int:
        """The right answer of all inputs; E303 where that is not seen, E152 for none of the outputs."""
        if isinstance(inputs, Lists):
            found = {inputs.after}
        elif self.task.monotone:
            found = {self.task.answers([end(tokens) for tokens in inputs.tokens])[self.index] for end in (min, max)}
        elif self.running:
            found = set(map(self.running.answer, self.sums(inputs)))
        else:
            few = inputs.size() <= MAX_ANSWERS
            self.tables.budget.spend(8 * MAX_ANSWERS)
            found = {self.task.answers(t)[self.index] for t in product(*inputs.tokens)} if few else set()
        if len(found) != 1:
            self.refuse("the right answer is not known here")
        (right,) = found
        if not 0 <= right < self.tables.network.outputs:
            raise Failure(Code.E152, input=self.at, what=f"{right} is none of the outputs")
        return right

    def mine(self, node: Node) -> bool:
        return node.cell % self.parts == self.part

    def answered(self, node: Node) -> Node:
        """The node with its right answer."""
        if node.right >= 0:
            return node
        right = self.answer(node.inputs)
        self.cells += 1
        others = tuple(x for x in range(self.tables.network.outputs) if x != right)
        return replace(node, right=right, open=others, cell=self.cells)

    def bounds(self, node: Node) -> Bounds:
        """What is computed of a node whose query is known."""
        t, tokens = node.inputs.query(), self.task.tokens
        if t is None:
            self.refuse("the token at the position that is read is not known here")
        if self.query is None or self.query.place != (self.read, t):
            seen = [(m, (t,) if m == self.read else tokens[m]) for m in range(self.seen)]
            self.query = Query(self.tables, self.read, t, seen)
        return Bounds(node.inputs, self.query)

    def layer(self, node: Node) -> Node:
        """Z."""
        width, tables = len(self.tables.path), self.tables
        if not width:
            self.refuse("there is no hidden layer")
        ends = [self.take(self.numbers) << FRACTION - self.z_bits for _ in range(2 * width * tables.count)]
        parts = [by_two(ends[at : at + 2 * width]) for at in range(0, len(ends), 2 * width)]
        if self.mine(node):
            bounds = self.bounds(node)
            for h, part in enumerate(parts):
                for i, (low, high) in enumerate(part):
                    if not bounds.between(h, i, low, high):
                        self.refuse(f"the interval of number {i} of the hidden layer in head {h}", Code.E304)
        z = tuple(
            (sum(low), sum(high)) for low, high in (zip(*by_head, strict=True) for by_head in zip(*parts, strict=True))
        )
        slopes = [0] * width
        if tables.function in GATES:
            if any(high - low > WIDEST << FRACTION for low, high in z):
                self.refuse(f"an interval wider than {WIDEST}")
            slopes = [self.take(self.numbers) << STEEP - self.slope_bits for _ in range(width)]
        return replace(node, z=z, slopes=tuple(slopes))

    def codes(self, count: int) -> list[int]:
        found = [self.take(self.numbers) for _ in range(count)]
        if any(abs(n) >> 12 > MAX_POWER for n in found):
            self.refuse(f"a code beyond 2^{MAX_POWER}")
        return found

    def ratio(self, node: Node) -> Node:
        """O."""
        ratios = by_two(self.codes(2 * self.tables.count - 2))
        if not ratios:
            self.refuse("there is one head")
        if self.mine(node):
            bounds = self.bounds(node)
            for h, (low, high) in enumerate(ratios, 1):
                if not (bounds.ratio(h, code(low), 1) and bounds.ratio(h, code(high), -1)):
                    self.refuse(f"the range of the ratio of head {h}", Code.E304)
        return replace(node, ratios=tuple(ratios))

    def cut(self, node: Node) -> tuple[int, ...]:
        """C."""
        count = self.take(self.places)
        if len(node.ratios) != 1 or not 1 <= count <= MAX_CUTS:
            self.refuse("cuts are not possible here")
        cuts = tuple(self.codes(count))
        ((low, high),) = node.ratios
        if any(a >= b for a, b in pairwise((low, *cuts, high))):
            self.refuse("the cuts are not in ascending order inside their range")
        return cuts

    def pieces(self, node: Node, cuts: tuple[int, ...]) -> list[Piece]:
        """The pieces of one test, each with its own numbers."""
        tables = self.tables
        if (tables.path and not node.z) or (tables.count > 1 and not node.ratios):
            self.refuse("what the hidden layer reads, or the ratios of the heads, are not known here")
        unit, found = FRACTION + tables.scale - self.gamma_bits, []
        cut = [((node.ratios[0][0], *cuts, node.ratios[0][1]))] if cuts else []
        for ratios in [[ends] for ends in pairwise(*cut)] if cuts else [node.ratios]:
            shifts = [self.take(self.numbers) * tables.end.stretch << unit for _ in ratios]
            corners = [[(1, 0)], *([code(n) for n in ends] for ends in ratios)]
            found.append((corners, [-sum(shifts), *shifts]))
        return found

    def keep(self, node: Node, cuts: tuple[int, ...], kept: Sequence[int] | None = None) -> Node:
        """K: every open output but the kept ones is below the right one."""
        node = self.answered(node)
        if kept is None:
            kept = [self.take(self.places) for _ in range(self.take(self.places))]
        tested = [x for x in node.open if x not in kept]
        if len(tested) + len(kept) != len(node.open) or any(a >= b for a, b in pairwise(kept)):
            self.refuse("the outputs that are kept are not open, or not in ascending order")
        pieces = [self.pieces(node, cuts) for _ in tested]
        if tested and self.mine(node):
            bounds = self.bounds(node)
            bounds.draw(node.z, self.slope_bits, node.slopes)
            passed = self.passing(bounds, node, tested, pieces)
            for x, own in zip(tested, pieces, strict=True):
                pair = x not in passed and Pairs(self.tables, node.right, (x,), self.threshold)
                if pair and not bounds.exceeds(pair, own):
                    self.refuse(f"output {x} stays below the right one", Code.E304)
        return replace(node, open=tuple(kept))

    def packed(self, right: int) -> Pairs:
        """All outputs but the right one together."""
        if right not in self.many:
            others = [x for x in range(self.tables.network.outputs) if x != right]
            width = width_for(self.tables.scale + PACKED_BITS)
            self.many[right] = Pairs(self.tables, right, others, self.threshold, width)
        return self.many[right]

    def passing(self, bounds: Bounds, node: Node, tested: list[int], pieces: list[list[Piece]]) -> list[int]:
        """What is seen at once of many outputs."""
        if len(tested) < MANY or len(pieces[0]) > 1 or (isinstance(node.inputs, Box) and node.inputs.label):
            return []
        many = self.packed(node.right)
        own = {x: piece[0][1] for x, piece in zip(tested, pieces, strict=True)}
        nothing = [0] * self.tables.count
        shifts = [[own.get(x, nothing)[h] for x in many.xs] for h in range(self.tables.count)]
        largest = max(max(map(abs, row)) for row in shifts)
        return bounds.passing(many, (pieces[0][0][0], [many.joined(row) for row in shifts]), largest)

    def leaf(self, symbol: str, node: Node, cuts: tuple[int, ...], size: int) -> tuple[int, int]:
        """The inputs of a leaf that are right, and that are wrong."""
        if symbol == "R":
            node = self.keep(node, cuts, ())
            return (size, 0) if self.mine(node) else (0, 0)
        if symbol == "W":
            node, x = self.answered(node), self.take(self.places)
            if x == node.right or x >= self.tables.network.outputs:
                self.refuse(f"{x} is none of the wrong outputs")
            pieces = self.pieces(node, cuts)
            if not self.mine(node):
                return 0, 0
            bounds = self.bounds(node)
            bounds.draw(node.z, self.slope_bits, node.slopes)
            if not bounds.exceeds(Pairs(self.tables, x, (node.right,), -self.threshold), pieces):
                self.refuse(f"output {x} reaches the right one", Code.E304)
            return 0, size
        return self.each(node.inputs, size) if symbol == "E" and self.mine(node) else (0, 0)

    def each(self, inputs: Box | Lists, size: int) -> tuple[int, int]:
        """E: every input by itself."""
        if isinstance(inputs, Lists) or size > MAX_EACH or self.threshold:
            self.refuse("these inputs cannot be decided one by one")
        rest = [tokens[0] for tokens in self.task.tokens[len(inputs.tokens) :]]
        deciding, right, wrong = self.tables.deciding, 0, 0
        for t in product(*inputs.tokens):
            if not inputs.label or inputs.label.low <= sum(inputs.label.value[u] for u in t) <= inputs.label.high:
                tokens = (*t, *rest)
                found = deciding.outcomes(tokens, deciding.passes.answers(tokens))[self.index]
                right, wrong = right + (found is True), wrong + (found is False)
        return right, wrong


def by_two(ends: Sequence[int]) -> list[tuple[int, int]]:
    """The numbers in pairs."""
    return list(zip(ends[::2], ends[1::2], strict=True))


def shown(auditor: Auditor, derivation: Derivation, tables: Tables, advice: Advice) -> list[tuple[int, int]]:
    """What the trees show at each read position: so many inputs have margins above the threshold, so many do not."""
    task, size, found = auditor.task, auditor.task.inputs.size(), list[tuple[int, int]]()
    if len(advice.trees) != len(task.read):
        raise derivation.differs("the number of trees", len(advice.trees), len(task.read))
    if not all(0 <= bits <= MAX_UNIT for bits in advice.bits):
        raise derivation.differs("the bits of its numbers", advice.bits, f"0 to {MAX_UNIT}")
    for index in range(len(task.read)):

        def count(part: int, index: int = index) -> tuple[int, int]:
            return Tree(derivation, advice, tables, index, part, auditor.jobs).count()

        root = Tree(derivation, advice, tables, index, 0, 1).root()
        times = prod(map(len, task.tokens[len(root.tokens) :])) if isinstance(root, Box) else 1
        if times * root.size() != size:
            raise derivation.differs("the number of inputs", size, times * root.size())
        right, wrong = in_shards(count, auditor.jobs, auditor.jobs)
        found.append((right * times, wrong * times))
    return found


def counted(auditor: Auditor, derivation: Derivation) -> Count:
    """Right are the inputs whose margins exceed the threshold."""
    task, size = auditor.task, auditor.task.inputs.size()
    found = shown(auditor, derivation, Tables(auditor.network, task, auditor.budget), derivation.advice)
    if task.counted == "pairs":
        return Count(sum(right for right, _ in found), sum(size - wrong for _, wrong in found))
    return Count(max(0, size - sum(size - right for right, _ in found)), size - max(wrong for _, wrong in found))


def check(auditor: Auditor, derivation: Derivation) -> None:
    """Holds when the trees show as much, with the threshold 0."""
    if derivation.advice.threshold:
        raise derivation.differs("the threshold", derivation.advice.threshold, 0)
    check_count(derivation, counted(auditor, derivation))


def check_margin(auditor: Auditor, derivation: Derivation) -> None:
    """Holds when all margins exceed the threshold, and one input has a margin of ``high`` at most."""
    (threshold, _, _, witness), stated = derivation.advice, derivation.conclusion
    lowest = threshold << margin.UNIT_BITS - THRESHOLD_BITS
    if stated.low > lowest:
        raise derivation.differs("low", stated.low, lowest)
    own = counted(auditor, derivation)
    if own.right_low != auditor.inputs:
        raise derivation.differs("the number of inputs above the threshold", auditor.inputs, own.right_low)
    margin.check_witness(auditor.passes, derivation, witness)


def losses(threshold: int, rivals: int) -> tuple[int, int]:
    """Bounds, in units of 2**-128, of log(1 + exp(-g)) from below and of log(1 + rivals exp(-g)) from above.

    >>> [end * 10**6 >> margin.UNIT_BITS for end in losses(0, 2)]
    [693147, 1098612]
    """
    low, high, exponent = exponential(-threshold, -THRESHOLD_BITS, 1, WEIGHT_BITS)
    work = margin.UNIT_BITS + 8
    below = (1 << work) + shifted_down(low, exponent + work)
    above = (1 << work) + rivals * shifted_up(high, exponent + work)
    return logarithm(below, work)[0] >> 8, shifted_up(logarithm(above, work)[1], -8)


def layered(levels: Sequence[tuple[int, int]]) -> int:
    """At most the sum of numbers of which, for each (u, n), n are at most u; the largest n is their number.

    >>> layered([(5, 2), (1, 1), (9, 4), (7, 2)])
    24
    """
    total = most = 0
    for bound, number in sorted(levels):
        total, most = total + max(number - most, 0) * bound, max(number, most)
    return total


def check_loss(auditor: Auditor, derivation: Derivation) -> None:
    """Holds when the losses of inputs whose margins exceed thresholds, or do not, add up to no more, and no less."""
    tables, most, least = Tables(auditor.network, auditor.task, auditor.budget), [(0, 0)], [(0, 0)]
    pairs = auditor.task.inputs.size() * len(auditor.task.read)
    for advice in derivation.advice:
        found = shown(auditor, derivation, tables, advice)
        low, high = losses(advice.threshold, auditor.network.outputs - 1)
        most.append((high, sum(right for right, _ in found)))
        least.append((-low, sum(wrong for _, wrong in found)))
    if max(number for _, number in most) < pairs:
        raise derivation.differs("the inputs above its lowest threshold", max(most)[1], pairs)
    check_enclosure(derivation, -layered([*least, (0, pairs)]), layered(most), pairs)


RULES = (
    Rule("boxes/1", ("network",), "right_count", read_advice, read_count, check),  # type: ignore[arg-type]
    Rule("margin_boxes/1", ("network",), "margin", read_margin_advice, Margin.read, check_margin),  # type: ignore[arg-type]
    Rule("loss_boxes/1", ("network",), "loss", read_loss_advice, Loss.read, check_loss),  # type: ignore[arg-type]
)
