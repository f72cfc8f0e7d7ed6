"""A lemma of one's own: a better bound for what positions add to a logit (PVOU) when attention is known to lie in a
range.

The proof of max-of-K bounds Σ_p α_p v_p by max_p v_p.  If each attention weight is known to lie in [l_p, u_p], weak
duality gives more.

    mechproof lemma test docs/examples/position_mixture.py
"""

from collections.abc import Iterator
from fractions import Fraction
from random import Random
from typing import Any

from mechproof.engine.formula import At, ForAll, Max, Members, Num, Range, Table, Total, Var
from mechproof.engine.rule import Lemma

p, e, K, offset = Var("p"), Var("e"), Var("K"), Var("\\lambda")
positions = Range(Num(0), K)


def entry(name: str) -> At:
    return At(name, p, subscript=True)


within = ForAll(p, positions, (entry("l") <= entry("\\alpha")) & (entry("\\alpha") <= entry("u")))
total_one = Total(p, positions, entry("\\alpha")).equals(Num(1))
worst = Max(e, Members(At("E", p, subscript=True)), (entry("v") - offset) * e)

MIXTURE = Lemma(
    label="position-mixture",
    title="A mixture whose weights lie in known ranges",
    given=("For all reals $v_p$, $\\lambda$ and $\\alpha_p$, and ranges with ends $E_p = \\{l_p, u_p\\}$:"),
    statement=(within & total_one).implies(
        Total(p, positions, entry("\\alpha") * entry("v")) <= offset + Total(p, positions, worst)
    ),
    proof=(
        "Since the weights sum to 1, $\\sum_p \\alpha_p v_p = \\lambda + \\sum_p \\alpha_p (v_p - \\lambda)$. Each "
        "term is linear in $\\alpha_p$, hence at most its larger value at the two ends of the range. Every "
        "$\\lambda$ is sound; the best one is found by sorting the $v_p$."
    ),
    source="weak duality for the fractional knapsack",
)


def instances(seed: int) -> Iterator[dict[str, Any]]:
    """Mixtures inside and outside their ranges, with weights that sum to one and some that do not."""
    rng = Random(seed)
    while True:
        count = rng.randint(1, 3)
        cuts = sorted(rng.randint(0, 4) for _ in range(count - 1))
        weights = [Fraction(b - a, 4) for a, b in zip([0, *cuts], [*cuts, 4], strict=True)]
        low = [max(Fraction(0), w - Fraction(rng.randint(0, 2), 4)) for w in weights]
        high = [w + Fraction(rng.randint(0, 2), 4) for w in weights]
        if rng.random() < 0.3:
            weights[rng.randrange(count)] += rng.choice([-1, 1]) * Fraction(rng.randint(1, 4), 2)
        values = [Fraction(rng.randint(-3, 3)) for _ in range(count)]
        yield {
            "K": count,
            "\\alpha": Table(weights),
            "v": Table(values),
            "l": Table(low),
            "u": Table(high),
            "E": Table([{a, b} for a, b in zip(low, high, strict=True)]),
            "\\lambda": Fraction(rng.randint(-3, 3)),
        }
