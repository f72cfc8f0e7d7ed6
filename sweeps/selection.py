"""Which strategies a sweep runs, and the groups in which the published work compares them.

Source: arXiv 2406.11779.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from ..rewrites.strategies import UnknownStrategy, all_names, names, strategy, tightenings, variants

FAMILY = "subcubic"
ATTENTION = ("mean", "drop")
OURS = "not published"
SUBCUBIC_ERRORS = {"EQKE", "mdx"}
QUADRATIC_ERRORS = {"rec", "mrec", "mmrec"}
CHOOSERS = {"auto"}
OUR_ERRORS = {"len"}
SUBCUBIC_DIRECT = {"exact", "glob"}

# The published groups, by whether attention's noise is bounded in V² d, V d² or V² operations, and the direct path in
# V² d or fewer.
BY_COST = {
    ("cubic", "cubic"): "sub-cubic",
    ("middle", "cubic"): "attention Vd²",
    ("cubic", "quadratic"): "direct quadratic",
    ("middle", "quadratic"): "attention Vd², direct quadratic",
    ("quadratic", "cubic"): "attention quadratic",
    ("quadratic", "quadratic"): "both quadratic",
}
GROUPS = ("brute force", "cubic", *BY_COST.values(), OURS)


def runnable() -> tuple[str, ...]:
    """All strategies; of a family its configurations; without those that choose among the others' proofs."""
    return tuple(name for name in all_names() if (not variants(name) or "/" in name) and name not in CHOOSERS)


def published() -> tuple[str, ...]:
    """The published strategies: brute force, cubic, and the configurations of the sub-cubic family."""
    return tuple(sorted((name for name in runnable() if group(name) != OURS), key=lambda name: name.count("/")))


def usual() -> tuple[str, ...]:
    """The published strategies, and our own with the usual configuration of each family."""
    ours = tuple(name for name in names() if group(name) == OURS and name not in CHOOSERS)
    return published() + ours


def group(name: str) -> str:
    """The published group of a strategy.

    >>> group("subcubic/glob/drop/svd")
    'attention Vd²'
    >>> group("subcubic/glob/chord/svd")
    'not published'
    """
    if name in ("brute_force", "cubic"):
        return name.replace("_", " ")
    family, *parts = name.split("/")
    if family != FAMILY or len(parts) != 3 or parts[1] not in ATTENTION or parts[2] in OUR_ERRORS:
        return OURS
    direct, _, error = parts
    noise = "cubic" if error in SUBCUBIC_ERRORS else "quadratic" if error in QUADRATIC_ERRORS else "middle"
    return BY_COST[noise, "cubic" if direct in SUBCUBIC_DIRECT else "quadratic"]


def chosen(patterns: Sequence[str]) -> tuple[str, ...]:
    """The strategies that match one of the patterns (with ``*`` and ``?``), in their order; all without a pattern.

    Raises :class:`UnknownStrategy` for a pattern that matches none; it lists those that are near.
    """
    everything = runnable()
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in everything):
            strategy(pattern)
            raise UnknownStrategy(pattern, names())
    return tuple(name for name in everything if not patterns or any(fnmatchcase(name, p) for p in patterns))


def applicable(name: str, off: Iterable[str]) -> tuple[str, ...]:
    """Those of the tightenings that the strategy has, sorted."""
    return tuple(sorted(set(off) & set(tightenings(name))))
