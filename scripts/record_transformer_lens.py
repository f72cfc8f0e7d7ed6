"""Print what the installed TransformerLens says of a small network: its tensors' names and shapes, its configuration.

python scripts/record_transformer_lens.py > recorded.json
One entry for each way of building a network that the version has; tests/data/transformer_lens holds those of all
versions that mechproof is tested with, versions that say the same together.
"""

from __future__ import annotations

import importlib
import json
from importlib.metadata import version
from typing import Any

SIZES = {"n_layers": 1, "n_heads": 1, "d_model": 8, "d_head": 4, "n_ctx": 3, "d_vocab": 5}
NETWORK = {**SIZES, "attn_only": True, "normalization_type": None, "seed": 1, "device": "cpu"}


def network(kind: str, **changes: Any) -> Any:
    """A HookedTransformer, or a native TransformerBridge.  Raises AttributeError or ImportError where there is none."""
    if kind == "HookedTransformer":
        library = importlib.import_module("transformer_lens")
        return library.HookedTransformer(library.HookedTransformerConfig(**NETWORK | changes))
    bridge = importlib.import_module("transformer_lens.model_bridge").TransformerBridge
    config = importlib.import_module("transformer_lens.config").TransformerBridgeConfig
    return bridge.boot_native(config(**NETWORK | changes))


def recorded(kind: str) -> dict[str, Any]:
    model = network(kind)
    shapes = {name: list(tensor.shape) for name, tensor in model.state_dict().items()}
    return {"kind": kind, "versions": [version("transformer_lens")], "shapes": shapes, "config": vars(model.cfg)}


def main() -> None:
    found = []
    for kind in ("HookedTransformer", "TransformerBridge"):
        try:
            found.append(recorded(kind))
        except (AttributeError, ImportError):
            continue
    print(json.dumps(found, default=str))


if __name__ == "__main__":
    main()
