"""Multiplication in a group: group:S5 and the like, or group:FILE with the table of the network's own numbering."""

from __future__ import annotations

from ..network import Network
from .group_tables import built_in, check_group
from .lookup import Lookup, exact_table, integer_table
from .task import Task
from .whole import pairs_with_sign, read_last


class Group:
    name = "group"

    def build(self, parameters: str, network: Network) -> Task:
        table = built_in(parameters)
        if table is None:
            table = integer_table(self.name, parameters, "table", 2)
            check_group(f"{self.name}:{parameters}", table)
        inputs = pairs_with_sign(self.name, network, len(table))
        read = read_last(network, inputs.positions)
        return Task(self.name, inputs, read, Lookup(table), tensors={"table": exact_table(table)})


TASK = Group()
