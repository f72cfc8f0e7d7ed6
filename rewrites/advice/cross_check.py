"""What a proof computed, compared with a second evaluation at high precision.  It proves nothing, and shows errors.

Of a sample of inputs (all, where there are few) the scores and logits are evaluated again from the weights, by
:mod:`.second_evaluation`, and held against what the proof used: exact tables, enclosures of sqrt(h) and of the
exponentials, enclosures of the logit differences times their weights, signs, cells that are right or wrong throughout,
and the theorem itself where the sample is everything.
"""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ...engine.arithmetic.ball import Ball, precision
from ...engine.errors import MagnitudeError, MechproofError
from ...engine.graph import ProofGraph
from ...engine.transcript import Section, paragraph
from ...models.float_statement import FloatStatement
from ...models.one_layer import one_layer_of
from ..rules.accuracy import Accuracy
from ..rules.additive_margin import AdditiveMargin
from ..rules.margin_enclosure import EXP_PRECISION
from ..rules.path_decomposition import Paths
from ..rules.right_count import RightCount
from .second_evaluation import TRUSTED, SecondEvaluation

SAMPLE = 64
# Scalar multiplications of the second evaluation, and entries of one cell's table of margins.
MOST_MULTIPLICATIONS = 20_000_000
MOST_ENTRIES = 1 << 22
SHOWN = 5
# n·2^e as (n, e)
Dyadic = tuple[int, int]


@dataclass(unsafe_hash=True)
class Disagreement(MechproofError):
    """The proof, or its arithmetic, is wrong, or mpmath is."""

    name: str
    found: tuple[str, ...]
    exit_code = 1
    sentence = (
        "{name}: the cross-check expected what the proof used, found {found}; "
        "nothing was written, and this is an error of mechproof or of mpmath: please report it"
    )


@dataclass(unsafe_hash=True)
class NothingToCompare(MechproofError):
    name: str
    found: str
    sentence = "{name}: a cross-check expects a theorem about real numbers, proved from the path tables; found {found}"


@dataclass(frozen=True)
class CrossCheck:
    """How many things of each kind were compared on how many inputs, and that all of them agree."""

    inputs: int
    whole: bool
    compared: Counter[str]
    version: str

    def sentence(self) -> str:
        kinds = ", ".join(f"{number} {kind}" for kind, number in self.compared.items())
        which = "all" if self.whole else "a sample of"
        return (
            f"{which} {self.inputs} inputs were evaluated a second time, in integers from the weights and with mpmath "
            f"{self.version} to {TRUSTED} bits, and this was compared and found in agreement: {kinds}"
        )

    def section(self) -> Section:
        """A note for the transcript."""
        told = self.sentence()
        return Section("Cross-check", (paragraph(f"{told[0].upper()}{told[1:]}. This proves nothing."),))

    def as_json(self) -> dict[str, Any]:
        return {"inputs": self.inputs, "all_inputs": self.whole, "mpmath": self.version, "compared": self.compared}


def cross_check(graph: ProofGraph, goal: int, name: str, sample: int = SAMPLE) -> CrossCheck:
    """Compare what the proof of ``goal`` used with the second evaluation; ``name`` is for messages.

    Raises :class:`Disagreement` for what does not agree, :class:`NothingToCompare` where nothing can be.
    """
    import mpmath

    theorem = graph.claim(goal)
    if isinstance(theorem.statement, FloatStatement):
        raise NothingToCompare(name, f"one about {theorem.statement.format.name} runs")
    claims = [graph.claim(step.claim) for step in graph.proof(goal)]
    paths = next((claim for claim in claims if isinstance(claim, Paths)), None)
    if paths is None:
        raise NothingToCompare(name, "one that does without them")
    margin = next((claim for claim in claims if isinstance(claim, AdditiveMargin)), AdditiveMargin(paths))
    counts = [claim for claim in claims if isinstance(claim, RightCount)]
    comparison = _Comparison(mpmath, paths, margin, counts)
    inputs = sampled(paths, sample)
    comparison.constants()
    for tokens in inputs:
        comparison.sequence(tokens)
    whole = len(inputs) == paths.statement.inputs
    if whole:
        comparison.theorem(theorem)
    if comparison.wrong:
        more = len(comparison.wrong) - SHOWN
        raise Disagreement(name, (*comparison.wrong[:SHOWN], *([f"{more} more"] if more > 0 else ())))
    return CrossCheck(len(inputs), whole, comparison.compared, mpmath.__version__)


