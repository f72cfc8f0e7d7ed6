"""The group MLPs of arXiv 2302.03025: logits = relu((W_x[x], W_y[y]) W) W_U, exactly rational in the weights."""

from __future__ import annotations

from ..layers.concat import Concat
from ..layers.embed import Embed
from ..layers.linear import Linear
from ..layers.pointwise import Pointwise
from ..layers.unembed import Unembed
from ..network import Network
from ..weights import Checkpoint
from .errors import MissingTensor, StrangeTensor
from .tensors import exact

NAMES = ("W_x", "W_y", "W", "W_U")
# A name that other conventions use too tells nothing.
_TELLING = ("W_x", "W_y")


class GroupMlp:
    """Embeddings of both factors, joined, one hidden layer of ReLU, no biases."""

    def resemblance(self, checkpoint: Checkpoint) -> int:
        return len(NAMES) if all(name in checkpoint.tensors for name in _TELLING) else 0

    def recognise(self, checkpoint: Checkpoint) -> Network:
        file = checkpoint.source
        for name in checkpoint.tensors:
            if name not in NAMES:
                raise StrangeTensor(file, name, "since a group MLP has W_x, W_y, W and W_U only")
        for name in NAMES:
            if name not in checkpoint.tensors:
                raise MissingTensor(file, name, ", ".join(checkpoint.tensors))
        x, y, inner, out = (exact(checkpoint.tensors[name]) for name in NAMES)
        layers = (Embed((x, y), shared=False), Concat(), Linear(inner), Pointwise("relu"), Unembed(out))
        network = Network(
            file,
            layers,
            ("the hidden layer's activation is ReLU", "there are no biases"),
        )
        network.check(2)
        return network


CONVENTION = GroupMlp()
