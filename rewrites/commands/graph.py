"""The command ``graph``."""

from __future__ import annotations

from typing import Annotated

import typer

from ...engine.terminal import progress_bars
from .options import StrategyName, Weights


def graph_command(
    weights: Weights,
    form: Annotated[str, typer.Option("--format", help="text, dot, graphml, json, mermaid, svg.")] = "text",
    strategy: StrategyName = None,
) -> None:
    """Prove and print the proof graph: why the theorem is true (text), or a drawing for other tools."""
    from ...engine.explain import explain
    from ...engine.graph_export import FORMATS
    from ...models.problem import statement_of
    from ..proof import prove

    if form != "text" and form not in FORMATS:
        raise typer.BadParameter(f"expected text, {', '.join(FORMATS)}; found {form}", param_hint="--format")
    with progress_bars(False) as report:
        proof = prove(statement_of(weights), weights.name, strategy, progress=report)
    text = FORMATS[form](proof.graph) if form in FORMATS else "\n".join(explain(proof.graph, proof.goal).lines()) + "\n"
    typer.echo(text, nl=False)
