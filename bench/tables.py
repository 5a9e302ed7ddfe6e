"""The results as Markdown: medians over the rounds, the ratio, and what the two ends do without a server."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median

from measure import Cost
from scenarios import Backlog, Scenario

MEBI = 2**20
_COST_HEADS = ("msg/s", "CPU-s/1,000", "PSS MiB")


@dataclass
class Results:
    """What was measured, in rounds.  A turn that failed left nothing."""

    costs: dict[tuple[str, str], list[Cost]] = field(default_factory=dict)  # by scenario and peer
    straight: dict[str, list[Cost]] = field(default_factory=dict)  # by scenario
    backlogs: dict[str, list[Backlog]] = field(default_factory=dict)  # by peer
    others_shares: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class _BacklogRow:
    title: str
    read: Callable[[Backlog], float]
    form: str
    less_is_better: bool = False


_BACKLOG_ROWS = (
    _BacklogRow("accepted, first tenth, msg/s", lambda b: b.first_rate, "{:,.0f}"),
    _BacklogRow("accepted, last tenth, msg/s", lambda b: b.last_rate, "{:,.0f}"),
    _BacklogRow("last tenth against the first", lambda b: b.last_rate / b.first_rate, "{:.2f}"),
    _BacklogRow("accepted, all, msg/s", lambda b: b.rate, "{:,.0f}"),
    _BacklogRow("CPU-s/1,000 accepted", lambda b: b.cpu_seconds_per_thousand, "{:.2f}", less_is_better=True),
    _BacklogRow("PSS while filling, MiB", lambda b: b.filling_pss_octets / MEBI, "{:.0f}", less_is_better=True),
    _BacklogRow("PSS with the queue full, MiB", lambda b: b.full_pss_octets / MEBI, "{:.0f}", less_is_better=True),
    _BacklogRow("mailq, all of it, s", lambda b: b.listing_seconds, "{:.2f}", less_is_better=True),
    _BacklogRow("restart to first 220, s", lambda b: b.restart_seconds, "{:.2f}", less_is_better=True),
    _BacklogRow("drained once the host lives, msg/s", lambda b: b.drain_rate, "{:,.0f}"),
    _BacklogRow("CPU-s/1,000 drained", lambda b: b.drain_cpu_seconds_per_thousand, "{:.2f}", less_is_better=True),
    _BacklogRow("PSS while draining, MiB", lambda b: b.drain_pss_octets / MEBI, "{:.0f}", less_is_better=True),
)


def cost_table(results: Results, scenarios: dict[str, Scenario], peers: Sequence[str]) -> str:
    """A row for each scenario.  The last columns are the load straight to the sink, and our rate as a share of it."""
    heads = ["scenario", *(head for peer in peers for head in (f"{peer} {_COST_HEADS[0]}", *_COST_HEADS[1:]))]
    lines = [[*heads, "ratio", "straight to the sink msg/s", "posthouse of that"]]
    for name, scenario in scenarios.items():
        messages = scenario.load.messages
        rates = {peer: _rate(results.costs.get((name, peer), []), messages) for peer in peers}
        straight, ours = _rate(results.straight.get(name, []), messages), rates.get("posthouse")
        cells = [cell for peer in peers for cell in _cost_cells(results.costs.get((name, peer), []), messages)]
        share = f"{ours / straight:.0%}" if ours and straight else "-"
        ratio = _ratio(ours, rates.get("postfix"), less_is_better=False)
        lines.append([f"{scenario.title}, {messages:,}", *cells, ratio, _shown(straight, "{:,.0f}"), share])
    return _markdown(lines)


def backlog_table(results: Results, messages: int, peers: Sequence[str]) -> str:
    """A row for each figure of the backlog."""
    lines = [[f"backlog of {messages:,} to a dead host", *peers, "ratio"]]
    for row in _BACKLOG_ROWS:
        found = {peer: list(map(row.read, results.backlogs.get(peer, []))) for peer in peers}
        middle = {peer: median(numbers) if numbers else None for peer, numbers in found.items()}
        ratio = _ratio(middle.get("posthouse"), middle.get("postfix"), less_is_better=row.less_is_better)
        lines.append([row.title, *(_shown(middle[peer], row.form) for peer in peers), ratio])
    return _markdown(lines)


def ends_line(results: Results, scenarios: dict[str, Scenario]) -> str:
    """What the load and the sink themselves took: where it is much, they are what was measured."""
    parts = []
    for name, costs in results.straight.items():
        each = 1000 / scenarios[name].load.messages
        parts.append(f"{name} {median(cost.load_cpu_seconds for cost in costs) * each:.2f}")
    return f"CPU-s per 1,000 messages of smtp-source and smtp-sink without a server: {', '.join(parts)}."


def turn_line(cost: Cost, messages: int) -> str:
    """One turn, for the person who watches."""
    each = 1000 / messages
    return (
        f"{messages / cost.seconds:,.0f} msg/s, {cost.cpu_seconds * each:.2f} CPU-s/1,000"
        f" (load and sink {cost.load_cpu_seconds * each:.2f}), {cost.peak_pss_octets / MEBI:.0f} MiB,"
        f" {cost.flushes / messages:.2f} flushes per message, others {cost.others_share:.0%} of the machine"
    )


def backlog_line(backlog: Backlog) -> str:
    """One turn with a backlog, for the person who watches."""
    return ", ".join(f"{row.title} {row.form.format(row.read(backlog))}" for row in _BACKLOG_ROWS)


def _cost_cells(costs: list[Cost], messages: int) -> list[str]:
    if not costs:
        return ["failed", "-", "-"]
    cpu = median(cost.cpu_seconds for cost in costs) * 1000 / messages
    pss = median(cost.peak_pss_octets for cost in costs) / MEBI
    return [_shown(_rate(costs, messages), "{:,.0f}"), f"{cpu:.2f}", f"{pss:.0f}"]


def _rate(costs: list[Cost], messages: int) -> float | None:
    return messages / median(cost.seconds for cost in costs) if costs else None


def _ratio(ours: float | None, theirs: float | None, *, less_is_better: bool) -> str:
    """How many times better we are; more than 1 is better for us in every row."""
    if not ours or not theirs:
        return "-"
    return f"{theirs / ours if less_is_better else ours / theirs:.2f}"


def _shown(number: float | None, form: str) -> str:
    return "-" if number is None else form.format(number)


def _markdown(lines: list[list[str]]) -> str:
    head, *rows = ("| " + " | ".join(line) + " |" for line in lines)
    return "\n".join([head, "|---" * len(lines[0]) + "|", *rows])
