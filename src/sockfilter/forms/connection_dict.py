"""TCP connections, and what happened to them, as dicts for JSON. Fields are added, but never renamed or removed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sockfilter.forms.json_dict import time_text
from sockfilter.forms.processes import fields_of

if TYPE_CHECKING:
    from sockfilter.model import Endpoint, Process
    from sockfilter.model.tcp_connection import (
        Listener,
        QueueFull,
        TcpChange,
        TcpConnection,
        TcpDrop,
        TcpPeer,
        TcpReset,
    )
    from sockfilter.model.tcp_figures import TcpFigures


def connection_dict(connection: TcpConnection, show_secrets: bool = False) -> dict[str, Any]:
    """Returns a connection: times in seconds, sizes in bytes. What is not known is absent."""
    end = connection.end
    made = {
        "kind": "connection",
        "connection": connection.number,
        "time": _time(connection.opened_ns),
        "ended": _time(connection.ended_ns),
        "client": _peer(connection.client, show_secrets),
        "server": _peer(connection.server, show_secrets),
        "ends_known": connection.ends_known,
        "connect": connection.connect,
        "age": connection.age,
        "drops": connection.drops,
    }
    if end is not None:
        made["end"] = _known(
            {"how": str(end.how), "by": end.by, "reason": end.reason, "syns": end.syns or None, "dropped": end.dropped}
        )
    return _known(made)


def change_dict(change: TcpChange, show_secrets: bool = False) -> dict[str, Any]:
    """Returns a change of a socket's state."""
    return _known(
        {
            "kind": "state",
            "connection": change.number or None,
            "time": _time(change.time_ns),
            "here": _end(change.here),
            "there": _end(change.there),
            "before": change.before.word,
            "state": change.state.word,
            "process": _process(change.process, show_secrets),
            "lasted": _seconds(change.lasted_ns),
        }
    )


def drop_dict(drop: TcpDrop) -> dict[str, Any]:
    """Returns a dropped segment."""
    return _known(
        {
            "kind": "drop",
            "connection": drop.number or None,
            "time": _time(drop.time_ns),
            "sender": _end(drop.sender),
            "receiver": _end(drop.receiver),
            "reason": drop.reason,
            "at": drop.place,
            "interface": drop.interface,
            "netns": drop.netns or None,
            "seq": drop.seq,
            "bytes": drop.size,
            "flags": drop.flags,
            "stack": list(drop.stack) or None,
        }
    )


def reset_dict(reset: TcpReset, show_secrets: bool = False) -> dict[str, Any]:
    """Returns a reset."""
    return _known(
        {
            "kind": "reset",
            "connection": reset.number or None,
            "time": _time(reset.time_ns),
            "here": _end(reset.here),
            "there": _end(reset.there),
            "sent": reset.is_sent,
            "reason": reset.reason,
            "state": None if reset.state is None else reset.state.word,
            "process": _process(reset.process, show_secrets),
        }
    )


def listener_dict(listener: Listener, show_secrets: bool = False) -> dict[str, Any]:
    """Returns a listener."""
    return _known(
        {
            "kind": "listener",
            "here": _end(listener.here),
            "processes": [_process(process, show_secrets) for process in listener.processes],
            "since": _time(listener.since_ns),
            "waiting": listener.waiting,
            "backlog": listener.most,
            "full": listener.is_full,
            "turned_away": listener.dropped,
            "netns": listener.netns or None,
        }
    )


def queue_dict(full: QueueFull, show_secrets: bool = False) -> dict[str, Any]:
    """Returns a listener whose queue is full: one of the kind listener, with when, and how many it turned away."""
    more = {"time": _time(full.time_ns), "turned_away_now": full.turned_away}
    return {**listener_dict(full.listener, show_secrets), **more}


def _peer(peer: TcpPeer, show_secrets: bool) -> dict[str, Any]:
    return _known(
        {
            **_end(peer.endpoint),
            "process": _process(peer.process, show_secrets),
            "sent": peer.sent,
            "netns": peer.netns or None,
            "state": None if peer.state is None else peer.state.word,
            "queued": _seconds(peer.queued_ns),
            "tcp": None if peer.figures is None else _figures(peer.figures),
        }
    )


def _figures(figures: TcpFigures) -> dict[str, Any]:
    return _known(
        {
            "rtt": None if figures.rtt_us is None else figures.rtt_us / 1e6,
            "rtt_min": None if figures.rtt_min_us is None else figures.rtt_min_us / 1e6,
            "retransmitted": figures.retransmitted,
            "retransmitted_bytes": figures.retransmitted_bytes,
            "cwnd": figures.cwnd,
        }
    )


def _end(endpoint: Endpoint) -> dict[str, Any]:
    return {"ip": endpoint.ip, "port": endpoint.port}


def _process(process: Process | None, show_secrets: bool) -> dict[str, Any] | None:
    return None if process is None else fields_of(process, show_secrets)


def _time(ns: int | None) -> str | None:
    return None if ns is None else time_text(ns)


def _seconds(ns: int | None) -> float | None:
    return None if ns is None else ns / 1e9


def _known(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}
