"""Which members of a graph lead back to themselves.

An alias on a cycle cannot be followed to an end; whether it is delivered to as a user is resolve's
decision.  The answer does not depend on the order in which the graph was walked.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import TypeVar

Node = TypeVar("Node", bound=Hashable)


def on_cycles(edges: Mapping[Node, Sequence[Node]]) -> set[Node]:
    """Return the nodes from which a path leads back to them.  Linear: two walks (Kosaraju's method)."""
    cyclic = {node for node, targets in edges.items() if node in targets}
    reverse: dict[Node, list[Node]] = {}
    for node, targets in edges.items():
        for target in targets:
            reverse.setdefault(target, []).append(node)
    finished = _walk(edges, edges, set())
    seen: set[Node] = set()
    for root in reversed(finished):
        component = _walk(reverse, (root,), seen)
        if len(component) > 1:
            cyclic.update(component)
    return cyclic


def _walk(edges: Mapping[Node, Sequence[Node]], roots: Iterable[Node], seen: set[Node]) -> list[Node]:
    """Walk depth first, without recursion, and return the newly seen nodes in the order in which they were finished."""
    finished: list[Node] = []
    for root in roots:
        if root in seen:
            continue
        seen.add(root)
        path = [(root, iter(edges.get(root, ())))]
        while path:
            node, targets = path[-1]
            target = next((target for target in targets if target not in seen), None)
            if target is None:
                path.pop()
                finished.append(node)
            else:
                seen.add(target)
                path.append((target, iter(edges.get(target, ()))))
    return finished
