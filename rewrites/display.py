"""A certificate told in words, step by step.  Showing is not checking: nothing here is verified."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..engine.errors import MechproofError
from ..engine.files import read_bytes

LIMIT = 1 << 26


@dataclass(unsafe_hash=True)
class NotACertificate(MechproofError):
    file: str
    reason: str
    sentence = "{file}: expected a mechproof certificate, found {reason}"


def show_certificate(path: Path) -> str:
    """What the certificate says; raises :class:`NotACertificate` for anything that is not one."""
    data = read_bytes(path, LIMIT)
    try:
        certificate = json.loads(data, parse_float=_refuse, parse_constant=_refuse)
        return "\n".join(_lines(certificate)) + "\n"
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise NotACertificate(str(path), f"something else ({type(error).__name__})") from None


def _refuse(text: str) -> None:
    raise ValueError("certificates hold no floats")


def _lines(certificate: dict[str, Any]) -> list[str]:
    relation = certificate["relation"]
    lines = [
        f"schema     {_plain(certificate['schema'])}",
        f"claims     {_claimed(relation)}",
        f"statement  sha256:{_plain(certificate['statement'])}",
    ]
    for step in certificate["derivations"]:
        premises = ", ".join(str(int(premise)) for premise in step["premises"]) or "nothing"
        lines.append(
            f"{int(step['id']):>3}  {_plain(step['rule'])}  from {premises}: {_plain(step['conclusion']['kind'])}"
        )
        lines += [f"       {line}" for line in _advice(step["advice"])]
    return [*lines, "not checked; to check: mechproof check CERTIFICATE --weights WEIGHTS"]


def _claimed(relation: dict[str, Any]) -> str:
    """A statement with its outcome, or a metric between fractions."""
    if relation["metric"] == "claim":
        return f"{_plain(relation['text'])} {_plain(relation['outcome'])}"
    if relation["metric"] in ("loss", "margin"):
        ends = [f"{int(relation[name], 16)}/2^128" for name in ("low", "high")]
    else:
        ends = [f"{int(relation[name], 16)}/{int(relation['inputs'], 16)}" for name in ("right_low", "right_high")]
    return f"{_plain(relation['metric'])} in [{', '.join(ends)}]"


def _advice(advice: dict[str, Any]) -> list[str]:
    lines = []
    for name, value in advice.items():
        if name == "tree":
            count = Counter(c for c in str(value) if c in "RWSU")
            lines.append("tree: " + ", ".join(f"{count[c]} {word}" for c, word in _SYMBOLS.items()))
        elif isinstance(value, list):
            lines.append(f"{_plain(name)}: {len(value)} entries")
        else:
            lines.append(f"{_plain(name)}: {_plain(value)}")
    return lines


_SYMBOLS = {"R": "right", "W": "wrong", "S": "split", "U": "left whole"}


def _plain(value: object) -> str:
    """A certificate's text with control characters made visible, and cut where it is long."""
    text = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in str(value))
    return text if len(text) <= 80 else text[:77] + "..."
