"""The published training recipe of max-of-K as data, and the seeds that it derives from one number.

Source: Gross et al., "Compact Proofs of Model Performance via Mechanistic Interpretability"
(arXiv 2406.11779) and its reference code. Nothing here needs torch.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass

from .errors import BadRecipe


def reseed(x: int, label: str) -> int:
    """The seed for one purpose, derived from another seed; in [0, 2**32).

    The first four bytes, little-endian, of a zero byte followed by the MD5 of ``[x,label]`` as
    compact JSON; so the lowest byte is always zero.

    >>> reseed(123, "model"), reseed(123, "dataset_seed")
    (613947648, 1914904320)
    """
    text = json.dumps([x, label], separators=(",", ":"))
    digest = hashlib.md5(text.encode(), usedforsecurity=False).digest()
    return int.from_bytes((b"\0" + digest)[:4], "little")


@dataclass(frozen=True)
class Recipe:
    """How to train one max-of-K network; the defaults are the published max-of-4 setting.

    ``n_ctx`` = K tokens out of ``d_vocab`` = V, residual width ``d_model``, one head of width
    ``d_head`` (``None``: as wide as ``d_model``). ``steps`` updates of AdamW, each on ``batch`` fresh
    sequences. Raises :class:`BadRecipe` where a number is out of range.

    >>> Recipe(seed=50).name
    'max_of_4_v64_d32_seed50'
    """

    n_ctx: int = 4
    d_vocab: int = 64
    d_model: int = 32
    d_head: int | None = None
    seed: int = 123
    steps: int = 3000
    batch: int = 128
    lr: float = 1e-3
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    weight_decay: float = 0.01

    def __post_init__(self) -> None:
        for field in ("n_ctx", "d_vocab", "d_model", "head_width", "batch"):
            _require(field, getattr(self, field), getattr(self, field) >= 1, "at least 1")
        _require("steps", self.steps, self.steps >= 0, "at least 0")
        _require("lr", self.lr, self.lr > 0, "positive")
        _require("eps", self.eps, self.eps >= 0, "at least 0")
        _require("weight_decay", self.weight_decay, self.weight_decay >= 0, "at least 0")
        _require("betas", self.betas, all(0 <= beta < 1 for beta in self.betas), "two numbers in [0, 1)")

    @property
    def head_width(self) -> int:
        """d_head, where it is not given d_model."""
        return self.d_model if self.d_head is None else self.d_head

    @property
    def model_seed(self) -> int:
        """Seeds the initial weights."""
        return reseed(self.seed, "model")

    @property
    def train_seed(self) -> int:
        """Seeds the generator of the training sequences."""
        return reseed(reseed(self.seed, "dataset_seed"), "train")

    @property
    def name(self) -> str:
        """The file name, without suffix, by which networks of this recipe go."""
        head = "" if self.head_width == self.d_model else f"_h{self.head_width}"
        return f"max_of_{self.n_ctx}_v{self.d_vocab}_d{self.d_model}{head}_seed{self.seed}"

    def as_json(self) -> dict[str, object]:
        """The recipe as a JSON object with every default spelled out."""
        return asdict(self) | {"d_head": self.head_width, "betas": list(self.betas)}


def _require(field: str, found: object, holds: bool, expected: str) -> None:
    if not holds:
        raise BadRecipe(field, expected, repr(found))
