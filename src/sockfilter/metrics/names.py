"""The metrics of exchanges, named by the semantic conventions of OpenTelemetry (1.40, http and rpc)."""

from __future__ import annotations

from typing import NamedTuple

from sockfilter.metrics.registry import BYTES, SECONDS, Metric, MetricKind

# labels that are there on demand, by their names in --prometheus-labels
MORE_LABELS = {
    "host": "server_address",
    "process": "process_executable_name",
    "container": "container_id",
}
COMMON = (
    "http_request_method",
    "http_response_status_code",
    "error_type",
    "network_protocol_version",
    "url_scheme",
    "server_port",
)
CALLED = ("rpc_system_name", "rpc_method", "rpc_response_status_code", "server_port")
ACTIVE = ("http_request_method", "url_scheme", "server_port")
# http.server.* has a route; http.client.* knows the template of what it asks for
ROUTES = {"server": "http_route", "client": "url_template"}


class SideMetrics(NamedTuple):
    """The metrics of one side: of servers, or of clients."""

    duration: Metric
    request_size: Metric
    response_size: Metric
    active: Metric
    call: Metric


def side_metrics(side: str, more: tuple[str, ...] = ()) -> SideMetrics:
    """Returns the metrics of a side, "server" or "client". more: further labels."""
    labels = (ROUTES[side], *COMMON, *more)
    http, whose = f"http_{side}", f"HTTP requests whose {side} is on this machine"
    histogram = MetricKind.HISTOGRAM
    return SideMetrics(
        Metric(f"{http}_request_duration_seconds", histogram, f"Duration of {whose}.", labels, SECONDS),
        Metric(f"{http}_request_body_size_bytes", histogram, f"Bodies of {whose}, as sent.", labels, BYTES),
        Metric(f"{http}_response_body_size_bytes", histogram, f"Bodies of responses to {whose}.", labels, BYTES),
        Metric(f"{http}_active_requests", MetricKind.GAUGE, f"{whose[:4]} requests that are under way.", ACTIVE),
        Metric(f"rpc_{side}_call_duration_seconds", histogram, f"Duration of gRPC calls, {side}.", CALLED, SECONDS),
    )


MESSAGES = Metric(
    "sockfilter_messages_total",
    MetricKind.COUNTER,
    "Messages without a response: of WebSocket, server-sent events, MQTT, AMQP and SMTP.",
    ("protocol", "kind", "sender", "server_port"),
)
MESSAGE_BYTES = MESSAGES._replace(name="sockfilter_message_bytes_total", help="Bytes of the content of these messages.")
PROBLEMS = Metric(
    "sockfilter_problems_total", MetricKind.COUNTER, "Exchanges with a problem, by its name.", ("problem", "server_port")
)
TCP_RTT = Metric(
    "sockfilter_http_tcp_rtt_seconds",
    MetricKind.GAUGE,
    "The last smoothed round-trip time that TCP had after an exchange.",
    ("end", "server_port"),
)
RETRANSMITTED = Metric(
    "sockfilter_http_tcp_retransmitted_segments_total",
    MetricKind.COUNTER,
    "Segments of exchanges that were sent again.",
    ("end", "server_port"),
)
RETRANSMITTED_BYTES = RETRANSMITTED._replace(
    name="sockfilter_http_tcp_retransmitted_bytes_total", help="Bytes of exchanges that were sent again."
)
DROPPED = Metric(
    "sockfilter_http_tcp_drops_total",
    MetricKind.COUNTER,
    "Segments of exchanges that the kernel of this machine dropped.",
    ("reason", "server_port"),
)
OTHERS = (MESSAGES, MESSAGE_BYTES, PROBLEMS, TCP_RTT, RETRANSMITTED, RETRANSMITTED_BYTES, DROPPED)
