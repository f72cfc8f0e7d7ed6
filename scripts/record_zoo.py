"""Prove the networks of the zoo and record the exact accuracies in its manifest.

python scripts/record_zoo.py
"""

from __future__ import annotations

import json
from pathlib import Path

import mechproof
from mechproof.engine.files import atomic_write
from mechproof.models import zoo

EXACT_INPUTS = 1 << 32


def main() -> None:
    manifest = zoo.manifest()
    for name, entry in manifest.items():
        if entry["recipe"]["d_vocab"] ** entry["recipe"]["n_ctx"] <= EXACT_INPUTS:
            theorem = mechproof.prove(zoo.path(name)).theorem
            if theorem.low == theorem.high:
                entry["exact_accuracy"] = {"right": theorem.low, "inputs": theorem.inputs}
        print(name, entry["exact_accuracy"])
    atomic_write(Path(zoo.__file__).parent / "manifest.json", (json.dumps(manifest, indent=2) + "\n").encode())
    stacks = zoo.stacks()
    for name, entry in stacks.items():
        theorem = mechproof.prove(zoo.stack(name), task=entry["task"]).theorem
        if theorem.low == theorem.high:
            entry["exact_accuracy"] = {"right": theorem.low, "inputs": theorem.inputs}
        print(name, entry["exact_accuracy"])
    atomic_write(Path(zoo.__file__).parent / "stacks.json", (json.dumps(stacks, indent=2) + "\n").encode())


if __name__ == "__main__":
    main()
