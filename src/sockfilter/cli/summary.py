"""The ledger for people: what was seen, and each loss with the option that helps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sockfilter.cli import closed
from sockfilter.forms.sizes import count_text

if TYPE_CHECKING:
    from sockfilter.cli.looking import Onlooker
    from sockfilter.ledger import Ledger


def summary(ledger: Ledger, shown: int, onlooker: Onlooker | None = None) -> str:
    """Returns some lines for the end of a capture.

    Args:
        ledger: the counters of the capture.
        shown: the number of exchanges written to the output; -c omits those after the last one.
        onlooker: finds the TLS libraries in use. None: nobody may look.
    """
    messages = ledger.messages
    left_out = "" if shown == messages.exchanges else f"{shown} of "
    lines = [
        f"{left_out}{count_text(messages.exchanges, 'exchange')}, {count_text(messages.requests, 'request')},"
        f" {count_text(messages.responses, 'response')}, {_seen(ledger)} seen"
    ]
    unpaired = ", ".join(f"{reason} {number}" for reason, number in sorted(messages.unpaired.items()))
    if unpaired:
        lines.append(f"messages without their other half: {unpaired}")
    lines += [f"{name}: {number} ({remedy})" for name, (number, remedy) in ledger.losses().items()]
    if ledger.tls.connections:
        lines.append(_tls(ledger))
    streamed = ", ".join(f"{name} {number}" for name, number in sorted(messages.stream_messages.items()))
    if streamed:
        lines.append(f"messages on streams: {streamed}")
    if count := ledger.calls.get("past_network", 0):
        lines.append(f"{count_text(count, 'connection')} went past the network (sockmap): packets cannot show them")
    if of_tls := closed.said_of(ledger, onlooker):
        lines.append(of_tls)
    return "\n".join(lines)


def _tls(ledger: Ledger) -> str:
    """What became of the connections of TLS, and of their records."""
    tls, secrets = ledger.tls, ledger.secrets
    parts = {
        "without a secret": tls.no_secret,
        "not opened by their secret": tls.failed,
        "left out": tls.left_out,
    }
    others = "".join(f", {count} {words}" for words, count in parts.items() if count)
    none_used = f"; none of {count_text(secrets.seen, 'secret')} was used" if secrets.seen else "; no secret has come"
    unused = none_used if secrets.unused == secrets.seen else ""
    reasons = closed.said_of_missing_hellos(ledger), closed.said_of_mid_stream(ledger)
    unread = "".join(f"; {reason}" for reason in reasons if reason)
    lost = f"; {count_text(secrets.lost, 'secret')} lost" if secrets.lost else ""
    return (
        f"TLS: {tls.connections_opened} of {count_text(tls.connections, 'connection')} opened, "
        f"{count_text(tls.opened, 'record')} opened{others}{unused}{lost}{unread}"
    )


def undecided(count: int, kept: int) -> str:
    """Returns a line about exchanges that a filter may have left out for lack of their whole bodies.

    Args:
        count: the number of exchanges.
        kept: the number of bytes that were kept of each body.
    """
    return (
        f"{count_text(count, 'exchange')} did not match, with bodies of which {kept} bytes or fewer were kept"
        f" (--body all keeps whole bodies)"
    )


def _seen(ledger: Ledger) -> str:
    return count_text(ledger.calls["seen"], "call") if ledger.calls else count_text(ledger.packets["seen"], "packet")


def one_line(ledger: Ledger, shown: int) -> str:
    """Returns the summary on one line, for a report during the capture."""
    return summary(ledger, shown).replace("\n", "; ")
