"""Small random networks on disk, for audits."""

from __future__ import annotations

from pathlib import Path

import numpy as np


def small(
    folder: Path,
    seed: int,
    scale: float = 1.0,
    copying: int = 0,
    *,
    size: int = 3,
    positions: int = 3,
    **more: np.ndarray,
) -> Path:
    """``copying``: it tends to return what it attends to; ``more`` are tensors to have instead, or besides."""
    generator = np.random.default_rng(seed)
    square = {f"W_{name}": (4, 4) for name in "QKVO"}
    shapes = {"W_E": (size, 4), "W_pos": (positions, 4), **square, "W_U": (4, size)}
    weights = {name: (generator.normal(size=shape) * scale).astype(np.float32) for name, shape in shapes.items()}
    for name in ("W_E", "W_V", "W_O", "W_U"):
        weights[name] += copying * np.eye(*shapes[name], dtype=np.float32)
    np.savez(folder / "small.npz", **(weights | more))  # type: ignore[arg-type]
    return folder / "small.npz"