def sampled(paths: Paths, sample: int) -> list[tuple[int, ...]]:
    """Every input if there are at most ``sample``; otherwise so many, the same for the same statement, fewer where one
    takes long."""
    network = one_layer_of(paths.statement)
    if network.inputs <= sample:
        return list(itertools.product(range(network.d_vocab), repeat=network.n_ctx))
    each = network.n_ctx * network.d_model * (3 * network.d_head + network.d_vocab)
    rng = random.Random(paths.statement.sha256)
    number = max(4, min(sample, MOST_MULTIPLICATIONS // each))
    return [tuple(rng.randrange(network.d_vocab) for _ in range(network.n_ctx)) for _ in range(number)]


@dataclass
class _Comparison:
    mpmath: Any
    paths: Paths
    margin: AdditiveMargin
    counts: Sequence[RightCount]
    compared: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    right: int = 0
    loss: Any = 0

    def __post_init__(self) -> None:
        self.network = one_layer_of(self.paths.statement)
        self.second = SecondEvaluation(self.network)
        # a margin of its own: deciding a sign counts the stages that the proof needed
        self.signs = AdditiveMargin(self.paths)

    def _agree(self, kind: str, agrees: bool, told: str) -> None:
        self.compared[kind] += 1
        if not agrees:
            self.wrong.append(told)

    def _within(
        self, kind: str, what: str, value: Any, low: tuple[int, int], high: tuple[int, int], error: Any
    ) -> None:
        """Whether value, known to ``error``, may lie between low and high, numbers n·2^e."""
        mp = self.mpmath
        ends = [mp.ldexp(mp.mpf(numerator), exponent) for numerator, exponent in (low, high)]
        shown = [mp.nstr(number, 20) for number in (value, *ends)]
        told = f"{what} = {shown[0]}, outside the enclosure from {shown[1]} to {shown[2]}"
        self._agree(kind, ends[0] - error <= value <= ends[1] + error, told)

    def constants(self) -> None:
        """sqrt(h) and 1/sqrt(h)."""
        mp, h = self.mpmath, self.network.d_head
        with mp.workprec(TRUSTED + 24):
            with precision(EXP_PRECISION):
                root = Ball.sqrt(h)
                balls = {f"sqrt({h})": root, f"1/sqrt({h})": Ball.dyadic(1, 0).over(root)}
            for (what, ball), value in zip(balls.items(), (mp.sqrt(h), 1 / mp.sqrt(h)), strict=True):
                ends = ball.floor_mantissa(EXP_PRECISION), ball.ceil_mantissa(EXP_PRECISION)
                self._within("constants", what, value, *ends, mp.ldexp(value, -TRUSTED))

    def sequence(self, tokens: tuple[int, ...]) -> None:
        """One input: scores, exponentials, margins, signs, and the verdict on its cell."""
        mp, second = self.mpmath, self.second
        scores, logits = second.forward(tokens)
        with mp.workprec(second.precision(scores)):
            self._exact(tokens, scores, logits)
            self._exponentials(tokens)
            weights = [second.exponential(mp, score) for score in scores]
            m = max(tokens)
            values, errors = [], []
            for x in range(self.network.d_vocab):
                terms = [w * second.number(mp, row[x] - row[m]) for w, row in zip(weights, logits, strict=True)]
                values.append(mp.fsum(terms))
                errors.append(mp.ldexp(mp.fsum(map(abs, terms)), -TRUSTED))
            self._margins(tokens, values, errors)
            self._verdict(tokens, values, errors)
            self.loss += mp.log(mp.fsum(mp.exp(value / mp.fsum(weights)) for value in values))

    def _exact(self, tokens: tuple[int, ...], scores: list[int], logits: list[list[int]]) -> None:
        paths, q, m, unit = self.paths, tokens[-1], max(tokens), 4 * self.second.unit
        for p, t in enumerate(tokens):
            same = _equal(scores[p], unit, paths.score(q, p, t), paths.score_exponent)
            self._agree("exact scores", same, f"the score at position {p} of input {tokens} differs")
            for x in range(self.network.d_vocab):
                difference = paths.logit_difference(q, p, t, x, m)
                same = _equal(logits[p][x] - logits[p][m], unit, difference, paths.logit_exponent)
                self._agree("exact logit differences", same, f"logit {x} less logit {m} at {p} of {tokens} differs")

    def _exponentials(self, tokens: tuple[int, ...]) -> None:
        mp, second, q = self.mpmath, self.second, tokens[-1]
        try:
            by_token, by_position = self.margin.enclosure.exponentials
        except MagnitudeError:  # a proof that needs no tables may hold for scores that these cannot
            return
        asked = [("EQKE", by_token, t, second.token_score(q, t)) for t in dict.fromkeys(tokens)]
        asked += [("EQKP", by_position, p, second.position_score(q, p)) for p in range(len(tokens))]
        for name, table, column, score in asked:
            with mp.workprec(second.precision([score])):
                value, entry = second.exponential(mp, score), table[q, column]
                exponent, mantissa = int(entry.exponent), entry.mantissa
                ends = (int(mantissa.lower), exponent), (int(mantissa.upper), exponent)
                what = f"exp({name}[{q},{column}]/sqrt(h))"
                self._within("exponentials", what, value, *ends, mp.ldexp(value, -TRUSTED))

    def _margins(self, tokens: tuple[int, ...], values: list[Any], errors: list[Any]) -> None:
        q, m, network = tokens[-1], max(tokens), self.network
        if (len(tokens) - 1) * (m + 1) * network.d_vocab > MOST_ENTRIES:
            return
        try:
            cell = self.margin.enclosure.cell(q, m)
        except MagnitudeError:
            return
        for x in range(network.d_vocab):
            ends = [
                (int(base[x]) + sum(int(free[p, t, x]) for p, t in enumerate(tokens[:-1])), cell.unit)
                for free, base in ((cell.free.lower, cell.base.lower), (cell.free.upper, cell.base.upper))
            ]
            what = f"the margin of output {x} on input {tokens}"
            self._within("enclosed margins", what, values[x], ends[0], ends[1], errors[x])

    def _verdict(self, tokens: tuple[int, ...], values: list[Any], errors: list[Any]) -> None:
        q, m = tokens[-1], max(tokens)
        decided = []
        for x, (value, error) in enumerate(zip(values, errors, strict=True)):
            if x == m:
                continue
            sign, found = self._sign(value, error), self.signs.sign(q, m, x, tokens)
            if sign is not None and found is not None:
                self._agree("signs", sign == found, f"the sign of the margin of output {x} on input {tokens} differs")
            # what mpmath leaves open is a tie or near to one; there the exact test for ties is believed
            decided.append(found if sign is None else sign)
        right = all(sign is not None and sign < 0 for sign in decided)
        self.right += right
        size = one_layer_of(self.paths.statement).cell_size(q, m)
        for count in self.counts:
            if size in (count.right[q, m], count.wrong[q, m]):
                same = right == (count.right[q, m] == size)
                said = "right" if count.right[q, m] == size else "wrong"
                self._agree("verdicts", same, f"input {tokens} is not {said}, as its whole cell is said to be")

    @staticmethod
    def _sign(value: Any, error: Any) -> int | None:
        return None if abs(value) <= error else 1 if value > 0 else -1

    def theorem(self, theorem: Any) -> None:
        """The whole theorem, every input having been evaluated."""
        low, high = theorem.bounds
        if isinstance(theorem, Accuracy):
            inputs = theorem.statement.inputs
            told = f"{self.right} of {inputs} inputs right, outside the theorem's {theorem.relation()}"
            self._agree("theorem", low * inputs <= self.right <= high * inputs, told)
            return
        mp = self.mpmath
        with mp.workprec(2 * TRUSTED):
            mean = self.loss / theorem.statement.inputs
            ends = [mp.mpf(end.numerator) / end.denominator for end in (low, high)]
            room = mp.ldexp(1 + abs(mean), -TRUSTED // 2)
            told = f"a mean loss of {mp.nstr(mean, 20)}, outside the theorem's {theorem.relation()}"
            self._agree("theorem", ends[0] - room <= mean <= ends[1] + room, told)


def _equal(a: int, a_exponent: int, b: int, b_exponent: int) -> bool:
    """Whether a·2^a_exponent is b·2^b_exponent."""
    least = min(a_exponent, b_exponent)
    return a << a_exponent - least == b << b_exponent - least
