"""Networks within networks, as the cells and flows that they are made of."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from .cell import Cell
from .flows import Flow, composed
from .wiring import Wiring


def flattened(cells: Mapping[str, Cell], inner: Mapping[str, Wiring], flows: Sequence[Flow], read: str) -> Wiring:
    """Cells and flows with those of `inner` networks in these networks' places."""
    flat: dict[str, Cell] = {}
    joined: list[Flow] = []
    for name, cell in cells.items():
        flat |= {f"{name}/{part}": own for part, own in inner[name].cells.items()} if name in inner else {name: cell}
    for name, wiring in inner.items():
        for flow in wiring.present_flows():
            if _cell_of(flow.source) in wiring.cells:
                joined.append(replace(flow, source=f"{name}/{flow.source}", target=f"{name}/{flow.target}"))
    for flow in flows:
        outside = replace(flow, source=_from_outside(flow.source, inner))
        name = _cell_of(flow.target)
        joined += _into(inner[name], name, outside) if name in inner else [outside]
    return Wiring(flat, joined, _from_outside(read, inner))


def _into(wiring: Wiring, name: str, flow: Flow) -> list[Flow]:
    """A flow to an input of a network within, as flows to the cells that this input reaches."""
    port = flow.target.partition(".")[2] or next(iter(wiring.inputs), "")
    reached = [own for own in wiring.present_flows() if own.source == port]
    if not reached:
        raise ValueError(f"expected an input of {name!r}: {', '.join(wiring.inputs)}, received {flow.target!r}")
    return [
        Flow(flow.source, f"{name}/{own.target}", composed(own.weight, flow.weight), own.gain * flow.gain, flow.delay)
        for own in reached
    ]


def _cell_of(name: str) -> str:
    return name.partition(".")[0]


def _from_outside(name: str, inner: Mapping[str, Wiring]) -> str:
    """What a network's name alone means as a source: what it reads."""
    return f"{name}/{inner[name].reading}" if name in inner else name
