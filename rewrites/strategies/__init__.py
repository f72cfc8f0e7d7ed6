"""Strategies: recipes for reaching a theorem in a proof graph.

A strategy calls rules; it concludes nothing itself, and a stored graph replays without it.  Each module
of this folder is one strategy and is found by its file (folders hold what strategies share: ``splits`` and ``methods``,
the ``search`` over them, and strategies for any ``networks``): it defines ``SUMMARY`` (one line) and

    derive(graph, margin, options, progress) -> id of a RightCount claim
    derive_loss(graph, paths, options, progress) -> id of a LossSum claim

where ``margin`` is the id of the :class:`~..rules.additive_margin.AdditiveMargin` claim and ``paths`` that of the
:class:`~..rules.path_decomposition.Paths` claim.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from fractions import Fraction
from pathlib import Path
from typing import Protocol, cast

from ...engine.errors import MechproofError
from ...engine.graph import ProofGraph
from ...models.statement import Statement
from ..rules.accuracy import AccuracyFromCount
from ..rules.additive_margin import AdditiveMarginRule
from ..rules.loss import LossFromSum
from ..standard_forms import paths_of

DEFAULT = "branch_and_bound"

# progress(what is being done, steps done, steps in all)
Progress = Callable[[str, int, int], None]


def silent(stage: str, done: int, total: int) -> None:
    """No progress report."""


@dataclass(frozen=True)
class Options:
    """What a user may set: a time budget in seconds, the grid of ``separable``, the cut of ``branch_and_bound``.

    ``cut``: nodes of at most so many sequences are given up; None chooses 0 for up to 2^32 inputs, else a 10^9-th of
    them.  ``off``: names of tightenings that are not to be used.  ``variant``: the configuration of a family.
    ``at_least`` and ``minimise`` (cost, tightness or length) say what ``auto`` is to find.  ``memory``: how many bytes
    the process may hold (see :mod:`..advice.allowance`).  ``jobs``: how many processes an enumeration may use;
    ``resume``: the file that keeps its finished blocks.
    """

    seconds: int | None = None
    grid: int = 1024
    cut: int | None = None
    off: tuple[str, ...] = ()
    variant: str = ""
    at_least: Fraction | None = None
    minimise: str = "cost"
    memory: int | None = None
    jobs: int = 1
    resume: Path | None = None


DEFAULTS = Options()


@dataclass(unsafe_hash=True)
class UnknownStrategy(MechproofError):
    name: str
    known: tuple[str, ...]
    sentence = "there is no strategy {name!r}; the strategies are {known}"


@dataclass(unsafe_hash=True)
class UnknownTightening(MechproofError):
    name: str
    strategy: str
    known: tuple[str, ...]
    sentence = "the strategy {strategy} has no tightening {name!r} to switch off; it has {known}"


@dataclass(unsafe_hash=True)
class UnknownMetric(MechproofError):
    name: str
    known: tuple[str, ...]
    sentence = "there is no metric {name!r}; the metrics are {known}"


class Strategy(Protocol):
    """What a strategy module looks like."""

    SUMMARY: str

    def derive(self, graph: ProofGraph, margin: int, options: Options, progress: Progress) -> int: ...

    def derive_loss(self, graph: ProofGraph, paths: int, options: Options, progress: Progress) -> int: ...


def names() -> tuple[str, ...]:
    """All strategies, by file."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.ispkg))


def general_names() -> tuple[str, ...]:
    """The strategies for any network, by file."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules([f"{path}/networks" for path in __path__])))


def all_names() -> tuple[str, ...]:
    """All strategies, and all configurations of families as family/configuration."""
    found: list[str] = []
    for name in names():
        found += [name, *(f"{name}/{variant}" for variant in variants(name))]
    return tuple(found)


def variants(name: str) -> tuple[str, ...]:
    """The configurations of a family; none for a strategy that is not one."""
    return getattr(strategy(name), "VARIANTS", ())


def default_variant(name: str) -> str:
    """The configuration that the family's own name stands for; empty for a strategy that is no family."""
    return getattr(strategy(name), "DEFAULT_VARIANT", "")


def parts(name: str) -> tuple[tuple[str, Mapping[str, str]], ...]:
    """What the parts of a configuration's name are about, and what each word there means."""
    return getattr(strategy(name), "PARTS", ())


def tightenings(name: str) -> Mapping[str, str]:
    """What a strategy can switch off, with a description."""
    return getattr(strategy(name), "TIGHTENINGS", {})


def strategy(name: str) -> Strategy:
    """The strategy of that name, or of the family of that name; raises :class:`UnknownStrategy`."""
    family, slash, variant = name.partition("/")
    if family not in names():
        raise UnknownStrategy(name, names())
    module = importlib.import_module(f"{__name__}.{family}")
    known = getattr(module, "VARIANTS", ())
    if slash and variant not in known:
        near = get_close_matches(variant, known, n=5, cutoff=0) or known[:5]
        raise UnknownStrategy(name, tuple(f"{family}/{other}" for other in near) if known else names())
    return cast(Strategy, module)


def _checked(name: str, options: Options) -> Options:
    """The options for a strategy by its full name; raises :class:`UnknownTightening`."""
    for off in options.off:
        if off not in tightenings(name):
            raise UnknownTightening(off, name, tuple(tightenings(name)))
    return replace(options, variant=name.partition("/")[2])


def paths_under(graph: ProofGraph, margin: int) -> int:
    """The id of the paths that a margin was concluded from."""
    paths = graph.find(graph.claim(margin).paths)
    assert paths is not None, "a margin is concluded from paths"
    return paths


def prove_accuracy(
    statement: Statement, name: str = DEFAULT, options: Options = DEFAULTS, progress: Progress = silent
) -> tuple[ProofGraph, int]:
    """A proof graph for the accuracy of the statement's network, and the id of its accuracy claim."""
    recipe, options = strategy(name), _checked(name, options)
    graph = ProofGraph()
    margin = graph.apply(AdditiveMarginRule(), [paths_of(graph, statement)])
    count = recipe.derive(graph, margin, options, progress)
    return graph, graph.apply(AccuracyFromCount(), [count])


def prove_loss(
    statement: Statement, name: str = DEFAULT, options: Options = DEFAULTS, progress: Progress = silent
) -> tuple[ProofGraph, int]:
    """A proof graph for the mean cross-entropy of the statement's network, and the id of its loss claim."""
    recipe, options = strategy(name), _checked(name, options)
    graph = ProofGraph()
    total = recipe.derive_loss(graph, paths_of(graph, statement), options, progress)
    return graph, graph.apply(LossFromSum(), [total])


PROVERS = {"accuracy": prove_accuracy, "loss": prove_loss}


def prove_metric(
    metric: str, statement: Statement, name: str = DEFAULT, options: Options = DEFAULTS, progress: Progress = silent
) -> tuple[ProofGraph, int]:
    """A proof graph for bounds of the metric, and the id of the claim; raises :class:`UnknownMetric`."""
    if metric not in PROVERS:
        raise UnknownMetric(metric, tuple(PROVERS))
    return PROVERS[metric](statement, name, options, progress)
