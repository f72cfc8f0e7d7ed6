"""``decide/1`` and the rules around it: one statement of the claim language holds or fails (section 10).

The checker evaluates the text on the auditor's weights by itself; of the certificate it takes the working precision and
the directions of singular values, which can only make its enclosures wider or narrower.

``positive_loss/1``: with two outputs or more every softmax weight of real logits is below 1, so the loss on every
sequence, and the mean, is positive.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from ..certificate import Reader
from ..errors import Code, Failure
from ..one_layer.rules import kind
from ..relations import Relation
from ..rule import Auditor, Derivation, Rule, no_advice
from .names import check_meanings
from .tensors import TENSORS, Tensors, check_tensors, read_tensors_named, stored_of
from .text import MAX_PARTS, parse
from .tree import Compare, Node
from .truth import HOLDS, Truth
from .value import Directions, Known, Values

KIND = "claim"
VOCABULARY = "vocabulary"
POSITIVE = "positive_loss"
LOWEST_BITS, HIGHEST_BITS = 32, 4096
HIGHEST_WIDTH = 512
OUTCOMES = {True: "holds", False: "fails", None: "undecided"}


@dataclass(frozen=True)
class Claim(Relation):
    """The statement ``claim`` holds, or fails, as ``outcome`` says."""

    outcome: str
    claim: str

    @classmethod
    def read(cls, reader: Reader, name: str = "kind") -> Claim:
        """Every text is a relation; whether it means something, its evaluation finds."""

        def outcome() -> str:
            found = "fails" if reader.text.startswith(b'"fails', reader.at) else "holds"
            reader.literal(f'"{found}"')
            return found

        return cls(*reader.object(**{name: "claim"}, outcome=outcome, text=reader.printable))

    def text(self) -> str:
        """The relation as the verdict line prints it.

        >>> Claim("fails", "loss = 0").text()
        'claim fails: loss = 0'
        """
        return f"claim {self.outcome}: {self.claim}"

    def fields(self, inputs: int) -> dict[str, str | int]:
        """What the verdict says in JSON."""
        return {"outcome": self.outcome, "claim": self.claim}

    def words(self, inputs: str, counted: str) -> str:
        """The theorem in words."""
        return f"Theorem: over the real numbers, the following statement {self.outcome}:\n  {self.claim}\n"


@dataclass(frozen=True)
class Advice:
    """The precision, and directions in the order of the text."""

    bits: int
    spectra: list[Directions]


def read_directions(reader: Reader) -> Directions:
    """``[r,w,"base64"]``; E111 for a width outside 1 to 512."""
    return Directions(*reader.row(reader.small, lambda: between(reader, 1, HIGHEST_WIDTH), reader.octets))


def between(reader: Reader, low: int, high: int) -> int:
    """A number; E111 for one outside."""
    at, found = reader.at, reader.small()
    if not low <= found <= high:
        raise Failure(Code.E111, at=at)
    return found


def read_advice(reader: Reader) -> Advice:
    """``{"bits":b,"spectra":[...]}``; E111 for a precision outside 32 to 4096."""
    return Advice(
        *reader.object(
            bits=lambda: between(reader, LOWEST_BITS, HIGHEST_BITS),
            spectra=lambda: reader.items(lambda: read_directions(reader), MAX_PARTS),
        )
    )


def read_outputs(reader: Reader) -> int:
    """The number of outputs."""
    return reader.object(kind="positive_loss", outputs=reader.small)[0]


def check_known(auditor: Auditor, derivation: Derivation) -> None:
    """Holds for every network: the weights are known by their names, and no others are."""


def check_names(auditor: Auditor, derivation: Derivation) -> None:
    """Holds: the language's names are those of the network, and of the premises."""


def check_decide(auditor: Auditor, derivation: Derivation) -> None:
    """Holds when the statement is found true (holds) or false (fails); E290, E294, and what its evaluation raises."""
    stated, advice = derivation.conclusion, derivation.advice
    given = {premise.rule.kind: premise for premise in derivation.premises[0].premises}
    accuracy, loss = (given[kind].conclusion if kind in given else None for kind in ("accuracy", "loss"))
    text = parse(stated.claim)
    if len(advice.spectra) != len(text.spectra):
        raise Failure(Code.E294, found=len(advice.spectra), expected=len(text.spectra))
    spectra = dict(zip(text.spectra, advice.spectra, strict=True))
    known = Known("additive_margin" in given, accuracy, loss, stored_of(auditor, derivation.premises[0]))
    check_meanings(text.statement, known)
    found = OUTCOMES[Truth(Values(auditor, known, advice.bits, spectra)).of_text(text.statement)]
    if found != stated.outcome:
        raise Failure(Code.E290, id=derivation.id, rule=derivation.rule.name, found=found, stated=stated.outcome)


def check_positive(auditor: Auditor, derivation: Derivation) -> None:
    """Holds for two outputs or more."""
    own = auditor.network.outputs
    if derivation.conclusion != own or own < 2:
        raise derivation.differs("the number of outputs", derivation.conclusion, f"{own} (at least 2 are needed)")


def constant(node: Node) -> Fraction | None:
    """The value of a number, perhaps with a sign before it."""
    if node.kind == "neg":
        found = constant(node.parts[0])
        return None if found is None else -found
    return node.data if node.kind == "number" else None


def by_positivity(text: str) -> bool | None:
    """The truth of a comparison of a positive ``loss`` with a number that is at most 0; None for another text.

    >>> by_positivity("loss = 0"), by_positivity("-1 < loss"), by_positivity("loss > 1")
    (False, True, None)
    """
    statement = parse(text).statement
    if not isinstance(statement, Compare) or len(statement.signs) != 1:
        return None
    for loss, other, side in ((*statement.sides, 1), (*statement.sides[::-1], -1)):
        bound = constant(other)
        if loss.kind == "name" and loss.data == "loss" and bound is not None and bound <= 0:
            return HOLDS[statement.signs[0]][0](side, side)
    return None


def check_by_positivity(auditor: Auditor, derivation: Derivation) -> None:
    """Holds when a positive loss decides the text so; E290."""
    stated = derivation.conclusion
    found = OUTCOMES[by_positivity(stated.claim)]
    if found != stated.outcome:
        raise Failure(Code.E290, id=derivation.id, rule=derivation.rule.name, found=found, stated=stated.outcome)


NAMES = {
    "name_matrices/1": (),
    "name_logits/1": ("additive_margin",),
    "name_accuracy/1": ("additive_margin", "accuracy"),
    "name_loss/1": ("additive_margin", "loss"),
    "name_accuracy_and_loss/1": ("additive_margin", "accuracy", "loss"),
}
RULES = (
    Rule(
        "known_weights/1",
        ("network",),
        "known_matrices",
        no_advice,
        lambda reader: reader.literal('{"kind":"known_matrices","named":0}'),
        check_known,
    ),
    *(
        Rule(name, ("known_matrices", *premises), VOCABULARY, no_advice, kind(VOCABULARY), check_names)
        for name, premises in NAMES.items()
    ),
    Rule("name_tensors/1", (), TENSORS, no_advice, read_tensors_named, check_tensors, subject=Tensors.named),
    Rule("decide/1", (VOCABULARY,), KIND, read_advice, Claim.read, check_decide, (((TENSORS,), KIND),)),
    Rule("positive_loss/1", (), POSITIVE, no_advice, read_outputs, check_positive),
    Rule("decide_by_positivity/1", (POSITIVE,), KIND, no_advice, Claim.read, check_by_positivity),
)
