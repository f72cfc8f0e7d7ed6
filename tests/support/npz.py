"""Weights files written by tests."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np


def write_npz(path: Path, arrays: Mapping[str, np.ndarray]) -> Path:
    """An npz file with these arrays; returns its path."""
    np.savez(path, allow_pickle=False, **arrays)
    return path


def random_arrays(shapes: Mapping[str, tuple[int, ...]], seed: int = 0) -> dict[str, np.ndarray]:
    """float32 arrays of small multiples of 1/8."""
    rng = np.random.default_rng(seed)
    return {name: (rng.integers(-16, 17, size=shape) / 8).astype(np.float32) for name, shape in shapes.items()}
