"""Theorem Q: most neurons see only classes of the tokens, and what that leaves out is bounded once for all outputs.

Theorem.  Let F_z(x, y) = Σ_i u_i(z) h_i(x, y) + b(z), h_i = max(l_i(x) + r_i(y), 0), be a network on integer grids.
For any integers l̃_i(x), r̃_i(y), d_i(x), d'_i(y) let h̃_i = max(l̃_i(x) + r̃_i(y), 0) + d_i(x) + d'_i(y) and
F̃_z = Σ_i u_i(z) h̃_i + b(z); b(z) may be a table of x plus one of y.  If D(c, z)² >= Σ_i (u_i(c) - u_i(z))² over the
neurons with h̃_i ≠ h_i somewhere, and ρ(x, y)² >= Σ_i (h_i - h̃_i)², then F̃_c - F̃_z > D(c, z) ρ(x, y) + s implies
F_c - F_z > s.

l̃_i is constant on the classes of a partition of the first tokens (their mean, rounded down), and d_i(x) a share s of
l_i(x) - l̃_i(x), one of 0, 1/16, …, 1 for each class, rounded down; r̃ and d' likewise.  The partitions, the shares and
the neurons' blocks are advice, and nothing is assumed of them: no group, no coset, no character.  Good partitions are
cosets and arcs, and a share near the probability that the neuron is active.

Two bounds ρ: *exact* forms every h_i - h̃_i (Q+); *bounded* has |h_i - h̃_i| <= e_i(x) + e'_i(y) with e = max(|d|,
|l - l̃ - d|), and Σ (e + e')² <= Σ e² + Σ e'² + 2 (Σ e²)^½ (Σ e'²)^½, the last two sums over neurons with both (Q).
With ``largest``, D(c, z) is replaced by its maximum over z.

Proof.  [@two-sided-kink] and [@norm-of-a-sum] bound ρ, [@remainder-by-norms] is Cauchy-Schwarz; F̃'s first part is a
sum of tables by classes, added up on joins ([@sum-on-joins]), and the corrections are a table of x and one of y.  ∎

Cost (a multiply-add, an addition, a comparison each count one, brute force is n n' m C): the tables and joins;
2 n m C for the corrections; C(C-1)/2 m for D; ρ takes 3 n n' m, or 4 n m + 2 n n'; 2 n n' C, or n n' C + n n', for
the comparison.

With s = slack + cut, cut >= 0, the outputs z of which that is not so are the input's *open rivals*; an input without
one is accepted.

Source: the one-sided quotient with class slopes, carried to both sides.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ...engine.arithmetic.integer_product import integer_product, largest
from ...engine.arithmetic.integer_root import ceil_sqrt
from ...engine.certificate import small_table
from ...engine.cost import Cost
from ...engine.formula import Absolute, Expr, ForAll, Num, Range, Total, Var, entry
from ...engine.rule import Lemma, NotEstablished, Rule
from .accepted_inputs import AcceptedInputs
from .grid_network import GridNetwork, Grids, relu
from .quotient_tables import JOIN, Labels, Table, added_up, block_table, row_table

SHARES = 16  # a share of a difference is a multiple of a 16th
CHUNK = 1 << 22  # so many logits are looked at together
WORD = 1 << 62

_i, _k = Var("i"), Var("k")
_neurons = Range(Num(0), _k)
_l, _lt, _r, _rt = Var("l"), Var("\\tilde l"), Var("r"), Var("\\tilde r")
_d, _dd, _e, _ee = Var("d"), Var("d'"), Var("e"), Var("e'")
_two = Num(2)
_D, _rho, _s = Var("D"), Var("\\rho"), Var("s")


def _square(name: str) -> Expr:
    return entry(name, _i).power(_two)


KINK = Lemma(
    label="two-sided-kink",
    title="A neuron of which both terms are replaced",
    given="For all reals $l$, $\\tilde l$, $r$, $\\tilde r$, $d$, $d'$, $e$, $e'$:",
    statement=((Absolute(_d) <= _e) & (Absolute(_l - _lt - _d) <= _e)).implies(
        ((Absolute(_dd) <= _ee) & (Absolute(_r - _rt - _dd) <= _ee)).implies(
            Absolute(relu(_l + _r) - relu(_lt + _rt) - _d - _dd) <= _e + _ee
        )
    ),
    proof=(
        "$g = \\max(l + r, 0) - \\max(\\tilde l + r, 0)$ lies between $0$ and $l - \\tilde l$, since ReLU is monotone "
        "and 1-Lipschitz; both ends of that are within $e$ of $d$, so $|g - d| \\le e$. Likewise "
        "$g' = \\max(\\tilde l + r, 0) - \\max(\\tilde l + \\tilde r, 0)$ is within $e'$ of $d'$."
    ),
    source="ReLU is monotone and 1-Lipschitz",
)
NORMS = Lemma(
    label="norm-of-a-sum",
    title="The norm of a sum of which few entries have both terms",
    given="For all reals $e_i$, $e'_i \\ge 0$ and $f_i$, $f'_i$ with $i < k$, and $X, Y \\ge 0$:",
    statement=ForAll(_i, _neurons, (entry("e", _i) * entry("e'", _i)).equals(entry("f", _i) * entry("f'", _i))).implies(
        (Total(_i, _neurons, _square("f")) <= Var("X").power(_two)).implies(
            (Total(_i, _neurons, _square("f'")) <= Var("Y").power(_two)).implies(
                Total(_i, _neurons, (entry("e", _i) + entry("e'", _i)).power(_two))
                <= Total(_i, _neurons, _square("e")) + Total(_i, _neurons, _square("e'")) + Num(2) * Var("X") * Var("Y")
            )
        )
    ),
    proof=(
        "The mixed terms add up to $2 \\sum e_i e'_i = 2 \\sum f_i f'_i \\le 2 X Y$ (Cauchy-Schwarz). $f$ and $f'$ are "
        "$e$ and $e'$ where both are not zero, and zero elsewhere."
    ),
    source="Cauchy-Schwarz",
)
REMAINDER = Lemma(
    label="remainder-by-norms",
    title="A difference of logits from replaced neurons",
    given="For all reals $a_i$, $b_i$ (weights of two outputs), $h_i$, $g_i$ with $i < k$, and $D, \\rho \\ge 0$, $s$:",
    statement=(Total(_i, _neurons, (entry("a", _i) - entry("b", _i)).power(_two)) <= _D.power(_two)).implies(
        (Total(_i, _neurons, (entry("h", _i) - entry("g", _i)).power(_two)) <= _rho.power(_two)).implies(
            (Total(_i, _neurons, (entry("a", _i) - entry("b", _i)) * entry("g", _i)) > _D * _rho + _s).implies(
                Total(_i, _neurons, (entry("a", _i) - entry("b", _i)) * entry("h", _i)) > _s
            )
        )
    ),
    proof=(
        "$\\sum (a_i - b_i) h_i = \\sum (a_i - b_i) g_i + \\sum (a_i - b_i)(h_i - g_i)$, and the last sum is at least "
        "$-D \\rho$ (Cauchy-Schwarz)."
    ),
    source="Cauchy-Schwarz",
)


@dataclass(frozen=True)
class Side:
    """A block's partition of the tokens of one side: ``labels`` of tokens, and ``shares`` (classes × neurons)."""

    labels: tuple[int, ...]
    shares: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Block:
    """Neurons with their partitions; a side that is None is exact."""

    neurons: tuple[int, ...]
    left: Side | None
    right: Side | None


