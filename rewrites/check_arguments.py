"""The arguments of ``mechproof check``, which exits 0 for nothing but VERIFIED.

The shell may put names of files where arguments stand (``mechproof check * --weights w``), and a file may be called
``--help`` or ``--weights=other.npz``.  So help is asked for by ``--help`` alone, and an option is given once.
"""

from __future__ import annotations

from collections import Counter
from itertools import takewhile
from typing import Any

import typer
from typer.core import TyperCommand


class CheckArguments(TyperCommand):
    """A command that refuses ``--help`` beside other arguments, and an option given twice that does not add up."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        given = Counter(argument.partition("=")[0] for argument in takewhile(lambda a: a != "--", args))
        if given["--help"] and len(args) > 1:
            raise typer.BadParameter("--help stands alone; a file of this name comes after --", ctx)
        for option in self.params:
            spellings = [spelling for spelling in option.opts if spelling.startswith("--")]
            if sum(given[spelling] for spelling in spellings) > 1 and not getattr(option, "multiple", False):
                raise typer.BadParameter(f"{spellings[0]} is given twice", ctx)
        return super().parse_args(ctx, args)
