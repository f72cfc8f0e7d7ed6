"""Verifiers that can be audited: a name, and what they compute."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from torch import Tensor

from ...engine.errors import MechproofError
from ..published import sub_cubic
from ..published.sub_cubic import Configuration, FloatNetwork, Replay

PREFIX = "subcubic/"
# The published configuration with the best bound.
FIRST = "exact/mean/EQKE"


@dataclass(eq=False)
class UnknownVerifier(MechproofError):
    """There is no replay of that name."""

    name: str
    examples: tuple[str, ...]
    sentence = "there is no published float verification {name!r} to audit; there are loss, and such as {examples}"


@dataclass(frozen=True)
class Verifier:
    """A float verification in torch: ``search`` finds gaps, ``verify`` says what it certifies with them.

    ``verify`` leaves in ``Replay.steps`` what it claims: "score table" with "score noise", and "common row" with
    "direct noise" (see :mod:`.relaxation`); every other step is only set beside its exact value.
    """

    name: str
    search: Callable[[FloatNetwork], Tensor]
    verify: Callable[[FloatNetwork, Tensor], Replay]


def names() -> tuple[str, ...]:
    """All published configurations."""
    return sub_cubic.names()


def published(name: str) -> Verifier:
    """The published configuration direct/attention/error, as in ``exact/mean/EQKE`` or ``subcubic/exact/mean/EQKE``."""
    short = name.removeprefix(PREFIX)
    if short not in sub_cubic.names():
        raise UnknownVerifier(name, sub_cubic.names()[:2])
    configuration = Configuration.of(short)
    return Verifier(
        short,
        partial(_search, configuration=configuration),
        partial(_verify, configuration=configuration),
    )


def _search(network: FloatNetwork, *, configuration: Configuration) -> Tensor:
    return sub_cubic.search(network, configuration)


def _verify(network: FloatNetwork, gaps: Tensor, *, configuration: Configuration) -> Replay:
    return sub_cubic.replay(network, configuration, gaps)
