"""Train every network of the zoo again and write the files and ``manifest.json`` (about 20 seconds).

    python -m mechproof.models.zoo.build [FOLDER]

FOLDER is where the shipped files are unless given. A proved ``exact_accuracy`` is kept as long as the file's
bytes are the same.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ...engine.files import atomic_write
from ..training import Recipe, estimate_accuracy, reseed, save, train
from ..training.network import require_torch

RECIPES = (
    Recipe(n_ctx=2, seed=123),
    Recipe(n_ctx=4, seed=50),
    Recipe(n_ctx=4, seed=519),
    Recipe(n_ctx=10, seed=123),
)
SAMPLES = 1 << 20


def build(folder: Path, recipes: Iterable[Recipe] = RECIPES, samples: int = SAMPLES) -> dict[str, dict[str, Any]]:
    """Write one safetensors file for each recipe into ``folder``, then the manifest; returns the manifest."""
    manifest_file = folder / "manifest.json"
    before = json.loads(manifest_file.read_text("utf-8")) if manifest_file.exists() else {}
    manifest = {recipe.name: _build_one(folder, recipe, samples, before.get(recipe.name, {})) for recipe in recipes}
    atomic_write(manifest_file, (json.dumps(manifest, indent=2) + "\n").encode())
    return manifest


def _build_one(folder: Path, recipe: Recipe, samples: int, before: dict[str, Any]) -> dict[str, Any]:
    state = train(recipe)[recipe.steps]
    file = folder / f"{recipe.name}.safetensors"
    save(state, file, recipe)
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    right, samples = estimate_accuracy(state, samples, reseed(recipe.seed, "estimate"))
    return {
        "file": file.name,
        "sha256": sha256,
        "recipe": recipe.as_json(),
        "seeds": {"model": recipe.model_seed, "train": recipe.train_seed},
        "torch": require_torch().__version__,
        "estimated_accuracy": {"right": right, "samples": samples},
        "exact_accuracy": before.get("exact_accuracy") if before.get("sha256") == sha256 else None,
    }


if __name__ == "__main__":
    build(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
