"""The path of an exchange: the interfaces that it crossed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sockfilter.escape import printable
from sockfilter.forms.json_values import Json, clean_text
from sockfilter.forms.sizes import duration_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from sockfilter.model import Exchange
    from sockfilter.model.losses import Loss
    from sockfilter.model.path import Step


def path_member(exchange: Exchange, time_text: Callable[[int], str]) -> list[Json]:
    """The path as a member of the JSON line. time_text: writes nanoseconds since 1970."""
    return [_member(step, time_text) for step in exchange.path]


def path_line(exchange: Exchange) -> str:
    """The path as text: each interface, how long after the first one the request passed, and translated addresses."""
    path = exchange.path
    first_ns = next((step.time_ns for step in path if step.time_ns is not None), None)
    parts, before = [], None
    for step in path:
        text = _name(step)
        if step.time_ns is not None and first_ns is not None and step.time_ns != first_ns:
            text += f" +{duration_text(step.time_ns - first_ns)}"
        ends = (step.client, step.server)
        if before is not None and ends != before:
            text += f" ({printable(f'{step.client} > {step.server}')})"
        before = ends
        parts.append(text)
    return " > ".join(parts)


def lost_lines(exchange: Exchange) -> list[str]:
    """What was lost between the interfaces, as text."""
    made, before = [], ""
    for step in exchange.path:
        name = _name(step)
        for loss in step.lost:
            where = "" if loss.offset is None else f" from byte {loss.offset} on"
            sides = f"{before} and {name}" if loss.message == "request" else f"{name} and {before}"
            made.append(f"lost between {sides}: {loss.size} bytes of the {loss.message}{where}")
        before = name
    return made


def _name(step: Step) -> str:
    vlan = f" VLAN {'.'.join(map(str, step.vlan))}" if step.vlan else ""
    return printable(step.interface) + vlan


def _member(step: Step, time_text: Callable[[int], str]) -> Json:
    made: Json = {"interface": clean_text(step.interface)}
    if step.vlan:
        made["vlan"] = list(step.vlan)
    if step.time_ns is not None:
        made["time"] = time_text(step.time_ns)
    for name, end in (("client", step.client), ("server", step.server)):
        made[name] = {"ip": clean_text(end.ip), "port": end.port}
    if step.lost:
        made["lost"] = [_loss_member(loss, time_text) for loss in step.lost]
    return made


def _loss_member(loss: Loss, time_text: Callable[[int], str]) -> Json:
    made: Json = {"message": loss.message}
    if loss.offset is not None:
        made["offset"] = loss.offset
    made["bytes"] = loss.size
    if loss.time_ns is not None:
        made["sent_again"] = time_text(loss.time_ns)
    return made
