"""What an explanation is worth: the accuracy that follows from its sentences alone, its price, and what each costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from fractions import Fraction
from functools import cached_property
from typing import Any

import sympy

from ..engine.arithmetic.printing import ceil_str, floor_str
from ..engine.cost import Cost
from ..engine.errors import MechproofError
from ..engine.explain import charged
from ..models.one_layer import has_one_layer, one_layer_of
from ..models.statement import Statement
from ..rewrites.proof import Proof
from ..rewrites.waterfall import Fall, NoWaterfall, Waterfall, waterfall
from .errors import BadExplanation
from .file import Explanation
from .reading import Following, Reading, Truth, read
from .sentence import AT_MOST, Sentence, parse

DIGITS = 6
# A number that a sentence would need is looked for to so many binary steps between two numbers.
HALVINGS = 12
ANY = "may be any"


@dataclass(frozen=True)
class Judged:
    """A sentence of the file and what is true of it.  ``stated``: as it stands there; ``used``: what the score rests
    on, which is the true sentence in place of a false one."""

    stated: Sentence
    used: Sentence
    statement: str
    truth: Truth

    @property
    def holds(self) -> bool:
        return self.stated == self.used

    def true_numbers(self) -> dict[str, str]:
        """The best numbers that are true of all tokens that the used sentence speaks of, rounded so that they stay
        true."""
        return {
            number.name: "none" if value is None else f"{number.sign} {told(value, number.sign)}"
            for number in self.stated.kind.numbers
            for value in (self.truth.numbers[number.name],)
        }

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.stated.id,
            "text": self.stated.text,
            "statement": self.statement,
            "holds": self.holds,
            "true": self.true_numbers(),
            "witnesses": list(self.truth.witnesses),
        }


@dataclass(frozen=True)
class Blame:
    """How many inputs more are shown right with the true numbers of a sentence (one for each token) in place of those
    that it states; how many fewer without it; how many more with numbers as good as can be wished, which are not true;
    and the numbers with which the target would be reached, each alone: None where no number would do."""

    id: str
    tight: int
    out: int
    ideal: int
    needed: Mapping[str, str | None]

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "gain_if_tight": self.tight,
            "loss_if_left_out": self.out,
            "gain_if_ideal": self.ideal,
            "needed": dict(self.needed),
        }


@dataclass(frozen=True)
class Score:
    """The accuracy that follows from the sentences, and what each of them costs.

    ``following`` has the proof: its premises are the sentences, with the numbers that they state.
    """

    name: str
    explanation: Explanation
    statement: Statement
    judged: tuple[Judged, ...]
    following: Following = field(repr=False)
    blames: tuple[Blame, ...]
    # what follows with true numbers for each token, and how much is left as the sentences' own numbers come in
    tight: Following = field(repr=False)
    stated: tuple[Fall, ...] = ()

    @property
    def inputs(self) -> int:
        return self.statement.inputs

    @property
    def true(self) -> bool:
        """Whether every sentence of the file is true."""
        return all(judged.holds for judged in self.judged)

    @property
    def reached(self) -> bool:
        target = self.explanation.target
        return target is None or self.following.low >= target * self.inputs

    @property
    def proof(self) -> Proof | None:
        """The proof of what follows; None where nothing does."""
        found = self.following
        return None if found.goal is None else Proof(self.name, found.graph, found.goal)

    def waterfall_lines(self) -> list[str]:
        """From the truth to the bound, for a terminal."""
        if self.waterfall is None:
            return []
        rows = [
            (fall.told, loss, fall.left) for fall, loss in zip(self.waterfall.falls, self.waterfall.losses, strict=True)
        ]
        wide = max(len(told) for told, _, _ in rows)
        lines = [
            "From the truth to the bound, inputs lost and left:",
            f"  {'all inputs':{wide}}  {'':>14}  {self.inputs:>14}",
        ]
        return [*lines, *(f"  {told:{wide}}  {-loss:>+14}  {left:>14}" for told, loss, left in rows)]

    @cached_property
    def price(self) -> Mapping[str, int] | None:
        """The operations of the proof, from the weights on, by kind; None where nothing follows."""
        found = self.following
        if found.goal is None:
            return None
        total = sum((charged(found.graph, step) for step in found.graph.proof(found.goal)), Cost())
        counts = total.evaluate(_sizes(self.statement)).terms()
        return {field.name: int(sympy.ceiling(count)) for field, count in zip(fields(Cost), counts, strict=True)}

    @cached_property
    def waterfall(self) -> Waterfall | None:
        """From the truth to what follows: what the lemmas lose, then what each stated number does; None where nothing
        follows."""
        if self.tight.goal is None:
            return None
        try:
            lemmas = waterfall(self.tight.graph, self.tight.goal)
        except NoWaterfall:
            lemmas = Waterfall(self.inputs, (Fall("lemmas", "what the lemmas do not show", self.tight.low),))
        return lemmas.then(self.stated)

    @property
    def dearest(self) -> Blame:
        """The sentence that costs most: with ideal numbers for it the bound would rise most."""
        return max(self.blames, key=lambda blame: (blame.ideal, blame.tight))

    @property
    def line(self) -> str:
        """The line that scripts look for."""
        relation = f"accuracy >= {self.following.low}/{self.inputs}"
        hashed = f"sha256:{self.statement.sha256}"
        false = sum(not judged.holds for judged in self.judged)
        if false:
            are = "is" if false == 1 else "are"
            return (
                f"s REFUTED {false} of {len(self.judged)} sentences {are} false; with the true ones {relation} {hashed}"
            )
        if not self.reached:
            return f"s UNDECIDED accuracy >= {self.explanation.target} does not follow, only {relation} {hashed}"
        return f"s PROVED {relation} {hashed}"

    def lines(self) -> list[str]:
        """For a terminal."""
        lines = [f"{self.explanation.name}: what follows from its sentences alone, of {self.name}"]
        for judged in self.judged:
            lines.append(f"  {'HOLDS' if judged.holds else 'REFUTED':8} {judged.stated.id}  {judged.statement}")
            lines += [f"           {line}" for line in _remarks(judged)]
        if self.following.missing:
            lines.append(f"nothing is said by {', '.join(self.following.missing)}: nothing is known there")
        share = floor_str(Fraction(self.following.low, self.inputs), DIGITS)
        lines.append(
            f"At least {self.following.low} of {self.inputs} inputs are right by these sentences alone ({share})."
        )
        if (price := self.price) is not None:
            lines.append(
                f"Its proof takes {price['multiply']} multiplications, {price['add']} additions, {price['exp']} "
                f"exponentials and {price['compare']} comparisons."
            )
        return [*lines, *self._blame_lines(), self.line]

    def _blame_lines(self) -> list[str]:
        """The table of what each sentence costs."""
        target = self.explanation.target
        wide = max(len(blame.id) for blame in self.blames)
        lines = ["What each sentence costs, in inputs shown right:"]
        lines.append(
            f"  {'':{wide}}  {'if tight':>14}  {'left out':>14}  {'if ideal':>14}"
            + ("" if target is None else f"  for {target}")
        )
        for blame in sorted(self.blames, key=lambda blame: -blame.ideal):
            numbers = f"{f'+{blame.tight}':>14}  {f'-{blame.out}':>14}  {f'+{blame.ideal}':>14}"
            needed = "; ".join(
                f"{name} {number}" if number else f"no {name} is enough" for name, number in blame.needed.items()
            )
            lines.append(f"  {blame.id:{wide}}  {numbers}" + f"  {needed}" * bool(needed))
        lines.append(f"Most is lost by {self.dearest.id}.")
        return lines

    def as_json(self, *, with_waterfall: bool = False) -> dict[str, Any]:
        price = self.price
        return {
            "name": self.name,
            "explanation": self.explanation.name,
            "line": self.line,
            "right_low": self.following.low,
            "inputs": self.inputs,
            "true": self.true,
            "target": None if self.explanation.target is None else str(self.explanation.target),
            "reached": self.reached,
            "missing": list(self.following.missing),
            "sentences": [judged.as_json() for judged in self.judged],
            "blame": [blame.as_json() for blame in self.blames],
            "dearest": self.dearest.id,
            "price": None if price is None else dict(price),
            **({} if not with_waterfall or self.waterfall is None else {"waterfall": self.waterfall.rows()}),
            "sha256": self.statement.sha256,
        }


def _sizes(statement: Statement) -> Mapping[str, int]:
    """What the letters of a cost stand for."""
    if not has_one_layer(statement):
        return {}
    layer = one_layer_of(statement)
    return {"V": layer.d_vocab, "K": layer.n_ctx, "d": layer.d_model, "h": layer.d_head}


def _remarks(judged: Judged) -> list[str]:
    """Below a sentence: its words, what is true, of which tokens it fails."""
    found = [judged.stated.text] * bool(judged.stated.text)
    best = ", ".join(f"{name} {number}" for name, number in judged.true_numbers().items())
    found.append(f"{'true' if judged.holds else 'in truth'}: {best}")
    if judged.truth.witnesses:
        witnesses = judged.truth.witnesses
        more = f" and {len(witnesses) - 8} more" if len(witnesses) > 8 else ""
        found.append(f"fails for {', '.join(map(str, witnesses[:8]))}{more}")
    return found


def told(value: Fraction, sign: str) -> str:
    """A true number with DIGITS decimals, rounded so that it stays true."""
    return (ceil_str if sign == AT_MOST else floor_str)(value, DIGITS)


def score(statement: Statement, explanation: Explanation, name: str) -> Score:
    """What follows for the statement's network.  Raises :class:`~.errors.BadExplanation` for sentences that cannot be
    read, and :class:`~.errors.NoFamily` for networks that no sentences are known of."""
    reading = read(statement, common_rows=explanation.common_rows)
    judged = tuple(_judged(reading, stated.id, stated.statement, stated.text) for stated in explanation.sentences)
    said: dict[str, Sentence] = {}
    for each in judged:
        if each.used.kind.key in said:
            raise BadExplanation(each.stated.id, "one sentence of each kind", f"{each.used.kind.key} twice")
        said[each.used.kind.key] = each.used
    following = reading.follows(said)
    blames = tuple(_blame(reading, said, key, following.low, explanation.target) for key in said)
    tight = {key: _tight(reading, sentence) for key, sentence in said.items()}
    stated = []
    for key, sentence in said.items():
        if sentence != tight[key]:
            tight[key] = sentence
            told = f"the numbers, and the exceptions, that {sentence.id} states"
            stated.append(Fall(sentence.id, told, reading.follows(tight).low))
    proved = reading.follows({key: _tight(reading, sentence) for key, sentence in said.items()})
    return Score(name, explanation, statement, judged, following, blames, proved, tuple(stated))


def _tight(reading: Reading, sentence: Sentence) -> Sentence:
    """The sentence without numbers, and without exceptions that are not needed."""
    bare = replace(sentence.unquantified, excepted=())
    return replace(bare, excepted=reading.truth(bare).witnesses)


def _judged(reading: Reading, id: str, statement: str, text: str) -> Judged:
    """The sentence, and the true one that it is or that stands for it."""
    stated = parse(statement, reading.kinds, id, text)
    truth = reading.truth(stated)
    kept = {
        name: number
        for name, number in stated.numbers.items()
        if (true := truth.numbers[name]) is not None and stated.kind.number(name).implied(number, true)
    }
    if truth.holds and kept == stated.numbers:
        return Judged(stated, stated, statement, truth)
    excepted = stated.excepted if truth.holds else tuple(sorted({*stated.excepted, *truth.witnesses}))
    return Judged(stated, replace(stated, numbers=kept, excepted=excepted), statement, truth)


def _blame(reading: Reading, said: Mapping[str, Sentence], key: str, low: int, target: Fraction | None) -> Blame:
    sentence = said[key]
    tight = reading.follows({**said, key: _tight(reading, sentence)}).low
    out = reading.follows({name: other for name, other in said.items() if name != key}).low
    ideal = reading.ideal(sentence.kind)
    best = _supposed(reading, {**said, key: replace(sentence, numbers=ideal, excepted=())})
    needed = (
        {}
        if target is None
        else {number.name: _needed(reading, said, key, number.name, target) for number in sentence.kind.numbers}
    )
    return Blame(sentence.id, tight - low, low - out, max(best, tight) - low, needed)


def _supposed(reading: Reading, said: Mapping[str, Sentence]) -> int:
    """What would follow; 0 where the numbers are too large for the tables."""
    try:
        return reading.follows(said, assumed=True).low
    except MechproofError:
        return 0


def _needed(reading: Reading, said: Mapping[str, Sentence], key: str, name: str, target: Fraction) -> str | None:
    """The least demanding number, up to a 2^HALVINGS-th of the range, with which the target is reached by the same
    rules; None where the ideal number does not reach it, and ANY where very bad ones do.  A bound grows with how good
    its numbers are."""
    sentence, number = said[key], said[key].kind.number(name)

    def reaches(value: Fraction) -> bool:
        wanted = {**said, key: sentence.with_number(name, value)}
        return _supposed(reading, wanted) >= target * reading.statement.inputs

    good, true = reading.ideal(sentence.kind)[name], reading.truth(sentence).numbers[name]
    if not reaches(good):
        return None
    bad = sentence.numbers.get(name, true if true is not None else Fraction(0))
    for _ in range(HALVINGS):
        if not reaches(bad):
            break
        good, bad = bad, 2 * bad - good  # what is stated is enough, and perhaps less is
    else:
        return ANY
    for _ in range(HALVINGS):
        middle = (good + bad) / 2
        good, bad = (middle, bad) if reaches(middle) else (good, middle)
    # rounded towards the better side, so that the printed number is enough
    printed = floor_str(good, DIGITS) if number.sign == AT_MOST else ceil_str(good, DIGITS)
    return f"{number.sign} {printed}"
