"""(t_0 + t_1) mod P; a third position holds the token P, the equals sign."""

from __future__ import annotations

from ..network import Network
from .expression import parse
from .task import Task
from .whole import number, pairs_with_sign, read_last


class ModularAddition:
    name = "modular-addition"

    def build(self, parameters: str, network: Network) -> Task:
        modulus = number(self.name, parameters, 1)
        inputs = pairs_with_sign(self.name, network, modulus)
        answer = parse(f"(t[0] + t[1]) % {modulus}")
        return Task(f"{self.name}:{modulus}", inputs, read_last(network, inputs.positions), answer)


TASK = ModularAddition()
