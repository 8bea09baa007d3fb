"""The schema of a dataset: the columns of its tables, and the members of the JSON lines that they are made of.

Columns are only added. Times of day are nanoseconds since 1970 in UTC, and durations are nanoseconds. What is not known
is null.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Mapping

# The version of the schema: it changes when a column is added.
VERSION = 1
EXCHANGES, MESSAGES = "exchanges", "messages"

TEXT, FLAG, BYTES, INT, NUMBER = pa.string(), pa.bool_(), pa.binary(), pa.int64(), pa.float64()
TIME = pa.timestamp("ns", "UTC")
TEXTS = pa.list_(TEXT)

PROCESS = {
    "pid": INT,
    "comm": TEXT,
    "exe": TEXT,
    "cmdline": TEXTS,
    "uid": INT,
    "inner_pid": INT,
    "container": TEXT,
    "pod": TEXT,
}
FIELDS = pa.list_(pa.struct({"name": TEXT, "value": TEXT}))
LOST_FIELDS = pa.list_(pa.struct({"at": INT, "name": TEXT, "value": TEXT}))
RESET = pa.struct({"code": INT, "name": TEXT, "by": TEXT})
PARENT = pa.struct({"id": INT, "why": TEXT})
PLACE = pa.struct({"ip": TEXT, "port": INT})
PATH = pa.list_(pa.struct({"interface": TEXT, "time": TIME, "client": PLACE, "server": PLACE}))
TLS = pa.struct({"version": TEXT, "suite": TEXT, "alpn": TEXT, "sni": TEXT, "resumed": FLAG, "opened": TEXT})
# The kernel's TCP: seconds, as in the JSON lines.
TCP_END = pa.struct(
    {
        **dict.fromkeys(("rtt", "rtt_min"), NUMBER),
        **dict.fromkeys(("cwnd", "retransmitted", "retransmitted_bytes", "timeouts"), INT),
        **dict.fromkeys(("zero_window", "lag", "busy"), NUMBER),
    }
)
DROP = pa.struct(
    {
        "bytes": INT,
        **dict.fromkeys(("from", "reason", "place", "interface"), TEXT),
        "again_after": NUMBER,
        "stack": TEXTS,
    }
)
TCP = pa.struct(
    {
        "client": TCP_END,
        "server": TCP_END,
        "drops": pa.list_(DROP),
        "upstream": pa.struct({"server": TEXT, "seconds": NUMBER}),
    }
)
CULPRIT = pa.struct({"word": TEXT, "evidence": TEXT, "seconds": NUMBER})
GRPC_SIDE = pa.struct({"count": INT, "first_message": NUMBER, "max_gap": NUMBER})
GRPC = pa.struct(
    {
        **{"service": TEXT, "method": TEXT, "status": INT, "status_name": TEXT, "message": TEXT, "web": FLAG},
        **{"request": GRPC_SIDE, "response": GRPC_SIDE},
    }
)
DURATIONS = ("connect", "send", "wait", "receive", "total", "queued", "think", "accept")
# A body: its bytes on the wire, its length, the bytes kept, and these as text, or as they are if they are not text.
CONTENT = {"wire_len": INT, "len": INT, "kept": INT, "text": TEXT, "data": BYTES}
CONTENT_LINES = {**{name: kind for name, kind in CONTENT.items() if name != "data"}, "base64": TEXT}
# Members that have the same name and type in a line and in the table.
OF_EXCHANGE = {
    "complete": FLAG,
    "problems": TEXTS,
    "retransmissions": INT,
    "pushed": FLAG,
    "reset": RESET,
    "parent": PARENT,
    "path": PATH,
    "tls": TLS,
    "tcp": TCP,
    "culprit": CULPRIT,
    "grpc": GRPC,
}
OF_MESSAGE = {
    "protocol": TEXT,
    "exchange": INT,
    "from": TEXT,
    "type": TEXT,
    "frames": INT,
    "compressed": FLAG,
    "event_id": TEXT,
    "channel": INT,
    "close": pa.struct({"code": INT, "reason": TEXT}),
    "problems": TEXTS,
    "fields": TEXT,
}
# Members of messages whose names are words of SQL, or would mean another thing beside the table of exchanges.
RENAMED = {"from": "sender", "type": "kind", "exchange": "exchange_id"}

Columns: TypeAlias = "dict[str, pa.DataType]"


class Table(NamedTuple):
    """A table of a dataset.

    Attributes:
        lines: the members of the JSON lines that it is made of.
        columns: its columns.
    """

    lines: pa.Schema
    columns: pa.Schema


@cache
def tables() -> Mapping[str, Table]:
    """Returns the tables of a dataset, by their names."""
    end = pa.struct({**{"ip": TEXT, "port": INT}, **PROCESS})
    pairs = pa.list_(TEXTS)
    half = {"version": TEXT, "headers": pairs, "trailers": pairs, "headers_lost": LOST_FIELDS, "raw": TEXT}
    half["body"] = pa.struct(CONTENT_LINES)
    request = pa.struct({**{"method": TEXT, "target": TEXT, "authority": TEXT, "scheme": TEXT}, **half})
    response = pa.struct({"status": INT, "reason": TEXT, **half})
    place = {"id": INT, "time": TIME, "interface": TEXT, "connection": INT}
    exchange = {
        **place,
        **{"conn_seq": INT, "stream": INT, "client": end, "server": end, "request": request, "response": response},
        "informational": pa.list_(pa.struct({"status": INT})),
        "timing": pa.struct(dict.fromkeys(DURATIONS, NUMBER)),
        **OF_EXCHANGE,
    }
    message = {**place, "client": end, "server": end, **OF_MESSAGE, **CONTENT_LINES}
    del message["id"]
    return {
        EXCHANGES: Table(pa.schema(exchange), pa.schema(_exchange_columns())),
        MESSAGES: Table(pa.schema(message), pa.schema(_message_columns())),
    }


def _exchange_columns() -> Columns:
    return {
        **{"capture": TEXT, "id": INT, "time": TIME, "interface": TEXT, "connection": INT, "conn_seq": INT},
        "stream": INT,
        **_ends(),
        **{"method": TEXT, "scheme": TEXT, "host": TEXT, "target": TEXT, "route": TEXT},
        **{"status": INT, "reason": TEXT},
        **{f"{name}_ns": INT for name in DURATIONS},
        **_half("request"),
        **_half("response"),
        "informational": pa.list_(INT),
        **OF_EXCHANGE,
    }


def _half(name: str) -> Columns:
    return {
        f"{name}_version": TEXT,
        f"{name}_headers": FIELDS,
        f"{name}_trailers": FIELDS,
        f"{name}_headers_lost": LOST_FIELDS,
        f"{name}_raw": TEXT,
        **{f"{name}_{column}": kind for column, kind in CONTENT.items()},
    }


def _ends() -> Columns:
    process = pa.struct(PROCESS)
    return {
        **{"client_ip": TEXT, "client_port": INT, "client_process": process},
        **{"server_ip": TEXT, "server_port": INT, "server_process": process},
    }


def _message_columns() -> Columns:
    return {
        **{"capture": TEXT, "time": TIME, "interface": TEXT, "connection": INT},
        **_ends(),
        **{RENAMED.get(name, name): kind for name, kind in OF_MESSAGE.items()},
        **CONTENT,
    }