@dataclass(frozen=True)
class QuotientAdvice:
    """``blocks`` hold every neuron once; ``merges`` as in :func:`~.quotient_tables.added_up`, of the blocks, then the
    table of first tokens, then that of second ones; ``cut`` in units of the grids."""

    blocks: tuple[Block, ...]
    merges: tuple[tuple[int, int], ...]
    exact_remainder: bool
    largest: bool
    cut: int = 0

    @property
    def variant(self) -> str:
        """The theorem's variant: Q or Q+, and m with the largest D."""
        return ("Q+" if self.exact_remainder else "Q") + ("m" if self.largest else "")


def encoded(grids: Grids, advice: QuotientAdvice) -> dict[str, Any]:
    """The advice in a certificate: labels as numbers of 16 bits, shares as bytes, class by class."""

    def side(part: Side | None) -> list[str]:
        if part is None:
            return []
        shares = bytes(share for row in part.shares for share in row)
        return [small_table(part.labels), base64.b64encode(shares).decode("ascii")]

    return {
        "bits": grids.bits,
        "scales": list(grids.scales),
        "blocks": [[list(block.neurons), side(block.left), side(block.right)] for block in advice.blocks],
        "merges": [list(pair) for pair in advice.merges],
        "exact": int(advice.exact_remainder),
        "largest": int(advice.largest),
    }


