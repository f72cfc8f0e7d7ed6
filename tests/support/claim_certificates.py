"""Certificates of claims, with directions of singular values by refinement of numpy's (Ogita and Aishima)."""

from __future__ import annotations

import base64
import json
from fractions import Fraction
from typing import Any

import numpy as np

from mechproof.engine.checker.claims.matrix import Intervals
from mechproof.engine.checker.claims.names import check_meanings
from mechproof.engine.checker.claims.text import parse
from mechproof.engine.checker.claims.tree import Text
from mechproof.engine.checker.claims.value import Directions, Known, Values
from mechproof.engine.checker.one_layer.counts import View
from mechproof.engine.checker.rule import Auditor

BITS, WIDTH = 128, 24


def floor_divided(a: np.ndarray, b: np.ndarray, bits: int) -> np.ndarray:
    """a / b in fixed point; 0 where b is 0."""
    pairs = [zip(*rows, strict=True) for rows in zip(a, b, strict=True)]
    return np.array([[(x << bits) // y if y else 0 for x, y in row] for row in pairs], dtype=object)


def orthonormal(middle: np.ndarray, unit: Fraction, width: int, rounds: int = 3) -> np.ndarray:
    """Approximate right singular vectors of middle * unit (tall), as columns in units of 2^(2 - 8 width)."""
    bits = 8 * width - 2
    size = middle.shape[1]
    largest = max(1, max(abs(v) for v in middle.ravel()))
    shift = largest.bit_length() - bits
    scaled = np.vectorize(lambda v: v >> shift if shift > 0 else v << -shift, otypes=[object])(middle)
    gram = scaled.T.dot(scaled) >> bits
    floats = np.array([[float(Fraction(v, 1 << bits)) for v in row] for row in gram])
    start = np.linalg.eigh(floats)[1]
    x = np.array([[int(Fraction(float(v)) * (1 << bits)) for v in row] for row in start], dtype=object)
    one = np.array([[int(i == j) << bits for j in range(size)] for i in range(size)], dtype=object)
    for _ in range(rounds):
        r = one - (x.T.dot(x) >> bits)
        s = x.T.dot(gram.dot(x) >> bits) >> bits
        values = [(s[i, i] << bits) // ((1 << bits) - r[i, i]) for i in range(size)]
        apart = np.array([[b - a for b in values] for a in values], dtype=object)
        near = np.array([[abs(v) <= max(map(abs, values)) >> 44 for v in row] for row in apart])
        change = floor_divided(s + (np.array(values, dtype=object)[None, :] * r >> bits), apart, bits)
        change = np.where(near, r >> 1, change)
        x = x + (x.dot(change) >> bits)
    return x


def directions(value: Intervals, width: int = WIDTH, rank: int | None = None) -> Directions:
    """The directions of a matrix's middle."""
    middle = np.array(value.lower, dtype=object) + np.array(value.upper, dtype=object)
    tall = middle if middle.shape[0] >= middle.shape[1] else middle.T
    x = orthonormal(tall, value.scale, width)
    data = b"".join(int(v).to_bytes(width, "little", signed=True) for v in x.ravel())
    return Directions(min(value.shape) if rank is None else rank, width, data)


def values_of(auditor: Auditor, text: str, bits: int = BITS, width: int = WIDTH, **known: Any) -> tuple[Values, Text]:
    """Values with directions of all that the text needs, in its order; and the text's own trees."""
    parsed = parse(text)
    premises = Known(**({"sequences": True, "accuracy": None, "loss": None} | known))
    check_meanings(parsed.statement, premises)
    values = Values(auditor, premises, bits, dict.fromkeys(parsed.spectra))  # type: ignore[arg-type]
    for node in parsed.spectra:
        values.directions[node] = directions(values.value(node, {}), width)
    return values, parsed


def spectra(auditor: Auditor, text: str, bits: int = BITS, width: int = WIDTH) -> list[Any]:
    """The advice of directions."""
    given = values_of(auditor, text, bits, width)[0].directions.values()
    return [[d.rank, d.width, base64.b64encode(d.data).decode()] for d in given]


def steps(auditor: Auditor, rule: str = "name_logits/1", measures: Any = ()) -> list[dict[str, Any]]:
    """The derivations up to the vocabulary; ``measures``: for accuracy and loss, what gives their derivations."""
    own = [
        ("network_definition/2", [], {}, {"kind": "network", "statement": auditor.statement}),
        ("known_weights/1", [0], {}, {"kind": "known_matrices", "named": 0}),
    ]
    if rule != "name_matrices/1":
        own.append(("path_decomposition/1", [0], {}, {"kind": "paths", **auditor.of(View).paths.hashes()}))
        own.append(("additive_margin/1", [2], {}, {"kind": "additive_margin"}))
    premises = [1] if rule == "name_matrices/1" else [1, 3]
    for derivations in measures:
        own += derivations(len(own))
        premises.append(len(own) - 1)
    own.append((rule, premises, {}, {"kind": "vocabulary"}))
    return [
        {"id": i, "rule": name, "premises": given, "advice": advice, "conclusion": conclusion}
        for i, (name, given, advice, conclusion) in enumerate(own)
    ]


def certificate(
    auditor: Auditor, text: str, outcome: str = "holds", bits: int = BITS, given: Any = None, **options: Any
) -> dict[str, Any]:
    """The certificate that the text holds or fails, by decide/1, as an object."""
    claim = {"outcome": outcome, "text": text}
    before = steps(auditor, **options)
    decide = {
        "id": len(before),
        "rule": "decide/1",
        "premises": [len(before) - 1],
        "advice": {"bits": bits, "spectra": spectra(auditor, text, bits) if given is None else given},
        "conclusion": {"kind": "claim", **claim},
    }
    return {
        "schema": "mechproof-certificate/2",
        "relation": {"metric": "claim", **claim},
        "statement": auditor.statement,
        "derivations": [*before, decide],
    }


def encoded(value: dict[str, Any]) -> bytes:
    """The canonical bytes."""
    return (json.dumps(value, separators=(",", ":")) + "\n").encode()
