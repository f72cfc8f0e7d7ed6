"""Max-of-K: the network is to return the largest token of a sequence, whichever of all V^K sequences it is."""

from __future__ import annotations

from ..network import Network
from .errors import TaskDoesNotFit
from .expression import parse
from .task import Task
from .whole import on_all_inputs


class LargestToken:
    name = "max-of-k"

    def build(self, parameters: str, network: Network) -> Task:
        if parameters:
            raise TaskDoesNotFit(self.name, "no parameters", parameters[:40])
        return on_all_inputs(self.name, network, parse("max(t)"))


TASK = LargestToken()
