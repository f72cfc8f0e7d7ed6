"""Weights files read safely and exactly: safetensors, npz, torch, or a live model.

    checkpoint = load("network.safetensors")
    checkpoint.tensors["W_E"].numerators     # Python integers over one power of two

Converting to the one format that everything reads is :func:`mechproof.models.weights.convert.convert`.
"""

from .checkpoint import Checkpoint, from_live, load, load_stored
from .errors import WeightsError
from .tensor import StoredTensor

__all__ = ["Checkpoint", "StoredTensor", "WeightsError", "from_live", "load", "load_stored"]
