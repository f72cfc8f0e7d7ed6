"""What a certificate about one layer starts from, and concludes: path matrices, margins, the mean of the losses."""

from __future__ import annotations

from functools import partial

from ..certificate import Reader
from ..relations import Loss
from ..rule import Auditor, Derivation, Rule, check_enclosure, no_advice
from . import counts, losses, triples
from .counts import View

PATHS = ("UU", "EVOU", "PVOU", "EQKE", "EQKP")


def read_hashes(reader: Reader, kind: str = "paths") -> dict[str, str]:
    """The hashes of five tables like the path matrices."""
    return dict(zip(PATHS, reader.object(kind=kind, **dict.fromkeys(PATHS, reader.hash)), strict=True))


def check_paths(auditor: Auditor, derivation: Derivation) -> None:
    """Holds when each hash is that of the auditor's own matrix, multiplied out exactly (form.py)."""
    for name, own in auditor.of(View).paths.hashes().items():
        if derivation.conclusion[name] != own:
            raise derivation.differs(f"the hash of {name}", derivation.conclusion[name], own)


def check_margin(auditor: Auditor, derivation: Derivation) -> None:
    """Holds for every network of the family: a sequence is right if and only if every sum of margins is negative (S0 in
    margins.py). The conclusion has no numbers."""


def check_loss(auditor: Auditor, derivation: Derivation) -> None:
    """Holds when as many times the bounds as there are inputs are no better than the premise's."""
    total = derivation.premises[0].conclusion
    check_enclosure(derivation, total.low, total.high, auditor.inputs)


def kind(name: str) -> partial[tuple[()]]:
    """The reader of a conclusion that says its kind alone."""
    return partial(Reader.object, kind=name)


RULES = (
    Rule("path_decomposition/1", ("network",), "paths", no_advice, read_hashes, check_paths),
    Rule("additive_margin/1", ("paths",), "additive_margin", no_advice, kind("additive_margin"), check_margin),
    *counts.RULES,
    triples.RULE,
    *losses.RULES,
    Rule("loss/1", ("loss_sum",), "loss", no_advice, Loss.read, check_loss),
)
