"""Train every network of the zoo again and write the files, ``manifest.json`` and ``stacks.json`` (some two minutes).

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
from ..training.stack import StackRecipe, save_stack, train_stack

RECIPES = (
    Recipe(n_ctx=2, seed=123),
    Recipe(n_ctx=4, seed=50),
    Recipe(n_ctx=4, seed=519),
    Recipe(n_ctx=10, seed=123),
)
# Other layers: norms, heads, MLPs; the first stops early, so that it errs.
STACKS = (
    StackRecipe("max_of_2_layernorm", n_ctx=2, norm=True, steps=500),
    StackRecipe("max_of_3_two_heads", heads=2, steps=5000),
    StackRecipe("max_of_3_relu", d_mlp=32, act="relu", steps=5000),
    StackRecipe("max_of_3_gelu", d_mlp=32, act="gelu", steps=5000),
    StackRecipe(
        "add_mod_13_bilinear",
        n_ctx=2,
        d_vocab=13,
        d_model=24,
        heads=0,
        d_mlp=48,
        act="identity",
        modulus=13,
        batch=169,
        weight_decay=0.1,
    ),
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


def build_stacks(folder: Path, recipes: Iterable[StackRecipe] = STACKS) -> dict[str, dict[str, Any]]:
    """Write weights and network file of each recipe into ``folder``/stacks, then ``stacks.json``; returns it."""
    file = folder / "stacks.json"
    before = json.loads(file.read_text("utf-8")) if file.exists() else {}
    (folder / "stacks").mkdir(exist_ok=True)
    listed: dict[str, dict[str, Any]] = {}
    for recipe in recipes:
        network = save_stack(recipe, train_stack(recipe), folder / "stacks")
        sha256 = hashlib.sha256(network.with_suffix(".safetensors").read_bytes()).hexdigest()
        known = before.get(recipe.name, {})
        listed[recipe.name] = {
            "task": recipe.task,
            "sha256": sha256,
            "recipe": recipe.as_json(),
            "torch": require_torch().__version__,
            "exact_accuracy": known.get("exact_accuracy") if known.get("sha256") == sha256 else None,
        }
    atomic_write(file, (json.dumps(listed, indent=2) + "\n").encode())
    return listed


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    build(target)
    build_stacks(target)
