"""Two proofs side by side: which claims say the same in both, which numbers moved, which lemmas only one of them uses.

Claims are compared by kind, in the order in which the proofs state them; what the rewriting of the definition says and
which matrices are known is left out, since it has no numbers.  Two seeds, two checkpoints or two strategies are
compared in this way.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from textwrap import wrap
from typing import Any

from ..engine.equality import Equal
from ..engine.rewriting import of_which
from ..engine.transcript.plain import plain
from .proof import Proof
from .rules.accuracy import Accuracy
from .rules.known_matrices import KnownMatrices

WIDTH = 100


@dataclass(frozen=True)
class Pair:
    """One claim of each proof in words, of one kind; None where a proof has no such claim."""

    kind: str
    first: str | None
    second: str | None

    def lines(self) -> Iterator[str]:
        said = {mark: text for mark, text in (("A", self.first), ("B", self.second)) if text is not None}
        yield f"  {self.kind}" + ("" if len(said) == 2 else f", in {next(iter(said))} alone")
        for mark, text in said.items():
            yield from wrap(text, WIDTH, initial_indent=f"    {mark}  ", subsequent_indent=" " * 7)


@dataclass(frozen=True)
class Difference:
    """``moved``: claims of one kind that differ.  ``same``: the kinds of those that agree word for word, each with how
    often.  ``lemmas``: titles of those in both, in the first alone, and in the second alone.
    ``gain``: how many more inputs the second proves to be right; None where they are not about so many inputs."""

    first: Proof
    second: Proof
    same: dict[str, int]
    moved: tuple[Pair, ...]
    lemmas: tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]
    gain: int | None

    def as_json(self) -> dict[str, Any]:
        both, first, second = self.lemmas
        return {
            "first": self.first.summary(),
            "second": self.second.summary(),
            "same": self.same,
            "moved": [{"kind": pair.kind, "first": pair.first, "second": pair.second} for pair in self.moved],
            "lemmas": {"both": list(both), "first": list(first), "second": list(second)},
            "gain": self.gain,
        }

    def lines(self) -> Iterator[str]:
        yield f"A  {self.first.name}: {self.first.verdict}"
        yield f"B  {self.second.name}: {self.second.verdict}"
        if self.gain is not None:
            yield f"B proves {abs(self.gain)} inputs {'more' if self.gain >= 0 else 'fewer'} to be right than A."
        both, first, second = self.lemmas
        for title, names in (("Lemmas in both", both), ("Lemmas of A alone", first), ("Lemmas of B alone", second)):
            if names:
                yield from wrap(f"{title}: {'; '.join(names)}", WIDTH, subsequent_indent="  ")
        if self.same:
            said = ", ".join(kind if count == 1 else f"{kind} ({count} times)" for kind, count in self.same.items())
            yield from wrap(f"Word for word in both: {said}", WIDTH, subsequent_indent="  ")
        yield "What differs:" if self.moved else "Nothing differs."
        for pair in self.moved:
            yield from pair.lines()


def difference(first: Proof, second: Proof) -> Difference:
    """What changes from the first proof to the second."""
    told = _told(first), _told(second)
    same: dict[str, int] = {}
    moved = []
    for kind in dict.fromkeys((*told[0], *told[1])):
        for a, b in zip_longest(told[0].get(kind, ()), told[1].get(kind, ())):
            if a == b:
                same[kind] = same.get(kind, 0) + 1
            else:
                moved.append(Pair(kind, a, b))
    lemmas = _lemmas(first), _lemmas(second)
    both = tuple(name for name in lemmas[0] if name in lemmas[1])
    a, b = (tuple(name for name in mine if name not in other) for mine, other in (lemmas, lemmas[::-1]))
    return Difference(first, second, same, tuple(moved), (both, a, b), _gain(first.theorem, second.theorem))


def _told(proof: Proof) -> dict[str, list[str]]:
    """What the proof's claims say, by kind."""
    said: dict[str, list[str]] = {}
    about = of_which(proof.theorem.statement.sha256)  # each proof is about its own: that is no difference
    for step in proof.graph.proof(proof.goal):
        claim = proof.graph.claim(step.claim)
        if not isinstance(claim, Equal | KnownMatrices):
            said.setdefault(claim.kind, []).append(plain(claim.sentence()).replace(about, ""))
    return said


def _lemmas(proof: Proof) -> tuple[str, ...]:
    steps = proof.graph.proof(proof.goal)
    return tuple(dict.fromkeys(plain(lemma.title) for step in steps for lemma in step.rule.lemmas))


def _gain(first: Any, second: Any) -> int | None:
    comparable = isinstance(first, Accuracy) and isinstance(second, Accuracy) and first.inputs == second.inputs
    return second.low - first.low if comparable else None
