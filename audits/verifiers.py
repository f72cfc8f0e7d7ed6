"""Verifiers that can be audited: a name, and what they compute."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from ..engine.errors import MechproofError
from ..rewrites.published import brute_force, cubic, sub_cubic
from ..rewrites.published.brute_force import Model
from ..rewrites.published.network import FloatNetwork, Run
from ..rewrites.published.sub_cubic import Configuration

PREFIX = "subcubic/"
CUBIC = "cubic"
# The published configuration with the best bound.
FIRST = "exact/mean/EQKE"


@dataclass(eq=False)
class UnknownVerifier(MechproofError):
    """There is no replay of that name."""

    name: str
    families: str
    examples: tuple[str, ...]
    sentence = (
        "there is no published float verification {name!r} to audit; there are {families}, and such as {examples}"
    )


@dataclass(frozen=True)
class Verifier:
    """A float verification in torch: ``search`` finds gaps, ``verify`` says what it certifies with them.

    ``verify`` leaves in the run's ``steps`` what it claims: see :mod:`.relaxation` and :mod:`.cubic`; every other step
    is only set beside its exact value.
    """

    name: str
    search: Callable[[FloatNetwork], Tensor]
    verify: Callable[[FloatNetwork, Tensor], Run]


@dataclass(frozen=True)
class Runner(Verifier):
    """A verification that runs the network, or its ``model``, on every sequence; ``verify`` does so in one batch."""

    model: Callable[[FloatNetwork], Model]


def names() -> tuple[str, ...]:
    """All published verifiers."""
    return (*sub_cubic.names(), CUBIC, *brute_force.MODELS)


def published(name: str) -> Verifier:
    """``cubic``, ``brute-force``, ``brute-force/cached``, or the published configuration direct/attention/error.

    The last as in ``exact/mean/EQKE`` or ``subcubic/exact/mean/EQKE``.  Raises :class:`UnknownVerifier`.
    """
    short = name.removeprefix(PREFIX)
    if short in sub_cubic.names():
        configuration = Configuration.of(short)
        return Verifier(
            short, partial(_search, configuration=configuration), partial(_verify, configuration=configuration)
        )
    if name == CUBIC:
        return Verifier(name, _nothing, _cubic)
    if name in brute_force.MODELS:
        model = brute_force.MODELS[name]
        return Runner(name, _nothing, partial(_every, model=model), model)
    raise UnknownVerifier(name, ", ".join(("loss", CUBIC, *brute_force.MODELS)), sub_cubic.names()[:2])


def _search(network: FloatNetwork, *, configuration: Configuration) -> Tensor:
    return sub_cubic.search(network, configuration)


def _verify(network: FloatNetwork, gaps: Tensor, *, configuration: Configuration) -> Run:
    return sub_cubic.replay(network, configuration, gaps)


def _nothing(network: FloatNetwork) -> Tensor:
    return torch.empty(0, dtype=torch.long)


def _cubic(network: FloatNetwork, gaps: Tensor) -> Run:
    return cubic.replay(network)


def _every(network: FloatNetwork, gaps: Tensor, *, model: Callable[[FloatNetwork], Model]) -> Run:
    (tokens,) = brute_force.batches(network.d_vocab, network.n_ctx, network.d_vocab**network.n_ctx)
    return brute_force.run(model(network), tokens)
