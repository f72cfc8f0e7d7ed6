"""A transcript of every strategy and every kind of network, of small ones that are proved in seconds."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory

import box_networks as boxes
import induction_networks as induction
import oracle
from gap_cells import leaning
from layered_network import Draw, every_kind
from two_token_network import adding_network

from mechproof.engine.transcript import Document, numbered
from mechproof.models.statement import Statement
from mechproof.rewrites.proof import Proof, prove
from mechproof.rewrites.strategies import DEFAULTS, Options

FLOATS = ("branch_and_bound", "brute_force", "separable")
LOSSES = ("branch_and_bound", "brute_force", "cubic", "subcubic", "low_rank_values", "separable", "story", "vertex")
# Strategies for max-of-K, with configurations that use every rule between them.
ACCURACIES = (
    *LOSSES,
    "auto",
    "vertex/ellipsoid",
    "subcubic/mean/mean/svd",
    "subcubic/svdq/drop/mmrec",
    "subcubic/glob/chord/mdx",
)


@cache
def _max_of_k() -> Statement:
    return leaning(oracle, 1).statement


def _layers(kind: str, folder: Path) -> Statement:
    return boxes.statement(every_kind(Draw(1))[kind], "max-of-k", folder)


def _boxes(kind: str, folder: Path) -> Statement:
    return boxes.statement(boxes.layers(kind, 1, 4, 3), "max-of-k", folder)


def _induction(folder: Path) -> Statement:
    return induction.statement(induction.layers(1, 4, 4, sharp=6.0), folder, "induction")


def _proofs() -> dict[str, Callable[[Path], Proof]]:
    def one_layer(strategy: str, folder: Path, metric: str = "accuracy", semantics: str = "real") -> Proof:
        asked = Options(at_least=Fraction(1, 10)) if strategy == "auto" else DEFAULTS
        return prove(_max_of_k(), "net", strategy, asked, metric=metric, semantics=semantics)

    def of(make: Callable[[Path], Statement], strategy: str, metric: str, folder: Path) -> Proof:
        return prove(make(folder), "net", strategy, metric=metric)

    found: dict[str, Callable[[Path], Proof]] = {}
    found |= {strategy: partial(one_layer, strategy) for strategy in ACCURACIES}
    found |= {f"loss {strategy}": partial(one_layer, strategy, metric="loss") for strategy in LOSSES}
    found |= {f"bfloat16 {strategy}": partial(one_layer, strategy, semantics="bfloat16") for strategy in FLOATS}
    found |= {
        f"boxes {kind}": partial(of, partial(_boxes, kind), "branch_and_bound", "accuracy") for kind in boxes.KINDS
    }
    found |= {
        f"layers {kind}": partial(of, partial(_layers, kind), "enumerate", "accuracy") for kind in every_kind(Draw(1))
    }
    for metric in ("accuracy", "loss", "margin"):
        found[f"induction {metric}"] = partial(of, _induction, "induction", metric)
        found[f"enumerate {metric}"] = partial(of, lambda folder: adding_network(1), "enumerate", metric)
    for metric in ("loss", "margin"):
        found[f"boxes {metric}"] = partial(of, partial(_boxes, "two heads, relu"), "branch_and_bound", metric)
    found["quotient"] = partial(of, lambda folder: adding_network(1), "quotient", "accuracy")
    found["quotient loss"] = partial(of, lambda folder: adding_network(1), "quotient", "loss")
    return found


PROOFS = _proofs()
# Each of their layers, functions and lemmas is in another one's transcript too.
REPEATED = (
    *(f"boxes {kind}" for kind in ("one head", "three heads", "square", "identity", "silu", "relu", "layernorm")),
    *(f"layers gated {function}" for function in ("relu", "identity", "gelu", "gelu_new")),
    *(f"layers {kind}" for kind in ("one head", "two layers", "no mix", "mlp first", "norm in place", "mlp in place")),
    *(f"layers {kind}" for kind in ("no biases", "mlp identity", "mlp silu", "mlp square", "norms without tensors")),
    *("layers attention, concat, attention", "layers three layers with norms", "boxes two heads", "boxes gelu_new"),
)


@cache
def proof_of(name: str) -> Proof:
    """The proof of that name."""
    with TemporaryDirectory() as folder:
        return PROOFS[name](Path(folder))


@cache
def document_of(name: str, detail: str = "appendix") -> Document:
    """The transcript of that proof, numbered."""
    return numbered(proof_of(name).transcript(detail))