@dataclass(frozen=True, eq=False)
class Accepted(AcceptedInputs):
    """Of the inputs (x, y) and their right answers c, F_c - F_z > slack + cut for all z ≠ c but those of ``rivals``.

    ``rivals``: n × n' × ⌈C/8⌉ bytes, a bit an output.  An input without any is right.
    """

    grid: GridNetwork
    rivals: np.ndarray
    advice: QuotientAdvice

    kind = "accepted_inputs"

    @cached_property
    def accepted(self) -> np.ndarray:  # type: ignore[override]
        found: np.ndarray = self.rivals.max(axis=2) == 0
        return found

    @cached_property
    def rivals_left(self) -> int:
        """How many open rivals all inputs have together."""
        return sum(int(np.unpackbits(row).sum()) for row in self.rivals)

    @property
    def variant(self) -> str:
        return self.advice.variant

    @property
    def brute(self) -> int:
        return self.grid.brute

    def check(self, *, evaluate: bool) -> tuple[str, Callable[[], dict[str, Any]]]:
        if not self.grid.exact:
            return super().check(evaluate=evaluate)
        return "quotient/1", lambda: encoded(self.grid.grids, self.advice) | {"evaluate": int(evaluate)}

    def identity(self) -> str:
        found = hashlib.sha256(self.rivals.tobytes()).hexdigest()
        return f"{self.grid.identity()}:{self.advice.variant}:{found}"

    def sentence(self) -> str:
        if self.advice.cut:
            pairs = self.accepted.size * (self.grid.out.shape[1] - 1)
            return (
                f"For all but ${self.rivals_left}$ of the ${pairs}$ pairs of an input and a wrong output the "
                "quotient shows the right logit's lead to be more than "
                f"${self.advice.cut} \\cdot 2^{{-{self.grid.grids.bits}}}$ ({self.advice.variant})."
            )
        of = f"${self.count}$ of the ${self.accepted.size}$ inputs"
        return f"The network is right on {of}, those that the quotient accepts."


