# SPDX-License-Identifier: BSD-3-Clause
"""Prints the rooms of the package by floor, with the imports of each, then arrows that point up, and cycles.

python -m tools.rooms [FOLDER]    FOLDER: the package, or one of its folders; src/sockfilter unless given

A room is a module or a folder of FOLDER. An arrow leads from one room to another if a module of the first imports a
module of the second. Late imports and imports for types count too. A room stands above all rooms that it imports. Rooms
that import one another are ordered so that few arrows point up. The package's __init__.py, which only re-exports names,
is not a room.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1] / "src/sockfilter"

Graph = dict[str, set[str]]


def modules(package: Path) -> dict[str, Path]:
    """Returns the modules of a package by their dotted names, which begin with the package's name."""
    found = {}
    for path in sorted(package.rglob("*.py")):
        parts = [package.name, *path.relative_to(package).with_suffix("").parts]
        found[".".join(parts).removesuffix(".__init__")] = path
    del found[package.name]
    return found


def imports(path: Path, known: Mapping[str, Path]) -> Iterator[str]:
    """Yields the known modules that a module imports anywhere."""
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            whole = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [name if name in known else node.module for name in whole]
        yield from (name for name in names if name in known)


def graph_of(package: Path) -> Graph:
    """Returns, for each module of a package, the modules of the package that it imports."""
    known = modules(package)
    return {name: set(imports(path, known)) - {name} for name, path in known.items()}


def rooms_of(graph: Graph, folder: str) -> Graph:
    """Returns the graph of the modules and folders in a folder, given by its dotted name. Others are left out."""

    def room(module: str) -> str:
        return module[len(folder) + 1 :].partition(".")[0]

    inside = [name for name in graph if name.startswith(f"{folder}.")]
    made: Graph = {room(name): set() for name in inside}
    for name in inside:
        made[room(name)] |= {room(other) for other in graph[name] if other in inside} - {room(name)}
    return made


def circles(graph: Graph) -> list[list[str]]:
    """Returns the strongly connected components of two or more rooms."""
    reached = {name: _reached(graph, name) for name in graph}
    groups = {tuple(sorted(o for o in reached[name] if name in reached[o])) for name in graph if name in reached[name]}
    return [list(group) for group in sorted(groups)]


def _reached(graph: Graph, start: str) -> set[str]:
    found: set[str] = set()
    left = [start]
    while left:
        new = graph[left.pop()] - found
        found |= new
        left += new
    return found


def floors(graph: Graph) -> dict[str, int]:
    """Returns the floor of each room, counted from 1."""
    made: dict[str, int] = {}
    left = set(graph)
    while left:
        below = {name: graph[name] & left for name in left}
        # who imports nothing of what is left, or else, of a circle with nothing below it, who imports least
        lowest = [n for n in sorted(left) if all(n in _reached(below, other) for other in _reached(below, n))]
        ready = min(lowest, key=lambda name: len(below[name]))
        made[ready] = 1 + max((made[other] for other in graph[ready] if other in made), default=0)
        left.remove(ready)
    return made


def arrows_up(graph: Graph) -> list[tuple[str, str]]:
    """Returns the arrows from a room to one on the same floor or a higher one."""
    floor = floors(graph)
    return sorted((one, other) for one in graph for other in graph[one] if floor[other] >= floor[one])


def main(folder: Path = PACKAGE) -> None:
    """Prints the rooms of a folder."""
    package = next(each for each in (folder, *folder.parents) if not (each.parent / "__init__.py").exists())
    graph = graph_of(package)
    rooms = rooms_of(graph, ".".join([package.name, *folder.relative_to(package).parts]))
    floor = floors(rooms)
    for name in sorted(rooms, key=lambda name: (-floor[name], name)):
        print(f"{floor[name]:2}  {name:14} {' '.join(sorted(rooms[name]))}".rstrip())
    up, small = arrows_up(rooms), circles(graph)
    for one, other in up:
        print(f"up: {one} > {other}")
    for group in circles(rooms):
        print(f"circle of rooms: {' '.join(group)}")
    for group in small:
        print(f"circle of modules: {' '.join(group)}")
    count = sum(map(len, rooms.values()))
    print(
        f"{len(rooms)} rooms, {count} arrows, {len(up)} up, {len(circles(rooms))} circles of rooms,"
        f" {len(small)} of modules"
    )


if __name__ == "__main__":
    main(*(Path(word).resolve() for word in sys.argv[1:2]))
