"""The sections of a transcript that introduce a network and its task, whatever is proved of them."""

from __future__ import annotations

from ..engine.transcript import Block, Code, Section, Table, paragraph, passage, prose
from ..models.layers.layer import Layer, spelled
from ..models.statement import Statement
from ..models.tasks.task import Task

# The labels of the two sections, to which theorems refer.
NETWORK, TASK = "the-network", "the-task"


def network_section(statement: Statement) -> Section:
    """The definition of the forward pass, layer by layer, with every symbol introduced."""
    network, task = statement.network, statement.task
    sizes = network.vocabulary(task.positions)
    one = len(set(sizes)) == 1
    tokens = f"0, \\dots, {sizes[0] - 1}" if one else "0, \\dots, V_p - 1"
    known = "" if one else f", with $(V_0, \\dots) = ({', '.join(map(str, sizes))})$"
    last = task.positions - 1
    names = ", ".join(f"t_{p}" for p in range(last + 1)) if last < 3 else f"t_0, \\dots, t_{{{last}}}"
    comma = "," * (last == 0)
    opening = passage(
        f"""
        An input is a tuple $t = ({names}{comma})$ of $K = {task.positions}$ tokens, one at each position $p$ from 0 to
        {last}; $t_p$ is one of ${tokens}${known}. The network computes a stream of row vectors, one a position:
        $x^{{(k)}}_p$ is the row at position $p$ behind layer $k$; rows of matrices are numbered from 0. Every function
        below is the real function of that name (exponentials, square roots), and every tensor holds the stored
        numbers, read as exact dyadic rationals; it carries the number of its layer.
        """
    )
    layers = tuple(
        Section(f"Layer {number}: {layer.kind}", (*named_tensors(layer, number), *passage(layer.definition(number))))
        for number, layer in enumerate(network.layers)
    )
    return Section("The network", (*opening, *layers, tensors_table(statement)), NETWORK)


def named_tensors(layer: Layer, number: int) -> tuple[Block, ...]:
    """The symbols of the layer's tensors, with their shapes; a head's part is that tensor's slice."""
    listed = ", ".join(f"${tensor_symbol(name, number)}$ ({spelled(shape)})" for name, shape in layer.shapes().items())
    if not listed:
        return ()
    return (paragraph(f"The layer's stored tensors: {listed}."),)


def tensor_symbol(name: str, number: int) -> str:
    """As definitions of layers write it.

    >>> tensor_symbol("W_in", 2), tensor_symbol("E_0", 0), tensor_symbol("P", 0)
    ('W_{\\\\mathrm{in}}^{(2)}', 'E^{(0)}_0', 'P^{(0)}')
    """
    letter, _, index = name.partition("_")
    if index.isdigit():
        return f"{letter}^{{({number})}}_{index}"
    below = f"_{{\\mathrm{{{index}}}}}" if len(index) > 1 else f"_{index}" if index else ""
    return f"{letter}{below}^{{({number})}}"


def tensors_table(statement: Statement) -> Table:
    """Every tensor of the network with its layer, its shape and the beginning of its hash."""
    rows = []
    described = statement.content()["network"]["layers"]
    for number, (layer, content) in enumerate(zip(statement.network.layers, described, strict=True)):
        hashes = content.get("tensors", {}) | (content.get("norm") or {}).get("tensors", {})
        for name, shape in layer.shapes().items():
            digest = hashes[name][:12]
            rows.append((prose(str(number)), (Code(name),), prose(spelled(shape)), (Code(digest),)))
    header = tuple(prose(text) for text in ("layer", "tensor", "shape", "sha256 begins"))
    return Table(header, tuple(rows), prose("The tensors, by layer."), sides=("right", "left", "left", "left"))


def task_section(task: Task) -> Section:
    """The input set with its size, the right answer, and what a tie is."""
    sets = "; ".join(f"position {p}: {words}" for p, words in enumerate(map(token_words, task.inputs.sets)))
    same = len(set(task.inputs.sets)) == 1
    tokens = f"At every position the tokens {token_words(task.inputs.sets[0])}." if same else f"Tokens: {sets}."
    conditions = {
        "none": "All tuples of these tokens are inputs",
        "distinct": "The inputs are the tuples of pairwise different tokens (where a position has more than one)",
        "repeated": (
            "The inputs are the tuples whose tokens but the last are pairwise different, and whose last token equals "
            "an earlier one that is not directly before it"
        ),
        "once": (
            "The inputs are the tuples whose last token stands exactly once before, at a position that is neither the "
            "first nor directly before it; the other tokens may repeat"
        ),
        "sorted": (
            "The inputs are lists of pairwise different numbers, behind them a separator and the same numbers in "
            "ascending order"
        ),
        "listed": "The inputs are those of a list, which is hashed with the statement",
    }
    read = f"position {task.read[0]}" if len(task.read) == 1 else f"positions {', '.join(map(str, task.read))}"
    each = "Every pair of an input and a read position is counted by itself." if task.counted == "pairs" else ""
    whole = "An input is right when it is right at each of them." if len(task.read) > 1 and not each else ""
    return Section(
        "The task",
        (
            paragraph(f"{tokens} {conditions[task.inputs.condition]}: ${task.inputs.size}$ inputs."),
            paragraph(f"The logits are read at {read}. The right answer there: {task.answer.meaning}."),
            paragraph(
                "The network is *right* when the logit of the right answer is strictly larger than every other logit; "
                f"a tie is wrong. {whole}{each}"
            ),
        ),
        TASK,
    )


def token_words(tokens: tuple[int, ...]) -> str:
    """A set of tokens in words.

    >>> token_words((0, 1, 2)), token_words((7,)), token_words((1, 3))
    ('0 to 2', '7', '1, 3')
    """
    if len(tokens) == 1:
        return str(tokens[0])
    if tokens[-1] - tokens[0] == len(tokens) - 1:
        return f"{tokens[0]} to {tokens[-1]}"
    shown = ", ".join(map(str, tokens[:20]))
    return shown if len(tokens) <= 20 else f"{shown}, … ({len(tokens)} tokens)"
