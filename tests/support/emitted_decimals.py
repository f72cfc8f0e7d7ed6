"""Which decimals a transcript emits, with the exact numbers that they stand for and the direction they are rounded in.

Decimals come from ``floor_str`` and ``ceil_str``, wherever these are imported; inside :func:`recording` every call is
kept.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction

from mechproof.engine.arithmetic import printing

ROUNDED = {"floor_str": printing.floor_str, "ceil_str": printing.ceil_str}


@dataclass(frozen=True)
class Emitted:
    """``text`` stands for ``value``, from below (``floor_str``) or from above (``ceil_str``)."""

    text: str
    value: Fraction
    function: str

    @property
    def exact(self) -> bool:
        """Whether the text is the number itself."""
        return Fraction(self.text) == self.value

    @property
    def holds(self) -> bool:
        """Whether the text is the nearest decimal of its length on its side."""
        unit = Fraction(1, 10 ** len(self.text.partition(".")[2]))
        shown, value = Fraction(self.text), Fraction(self.value)
        return shown <= value < shown + unit if self.function == "floor_str" else shown - unit < value <= shown


@contextmanager
def recording() -> Iterator[list[Emitted]]:
    """The decimals that are emitted inside the block, in order."""
    found: list[Emitted] = []

    def recorder(name: str, original: Callable[[Fraction, int], str]) -> Callable[[Fraction, int], str]:
        def emit(value: Fraction, digits: int) -> str:
            text = original(value, digits)
            found.append(Emitted(text, value, name))
            return text

        return emit

    replaced = []
    recorders = {name: recorder(name, original) for name, original in ROUNDED.items()}
    for module in [module for key, module in sys.modules.items() if key.startswith("mechproof.")]:
        for name, original in ROUNDED.items():
            if vars(module).get(name) is original:
                setattr(module, name, recorders[name])
                replaced.append((module, name))
    try:
        yield found
    finally:
        for module, name in replaced:
            setattr(module, name, ROUNDED[name])
