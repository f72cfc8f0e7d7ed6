"""Timings beside peers: every figure in one run on one machine, medians, and ratios between them.

    python benchmarks/run.py [--rounds N] [--quick]

How long it will take is said at the start, and each measurement as it comes, on standard error; the table of medians is
standard output.  ``--quick``: one round of what takes seconds, in about a minute, without the peers in torch.

Each measurement is a process of its own; what it times starts after the imports and, but for "load", after loading.
Peak memory is that of the whole process.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from mechproof.claims.files import ClaimFile
from mechproof.claims.report import Report
from mechproof.claims.run import read, run
from mechproof.engine import checker
from mechproof.engine.graph import ProofGraph
from mechproof.models import zoo
from mechproof.models.problem import statement_of
from mechproof.rewrites.proof import prove
from mechproof.rewrites.rules.additive_margin import AdditiveMarginRule
from mechproof.rewrites.rules.enumeration import Enumeration
from mechproof.rewrites.standard_forms import paths_of
from mechproof.rewrites.strategies import prove_accuracy
from mechproof.sweeps.published import published_seconds
from mechproof.sweeps.running import verify

SUBCUBIC = "subcubic/exact/mean/EQKE"
NETWORK = zoo.path("max_of_4_v64_d32_seed50")
EXAMPLES = Path(__file__).parents[1] / "docs" / "examples" / "claims"
PEER = Path(__file__).with_name("torch_forward.py")


def statement():
    return statement_of(NETWORK)


def enumerate_all(subject) -> int:
    """Brute force alone, without the tree that a proof by that name also carries."""
    graph = ProofGraph()
    paths = paths_of(graph, subject)
    return graph.claim(graph.apply(Enumeration(), [graph.apply(AdditiveMarginRule(), [paths])])).low


def strategy(name: str, subject) -> str:
    return prove(subject, NETWORK.name, name).theorem.relation()


def verification(name: str, subject) -> Callable[[], str]:
    """What runs the rules of a proof alone, the proof being found before."""
    graph, goal = prove_accuracy(subject, name)

    def rules() -> str:
        verify(graph, goal)
        return graph.claim(goal).relation()

    return rules


def published_rules(part: str) -> Callable[[], str]:
    """The published sub-cubic code in float32 on one thread, its averaging rule (which is not sound) included."""
    import torch

    from mechproof.models.training import load as load_tensors
    from mechproof.rewrites.published import sub_cubic
    from mechproof.rewrites.published.network import FloatNetwork

    torch.set_num_threads(1)
    tensors = {name.rpartition(".")[2]: tensor for name, tensor in load_tensors(NETWORK).items()}
    network = FloatNetwork.of(tensors, torch.float32)
    configuration = sub_cubic.Configuration.of(SUBCUBIC.partition("/")[2])
    if part == "search":
        return lambda: f"largest gap {int(sub_cubic.search(network, configuration).max())}"
    gaps = sub_cubic.search(network, configuration)
    return lambda: f"not proved: {sub_cubic.replay(network, configuration, gaps).count()}"


def recheck(certificate: Path) -> str:
    return checker.check(str(certificate), str(NETWORK)).line.split(" sha256")[0]


def thirty_claims() -> Report:
    """Two shipped files about the network, 33 claims."""
    files = [read(EXAMPLES / name) for name in ("eqke_noise_ladder.toml", "mechanism.toml")]
    return run(ClaimFile("claims", tuple(claim for file in files for claim in file.claims)))


def recheck_claims(folder: Path) -> str:
    found = [checker.check(str(path), str(NETWORK)).status for path in sorted(folder.glob("certificates/*.json"))]
    return f"{found.count('VERIFIED')} of {len(found)} verified"


def torch_peer(name: str) -> str:
    import torch

    sys.path.insert(0, str(PEER.parent))
    from torch_forward import PEERS, THREADS

    torch.set_num_threads(THREADS)
    return "float32 count {}/{}".format(*PEERS[name](NETWORK))


def task(name: str) -> Callable[[], object]:
    """What to time, with everything that comes before it done."""
    match name:
        case "load":
            return lambda: statement().sha256
        case "branch_and_bound" | "separable" | "cubic":
            return partial(strategy, name, statement())
        case "sub-cubic search":
            return partial(strategy, SUBCUBIC, statement())
        case "sub-cubic verify":
            return verification(SUBCUBIC, statement())
        case "brute force":
            return partial(enumerate_all, statement())
        case "published search" | "published verify":
            return published_rules(name.partition(" ")[2])
        case "checker":
            certificate = Path(tempfile.mkdtemp()) / "certificate.json"
            certificate.write_bytes(prove(statement(), NETWORK.name).certificate)
            return partial(recheck, certificate)
        case "claims":
            return lambda: thirty_claims().summary
        case "claims check":
            folder = Path(tempfile.mkdtemp())
            thirty_claims().write(folder)
            return partial(recheck_claims, folder)
    return partial(torch_peer, name.removeprefix("torch "))


# Seconds of the whole process, about, on an idle machine with two cores: what the run's length is told from.
TASKS = {
    "load": 2,
    "branch_and_bound": 3,
    "separable": 3,
    "cubic": 2,
    "sub-cubic search": 2,
    "sub-cubic verify": 2,
    "published search": 5,
    "published verify": 5,
    "checker": 3,
    "claims": 10,
    "brute force": 10,
    "claims check": 40,
    "torch last": 45,
    "torch full": 100,
}
PEERS = ("torch full", "torch last")
QUICK = 10


def measure(name: str) -> None:
    work = task(name)
    start = time.perf_counter()
    result = work()
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "peak": peak, "result": str(result)}))


def rounds_of(names: list[str], rounds: int) -> dict[str, list[dict]]:
    """All measurements, told as they come."""
    figures: dict[str, list[dict]] = {name: [] for name in names}
    expected = rounds * sum(TASKS[name] for name in names)
    total, start, due = rounds * len(names), time.monotonic(), 0
    print(f"{total} measurements, about {clock(expected)} minutes on two idle cores", file=sys.stderr, flush=True)
    for number, name in enumerate(names * rounds, 1):
        done = subprocess.run([sys.executable, __file__, "--one", name], check=True, stdout=subprocess.PIPE, text=True)
        figures[name].append(found := json.loads(done.stdout))
        due += TASKS[name]
        gone = time.monotonic() - start
        left = f"{clock(gone)} gone, about {clock(gone / due * (expected - due))} to go"
        told = f"[{number:2}/{total}] {name:18}{found['seconds']:9.3f} s  {found['result'][:50]:50}  {left}"
        print(told, file=sys.stderr, flush=True)
    return figures


def clock(seconds: float) -> str:
    """Minutes and seconds."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def main(rounds: int, quick: bool) -> None:
    names = [name for name, seconds in TASKS.items() if not quick or seconds <= QUICK]
    figures = rounds_of(names, 1 if quick else rounds)
    medians = {name: statistics.median(run["seconds"] for run in runs) for name, runs in figures.items()}
    peers = [peer for peer in PEERS if peer in medians]
    print(f"{NETWORK.name}, medians of {len(figures[names[0]])}\n")
    heads = "".join(f"{peer.replace('torch ', '/'):>8}" for peer in peers)
    print(f"{'':18}{'seconds':>9}{'min':>9}{'max':>9}{'MiB':>7}{heads}  result")
    for name, runs in figures.items():
        times, peak = [run["seconds"] for run in runs], max(run["peak"] for run in runs)
        ratios = "".join(f"{medians[name] / medians[peer]:8.3f}" for peer in peers)
        row = f"{name:18}{medians[name]:9.3f}{min(times):9.3f}{max(times):9.3f}{peak:7.0f}"
        print(f"{row}{ratios}  {runs[0]['result'][:60]}")
    network, searched, verified = published_seconds()
    print(
        f"\nPublished figures, from another machine and not measured here: the reference implementation's median for a "
        f"sub-cubic configuration on {network} is {searched} s for the search and {verified} s for the verification."
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="how often each is measured")
    parser.add_argument("--quick", action="store_true", help="one round of what takes seconds, in about a minute")
    parser.add_argument("--one", choices=TASKS, metavar="NAME", help="measure one, here, and print it as JSON")
    wanted = parser.parse_args()
    if wanted.one:
        measure(wanted.one)
    else:
        main(wanted.rounds, wanted.quick)
