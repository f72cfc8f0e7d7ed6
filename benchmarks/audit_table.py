"""The table of docs/audits.md: real verifiers, audited; ``python benchmarks/audit_table.py [WEIGHTS]``, minutes.

WEIGHTS: a max-of-K network for the published verifiers (default: one of the zoo).
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))
from audited_programs import (
    attention_verifier,
    careless_dn,
    convolutional,
    coset_verifier,
    cosets,
    crown,
    ibp,
    network,
    outward,
    row_sums,
    trained,
)

from mechproof.audits.program.verdict import Report, audit
from mechproof.audits.session import float_weights
from mechproof.models.problem import statement_of
from mechproof.models.zoo import path
from mechproof.rewrites.published import cubic, sub_cubic
from mechproof.rewrites.published.network import FloatNetwork

HEAD = "| program | calls | operations | comparisons | flips | undecided | verdict | says | implied | overhead |"
Program = tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]


def published(weights: str) -> dict[str, Program]:
    """The sub-cubic and cubic verifiers, with the gaps of a search."""
    tensors = float_weights(statement_of(weights))
    found: dict[str, Program] = {}
    single = FloatNetwork.of(tensors, torch.float32)
    for name in ("exact/mean/EQKE", "exact/drop/mdx", "mean/mean/svd"):
        chosen = sub_cubic.Configuration.of(name)
        replay = partial(sub_cubic.replay, single, chosen, sub_cubic.search(single, chosen))
        found[f"published sub-cubic {name}, float32"] = (lambda replay=replay: replay().count(), (), {"lower": ""})
    for dtype in ("float32", "bfloat16"):
        net = FloatNetwork.of(tensors, getattr(torch, dtype))
        found[f"published cubic, {dtype}"] = (lambda net=net: cubic.replay(net).count(), (), {"lower": ""})
    return found


def others() -> dict[str, Program]:
    generator = torch.Generator().manual_seed(9)
    deep, image = network(784, 256, 256, 256, 10, seed=0), torch.rand(1, 784, generator=generator)
    layers, shape = convolutional(seed=0)
    tensors = {
        name: torch.randn(*size, generator=generator)
        for name, size in {"Q": (64, 16), "K": (64, 16), "V": (64,), "W": (50, 50), "a": (20,), "b": (20,)}.items()
    }
    square = torch.randn(512, 512, generator=generator)
    picture, point = torch.rand(*shape, generator=generator), torch.tensor([[0.1, 0.2]])
    return {
        "IBP, 784-256³-10, ε = 2⁻⁶": (ibp, (deep, image, 2.0**-6), {"lower": "0.0"}),
        "CROWN, 784-256³-10, ε = 2⁻⁶": (crown, (deep, image, 2.0**-6), {"lower": "0"}),
        "CROWN, 784-256³-10, ε = 0.02": (crown, (deep, image, 0.02), {"lower": "0"}),
        "CROWN, convolution": (crown, (layers, picture, 2.0**-6), {"lower": "0"}),
        "CROWN, trained 2-16-16-2": (crown, (trained(seed=0), point, 2.0**-6), {"lower": "1"}),
        "attention, least share": (attention_verifier, (tensors,), {"lower": "share"}),
        "attention, certified queries": (attention_verifier, (tensors,), {"lower": "count"}),
        "cosets of a group network": (coset_verifier, (cosets(seed=0),), {"lower": "count"}),
        "the same, least margin": (coset_verifier, (cosets(seed=0),), {"lower": "least"}),
        "outward rounding": (outward, (tensors,), {"lower": "low"}),
        "the same, one helper careless": (partial(outward, product=careless_dn), (tensors,), {"lower": "low"}),
        "row sums (error planted)": (row_sums, (tensors,), {"upper": "bound"}),
        "product of 512 × 512": (lambda a: (a @ a.T).sum(), (square,), {"lower": ""}),
    }


def row(name: str, report: Report) -> str:
    one = report.observed
    counts = (one.calls, len(one.operations), one.compared, one.flipped, one.undecided)
    numbers = f"{report.claimed:.9g} | {report.bound:.17g}"
    return f"| {name} | {' | '.join(map(str, counts))} | {report.verdict} | {numbers} | ×{report.overhead:.0f} |"


def main(weights: str) -> None:
    """Each program is run once before it is timed."""
    torch.set_num_threads(1)
    print(HEAD)
    print("|---" * HEAD.count(" | ") + "|---|")
    for name, (program, inputs, side) in (published(weights) | others()).items():
        program(*inputs)
        print(row(name, audit(program, *inputs, **side)), flush=True)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else str(path("max_of_2_v64_d32_seed123")))
