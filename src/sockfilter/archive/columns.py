"""JSON lines to the columns of a table, without an object for each value."""

from __future__ import annotations

from base64 import b64decode
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import json

from sockfilter.archive import schema
from sockfilter.statistics.routes import folded

# made once, and before the command gives up its rights: pyarrow imports other modules for its first scalar
NS, NAME, VALUE, HOST = pa.scalar(1e9), pa.scalar(0), pa.scalar(1), pa.scalar("host")


def columns_of(name: str, lines: bytes, capture: str) -> pa.Table:
    """Returns the rows of a table.

    Args:
        name: the name of the table.
        lines: JSON lines of its kind.
        capture: the value of the column that names the capture.
    """
    table = schema.tables()[name]
    read = json.read_json(
        pa.BufferReader(lines),
        # one block: a line must not be longer than a block
        read_options=json.ReadOptions(use_threads=False, block_size=len(lines) + 1),
        parse_options=json.ParseOptions(explicit_schema=table.lines, unexpected_field_behavior="ignore"),
    ).combine_chunks()
    found = {each: _whole(read[each]) for each in table.lines.names}
    made = {**found, **(_of_exchange if name == schema.EXCHANGES else _of_message)(found)}
    for end in ("client", "server"):
        made |= _end(end, found[end])
    made["capture"] = pa.repeat(pa.scalar(capture), read.num_rows)
    return pa.table([made[each.name].cast(each.type) for each in table.columns], schema=table.columns)


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)


def _of_exchange(found: dict[str, pa.Array]) -> dict[str, pa.Array]:
    request, response = found["request"], found["response"]
    target = pc.struct_field(request, "target")
    made = {
        "method": pc.struct_field(request, "method"),
        "scheme": pc.struct_field(request, "scheme"),
        "host": pc.coalesce(pc.struct_field(request, "authority"), _first_host(pc.struct_field(request, "headers"))),
        "target": target,
        "route": _routes(target),
        "status": pc.struct_field(response, "status"),
        "reason": pc.struct_field(response, "reason"),
        "informational": _inside(found["informational"], lambda items: pc.struct_field(items, "status")),
    }
    for name in schema.DURATIONS:
        made[f"{name}_ns"] = pc.round(pc.multiply(pc.struct_field(found["timing"], name), NS)).cast(pa.int64())
    return {**made, **_half("request", request), **_half("response", response)}


def _half(name: str, half: pa.Array) -> dict[str, pa.Array]:
    fields = ("headers", "trailers")
    made = {f"{name}_{each}": _pairs(pc.struct_field(half, each)) for each in fields}
    made |= {f"{name}_{each}": pc.struct_field(half, each) for each in ("version", "headers_lost", "raw")}
    body = pc.struct_field(half, "body")
    content = {each: pc.struct_field(body, each) for each in schema.CONTENT_LINES}
    return made | {f"{name}_{each}": column for each, column in _content(content).items()}


def _of_message(found: dict[str, pa.Array]) -> dict[str, pa.Array]:
    return {**{new: found[old] for old, new in schema.RENAMED.items()}, **_content(found)}


def _content(found: dict[str, pa.Array]) -> dict[str, pa.Array]:
    made = {name: found[name] for name in schema.CONTENT if name != "data"}
    coded = found["base64"]
    if coded.null_count == len(coded):
        return {**made, "data": pa.nulls(len(coded), pa.binary())}
    return {**made, "data": pa.array([each and b64decode(each) for each in coded.to_pylist()], pa.binary())}


def _end(name: str, end: pa.Array) -> dict[str, pa.Array]:
    pid = pc.struct_field(end, "pid")
    process = [pc.struct_field(end, each) for each in schema.PROCESS]
    return {
        f"{name}_ip": pc.struct_field(end, "ip"),
        f"{name}_port": pc.struct_field(end, "port"),
        f"{name}_process": pa.StructArray.from_arrays(
            process, fields=[pa.field(*each) for each in schema.PROCESS.items()], mask=pc.is_null(pid)
        ),
    }


def _inside(lists: pa.Array, change: Any) -> pa.Array:
    """Returns the lists with their items changed. The lists are as read: their items are contiguous from the first."""
    return pa.ListArray.from_arrays(lists.offsets, change(lists.values), mask=pc.is_null(lists))


def _pairs(lists: pa.Array) -> pa.Array:
    """Returns fields, each of which is a list of its name and its value, as structs."""

    def structs(items: pa.Array) -> pa.Array:
        return pa.StructArray.from_arrays(
            [pc.list_element(items, NAME), pc.list_element(items, VALUE)], names=["name", "value"]
        )

    return _inside(lists, structs)


def _first_host(fields: pa.Array) -> pa.Array:
    """Returns the value of the first Host field of each request."""
    items = fields.values
    is_host = pc.equal(pc.utf8_lower(pc.list_element(items, NAME)), HOST)
    rows = pc.list_parent_indices(fields).filter(is_host)
    values = pc.list_element(items.filter(is_host), VALUE)
    # index_in() gives the first of several
    return values.take(pc.index_in(pa.array(range(len(fields)), rows.type), value_set=rows))


def _routes(targets: pa.Array) -> pa.Array:
    """Returns the routes. Each different target is folded once."""
    known = targets.dictionary_encode()
    named = pa.array([folded(target) for target in known.dictionary.to_pylist()], pa.string())
    return named.take(known.indices)
