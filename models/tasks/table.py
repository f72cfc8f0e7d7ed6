"""Right answers from a file: table:FILE with the tensor ``answers``, one axis a position."""

from __future__ import annotations

from ..network import Network
from ..weights.errors import axes_text
from .errors import TaskDoesNotFit
from .lookup import Lookup, exact_table, integer_table
from .task import Task
from .whole import on_all_inputs, positions_of


class TableOfAnswers:
    name = "table"

    def build(self, parameters: str, network: Network) -> Task:
        positions = positions_of(self.name, network)
        table = integer_table(self.name, parameters, "answers", positions)
        if table.shape != network.vocabulary(positions):
            raise TaskDoesNotFit(
                self.name, f"answers of shape {axes_text(network.vocabulary(positions))}", axes_text(table.shape)
            )
        return on_all_inputs(self.name, network, Lookup(table), {"answers": exact_table(table)})


TASK = TableOfAnswers()