class Application:
    """The tables of one application of the theorem: what the theorem calls l̃, d, e and F̃."""

    def __init__(self, grid: GridNetwork, advice: QuotientAdvice, tag: str) -> None:
        self.grid, self.advice, self.tag = grid, advice, tag
        neurons = grid.out.shape[0]
        if sorted(i for block in advice.blocks for i in block.neurons) != list(range(neurons)):
            raise NotEstablished(tag, f"the blocks must hold each of {neurons} neurons once")
        self.near = [grid.left.copy(), grid.right.copy()]  # l̃ and r̃
        self.shift = [np.zeros_like(grid.left), np.zeros_like(grid.right)]  # d and d'
        tables = [self._table(block) for block in advice.blocks]
        exact = [grid.left, grid.right]
        changed = [(e != n).any(axis=0) for e, n in zip(exact, self.near, strict=True)]
        self.moved = np.flatnonzero(changed[0] | changed[1])
        self.error = [
            np.maximum(np.abs(shift), np.abs(e - n - shift))
            for e, n, shift in zip(exact, self.near, self.shift, strict=True)
        ]
        tables += [self._corrections(0), self._corrections(1)]
        self._bound()
        try:
            self.sum, self.cost = added_up(tables, advice.merges)
        except ValueError as error:
            raise NotEstablished(tag, str(error)) from None

    def _table(self, block: Block) -> Table:
        chosen = np.array(block.neurons, dtype=np.int64)
        sides: list[tuple[Labels, np.ndarray]] = []
        exact = (self.grid.left, self.grid.right)
        for number, side in enumerate((block.left, block.right)):
            own = exact[number][:, chosen]
            if side is None:
                sides.append((Labels.finest(len(own)), own))
                continue
            labels = self._labels(side, len(own), len(chosen))
            sizes = np.bincount(labels.of, minlength=labels.count)
            sums = np.zeros((labels.count, len(chosen)), dtype=np.int64)
            np.add.at(sums, labels.of, own)
            means = sums // sizes[:, None]
            shares = np.array(side.shares, dtype=np.int64)
            self.near[number][:, chosen] = means[labels.of]
            self.shift[number][:, chosen] = shares[labels.of] * (own - means[labels.of]) // SHARES
            sides.append((labels, means))
        (first, left), (second, right) = sides
        return block_table(first, second, left, right, self.grid.out[chosen])

    def _labels(self, side: Side, tokens: int, neurons: int) -> Labels:
        count = len(side.shares)
        if len(side.labels) != tokens or set(side.labels) != set(range(count)):
            raise NotEstablished(
                self.tag, f"the labels of {tokens} tokens must be 0 to {count - 1}, each of some token"
            )
        if any(len(row) != neurons or not all(0 <= share <= SHARES for share in row) for row in side.shares):
            raise NotEstablished(self.tag, f"shares must be 0 to {SHARES} sixteenths, one a class and neuron")
        return Labels(np.array(side.labels, dtype=np.int64), count)

    def _corrections(self, number: int) -> Table:
        """Σ_i u_i(z) d_i, and what the tokens of this side add to the logits directly."""
        used = np.flatnonzero(self.shift[number].any(axis=0))
        rows = integer_product(self.shift[number][:, used], self.grid.out[used])
        tokens = [len(self.near[0]), len(self.near[1])]
        labels = [Labels.coarsest(tokens[0]), Labels.coarsest(tokens[1])]
        labels[number] = Labels.finest(tokens[number])
        cost = Cost(multiply=rows.size * len(used), add=2 * len(used) * tokens[number])
        direct = (self.grid.left_out, self.grid.right_out)[number]
        return row_table(labels[0], labels[1], rows + direct, cost)

    def _bound(self) -> None:
        """No sum of tables and no bound of a difference leaves the words."""
        sides = (*self.near, *self.shift), (self.grid.left, self.grid.right)
        hidden = max(sum(map(largest, tables)) for tables in sides)
        logits = (
            hidden * int(np.abs(self.grid.out).sum(axis=0).max(initial=0))
            + largest(self.grid.left_out)
            + largest(self.grid.right_out)
        )
        if 4 * logits + self.grid.slack >= WORD:
            raise NotEstablished(self.tag, "the logits on these grids do not fit the words")

    def distances(self) -> np.ndarray:
        """D(c, z), C × C."""
        out = self.grid.out[self.moved].T.copy()
        products = integer_product(out, out.T.copy())
        every = np.arange(len(out))
        own = products[every, every]
        return ceil_sqrt(own[:, None] + own - 2 * products)

    def remainders(self) -> np.ndarray:
        """ρ(x, y), n × n'."""
        return self._exact_remainders() if self.advice.exact_remainder else self._bounded_remainders()

    def _exact_remainders(self) -> np.ndarray:
        tables = (self.grid.left, self.grid.right, *self.near, *self.shift)
        left, right, near, far, d, dd = (np.ascontiguousarray(table[:, self.moved]) for table in tables)
        rows = np.empty(self.grid.answers.shape, dtype=np.int64)
        for x in range(len(rows)):
            rows[x] = self._squares(np.maximum(left[x] + right, 0) - np.maximum(near[x] + far, 0) - d[x] - dd)
        return ceil_sqrt(rows)

    def _bounded_remainders(self) -> np.ndarray:
        e, ee = self.error
        first, second = (ceil_sqrt(self._squares(side[:, self.both])) for side in (e, ee))
        one, other = self._squares(e), self._squares(ee)
        if 2 * largest(first) * largest(second) + largest(one) + largest(other) >= WORD:
            raise NotEstablished(self.tag, "the remainder on these grids does not fit the words")
        return ceil_sqrt(one[:, None] + other + 2 * first[:, None] * second)

    @cached_property
    def both(self) -> np.ndarray:
        """The neurons with an error on both sides."""
        return np.flatnonzero(self.error[0].any(axis=0) & self.error[1].any(axis=0))

    def _squares(self, rows: np.ndarray) -> np.ndarray:
        """Sums of squares over the last axis."""
        most = largest(rows)
        if most * most * rows.shape[-1] >= WORD:
            raise NotEstablished(self.tag, "the remainder on these grids does not fit the words")
        total: np.ndarray = (rows * rows).sum(axis=-1)
        return total

    def rivals(self) -> np.ndarray:
        """The outputs z ≠ c without F̃_c - F̃_z > D(c, z) ρ + slack + cut, eight to a byte."""
        answers, outputs = self.grid.answers, self.grid.out.shape[1]
        distance, remainder = self.distances(), self.remainders()
        least = self.grid.slack + self.advice.cut
        if self.advice.cut < 0 or 2 * (largest(distance) * largest(remainder) + least) >= WORD:
            raise NotEstablished(self.tag, "the remainder on these grids does not fit the words")
        found = np.empty((*answers.shape, -(-outputs // 8)), dtype=np.uint8)
        widest, columns = distance.max(axis=1), np.arange(answers.shape[1])
        step = max(CHUNK // (answers.shape[1] * outputs), 1)
        for start in range(0, len(answers), step):
            tokens = np.arange(start, min(start + step, len(answers)), dtype=np.int64)
            logits, right, rho = self.sum.at(tokens).copy(), answers[tokens], remainder[tokens]
            here = (np.arange(len(tokens))[:, None], columns, right)
            room = least + (widest[right] * rho if self.advice.largest else 0)
            needed = logits[here] - room
            if not self.advice.largest:
                logits += distance[right] * rho[:, :, None]
            logits[here] = -WORD
            found[tokens] = np.packbits(logits >= needed[:, :, None], axis=2)
        return found

    def charge(self) -> Cost:
        """What all of it costs."""
        moved, outputs, inputs = len(self.moved), self.grid.out.shape[1], self.grid.answers.size
        distances = Cost(multiply=outputs * (outputs - 1) // 2 * moved)
        if self.advice.exact_remainder:
            remainder = Cost(multiply=inputs * moved, add=inputs * moved, compare=inputs * moved)
        else:
            each = sum(self.grid.answers.shape) * moved
            remainder = Cost(multiply=each + inputs * (len(self.both) > 0), add=inputs, compare=2 * each)
        comparing = Cost(multiply=inputs * (1 if self.advice.largest else outputs), compare=inputs * outputs)
        return self.cost + distances + remainder + comparing


def _derivation(*, exact: bool, largest: bool) -> str:
    """How the remainders are bounded, and whether one distance is taken for all rivals."""
    norm = (
        "every $h_i - \\tilde h_i$ is formed"
        if exact
        else "by [@two-sided-kink] $|h_i - \\tilde h_i| \\le e_i(x) + e'_i(y)$ with $e_i = \\max(|d_i|, |l_i - "
        "\\tilde l_i - d_i|)$ and $e'_i$ likewise, and [@norm-of-a-sum] adds up their squares"
    )
    rivals = ", in whose place its largest value over $z$ stands" if largest else ""
    return (
        "Write $h_i = \\max(l_i(x) + r_i(y), 0)$ for the hidden numbers on the grids, $u_i(z)$ for what they give "
        "output "
        "$z$, and $F_z(x,y)$ for its logit. In blocks of neurons $l_i$ is replaced by $\\tilde l_i$, its mean on the "
        "classes of a partition of the first tokens, and $r_i$ by $\\tilde r_i$ on classes of the second ones; with "
        "$d_i(x)$ and "
        "$d'_i(y)$ shares of $l_i - \\tilde l_i$ and $r_i - \\tilde r_i$ put $\\tilde h_i = \\max(\\tilde l_i(x) + "
        "\\tilde "
        "r_i(y), 0) + d_i(x) + d'_i(y)$. The logits $\\tilde F_z(x,y)$ of these are sums of tables of classes, "
        "added up by "
        "[@sum-on-joins]. Let $\\rho(x,y)$ be at least the root of $\\sum_i (h_i - \\tilde h_i)^2$: "
        f"{norm}. Let $D(c,z)$ be at least the root of $\\sum_i (u_i(c) - u_i(z))^2$ over the neurons that are "
        f"replaced{rivals}. By "
        "[@remainder-by-norms], with $s$ the slack of the grids, the logit of the right answer $c$ exceeds that of "
        "$z$ when $$\\tilde F_c(x,y) - \\tilde "
        "F_z(x,y) > D(c,z)\\,\\rho(x,y) + s;$$ an input on which this holds for every "
        "$z \\ne c$ is accepted."
    )


class Quotient(Rule):
    """Advice: :class:`QuotientAdvice`."""

    name = "quotient"
    premises = (GridNetwork,)
    lemmas = (JOIN, KINK, NORMS, REMAINDER)
    derivation = _derivation(exact=False, largest=False)
    cost = Cost()

    def derived(self, premises: Sequence[Any], advice: QuotientAdvice) -> str:
        return _derivation(exact=advice.exact_remainder, largest=advice.largest)

    def conclude(self, premises: Sequence[Any], advice: QuotientAdvice) -> Accepted:
        (grid,) = premises
        return Accepted(grid, Application(grid, advice, self.tag).rivals(), advice)

    def charge(self, premises: Sequence[Any], advice: QuotientAdvice) -> Cost:
        (grid,) = premises
        return Application(grid, advice, self.tag).charge()
