"""Train max-of-K networks by the published recipe, and write them where TransformerLens users expect.

Floats are fine here: a trained network is what theorems are *about*; none rests on how it came to be.
Importing this package does not import torch; calling what needs it, where it is missing, raises
:class:`TorchMissing`.

    recipe = Recipe(n_ctx=4, d_vocab=64, d_model=32, seed=123)
    states = train(recipe, checkpoints=(1000,))
    save(states[recipe.steps], "network.safetensors", recipe)
"""

from .errors import BadRecipe, TorchMissing, TrainingDiverged
from .loop import train
from .measure import estimate_accuracy, float32_accuracy
from .network import State, initial_state, logits, loss
from .recipe import Recipe, reseed
from .storage import load, provenance, save

__all__ = [
    "BadRecipe",
    "Recipe",
    "State",
    "TorchMissing",
    "TrainingDiverged",
    "estimate_accuracy",
    "float32_accuracy",
    "initial_state",
    "load",
    "logits",
    "loss",
    "provenance",
    "reseed",
    "save",
    "train",
]
