"""Prove anew what tests/data/certificates holds, and record the certificates and what they say.

python scripts/record_certificates.py
"""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import mechproof
from mechproof import Options
from mechproof.engine.files import atomic_write
from mechproof.rewrites.rules.float_accuracy import FloatAccuracy

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "tests" / "data" / "certificates"
MANIFEST = FOLDER / "manifest.json"


def proved(entry: dict[str, Any]) -> tuple[bytes, dict[str, Any]]:
    """The certificate of an entry of the manifest, and the entry with what the theorem says."""
    proof = mechproof.prove(ROOT / entry["weights"], semantics=entry["semantics"], options=Options(cut=0))
    theorem = proof.theorem
    assert isinstance(theorem, FloatAccuracy)
    return proof.certificate, {
        "weights": entry["weights"],
        "semantics": entry["semantics"],
        "line": f"s VERIFIED {theorem.relation()} sha256:{theorem.statement.sha256}",
        "right": [theorem.low, theorem.high],
        "real_low": theorem.real.low,
        "sha256": sha256(proof.certificate).hexdigest(),
    }


def main() -> None:
    manifest = json.loads(MANIFEST.read_text("utf-8"))
    for name, entry in manifest.items():
        certificate, manifest[name] = proved(entry)
        atomic_write(FOLDER / f"{name}.json", certificate)
        print(manifest[name]["sha256"], name)
    atomic_write(MANIFEST, (json.dumps(manifest, indent=2) + "\n").encode())


if __name__ == "__main__":
    main()
