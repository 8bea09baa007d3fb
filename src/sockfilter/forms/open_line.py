"""An open TCP connection as a line of text, and as a dict for JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sockfilter.forms.connection_dict import connection_dict
from sockfilter.forms.connection_line import route_of, sent_text
from sockfilter.forms.sizes import duration_text, size_text

if TYPE_CHECKING:
    from sockfilter.model.tcp_connection import OpenConnection

STATE_WIDTH = 12


def open_line(opened: OpenConnection) -> str:
    """Returns a line for an open connection."""
    connection = opened.connection
    states = [peer.state.word for peer in (connection.client, connection.server) if peer.state is not None]
    # both ends are in the same state in the usual case
    said = [f"{'/'.join(dict.fromkeys(states)):<{STATE_WIDTH}}", route_of(connection), sent_text(connection)]
    if connection.opened_ns is not None and connection.ended_ns is not None:
        said.append(f"open {duration_text(connection.age_ns)}")
    if connection.rtt_us is not None:
        said.append(f"rtt {duration_text(connection.rtt_us * 1000)}")
    if connection.retransmitted:
        said.append(f"{connection.retransmitted} retransmitted")
    for name, sizes in (("unread", opened.unread), ("not acknowledged", opened.unacknowledged)):
        said += [
            f"{name} at the {end}: {size_text(size)}"
            for end, size in zip(("client", "server"), sizes, strict=True)
            if size
        ]
    if opened.idle_ms is not None:
        said.append(f"idle {duration_text(opened.idle_ms * 1_000_000)}")
    return "  ".join(filter(None, said))


def open_dict(opened: OpenConnection, show_secrets: bool = False) -> dict[str, Any]:
    """Returns an open connection: one of the kind connection without an end, with its queues."""
    made = connection_dict(opened.connection, show_secrets)
    for name, unread, unacknowledged in zip(("client", "server"), opened.unread, opened.unacknowledged, strict=True):
        if unread is not None:
            made[name] |= {"unread": unread, "unacknowledged": unacknowledged}
    return made if opened.idle_ms is None else made | {"idle": opened.idle_ms / 1000}
