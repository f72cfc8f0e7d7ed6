"""Every input decided, beside a plain float64 evaluation of the same inputs in numpy, in one run.

    python benchmarks/every_input.py WEIGHTS|NETWORK.toml TASK [--jobs N]

Both count the right inputs and add up the losses; CPU time is of this process, so that a busy machine does not count.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from float_network import FloatNetwork

from mechproof.models.network import Network
from mechproof.models.recognition import recognise
from mechproof.models.recognition.network_file import load_network
from mechproof.models.tasks import task_of
from mechproof.models.tasks.task import Task
from mechproof.models.weights import load
from mechproof.rewrites.enumeration import decide

ROWS = 4096


def plainly(network: Network, task: Task) -> tuple[int, float]:
    """(right pairs of input and position, mean loss), in float64."""
    plain = FloatNetwork(network)
    right, losses = 0, 0.0
    for tokens in task.inputs.blocks(ROWS):
        logits, answers = plain.logits(tokens, task.read), task.answer(tokens)
        top = logits.max(-1, keepdims=True)
        own = np.take_along_axis(logits, answers[..., None], -1)
        losses += float((np.log(np.exp(logits - top).sum(-1, keepdims=True)) + top - own).sum())
        right += int((logits.argmax(-1) == answers).sum())
    return right, losses / task.inputs.size / len(task.read)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("network")
    parser.add_argument("task")
    parser.add_argument("--jobs", type=int, default=1)
    given = parser.parse_args()
    network = load_network(given.network) if given.network.endswith(".toml") else recognise(load(given.network))
    task = task_of(given.task, network)
    start = time.perf_counter(), time.process_time()
    found = decide(network, task, jobs=given.jobs)
    middle = time.perf_counter(), time.process_time()
    right, loss = plainly(network, task)
    end = time.perf_counter(), time.process_time()
    assert found.loss is not None
    print(
        f"every input  {middle[0] - start[0]:8.2f} s  {middle[1] - start[1]:8.2f} s CPU  {found.right} right, ", end=""
    )
    print(f"loss in [{float(found.loss.lower):.6e}, {float(found.loss.upper):.6e}]  {found.stages}")
    print(f"float64      {end[0] - middle[0]:8.2f} s  {end[1] - middle[1]:8.2f} s CPU  {right} right, loss {loss:.6e}")


if __name__ == "__main__":
    main()
