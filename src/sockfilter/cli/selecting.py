"""What -Y makes of the other options: it needs bodies, and it narrows the capture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sockfilter.captures.selection import Selection
from sockfilter.errors import InvalidArgument
from sockfilter.filters.where import Where
from sockfilter.model.protocols import OPTIONAL, wanted

if TYPE_CHECKING:
    from sockfilter.cli.arguments import Options
    from sockfilter.model.policy import BodyPolicy

# Bytes to keep of each body for a filter that reads bodies, if --body does not say how many: most bodies of an API are
# smaller, and --memory holds some hundreds of them at once.
BODY_BYTES = 1 << 20


def selection(options: Options) -> Selection:
    """Returns the selection for -Y. Raises InvalidArgument if it asks for what is not captured."""
    made = Selection(Where(*options.filters))
    unread = sorted(made.requires.protocols & (frozenset(OPTIONAL) - wanted(options.protocols, _default(options))))
    if unread:
        raise InvalidArgument(f"-Y asks for {unread[0]}, which is not read: add --protocols {','.join(unread)}")
    requires = made.requires
    if requires.process and options.processes is False:
        raise InvalidArgument(f"-Y reads {requires.process}, and --no-processes names no processes: remove it")
    if requires.tcp and options.tcp is False:
        raise InvalidArgument(f"-Y reads {requires.tcp}, which the kernel's TCP knows: remove --no-tcp")
    if requires.message and not options.messages:
        raise InvalidArgument(f"-Y reads {requires.message}, which only messages have: remove --no-messages")
    return made


def _default(options: Options) -> tuple[str, ...]:
    return OPTIONAL if options.read is not None else ()


def policy(chosen: Selection, shown: BodyPolicy, options: Options) -> BodyPolicy:
    """Returns what to keep of bodies.

    Args:
        chosen: what -Y selects.
        shown: what the output needs.
        options: the options given.

    Raises:
        InvalidArgument: the filter reads bodies, which the options do not keep.
    """
    field = chosen.requires.body
    if not field:
        return shown
    if options.has_body and options.body == 0:
        raise InvalidArgument(f"-Y reads {field}, and --body 0 keeps no bodies: remove --body 0")
    if shown.as_sent:
        raise InvalidArgument(
            f"-Y reads {field}, and --format raw keeps bodies as sent, so that they cannot be read: use -vv, or -w FILE"
        )
    limit = shown.limit if options.has_body else max(shown.limit, BODY_BYTES)
    return shown._replace(limit=limit, decodes=True)


def consequences(chosen: Selection, options: Options) -> list[str]:
    """Returns lines about what a filter makes the capture do."""
    ports, hosts, family, body, *_ = chosen.requires
    told = [
        ""
        if ports is None
        else f"ports {','.join(f'{low}-{high}' if low != high else str(low) for low, high in ports)}",
        "" if hosts is None else f"host {','.join(hosts)}",
        "" if family is None else f"IPv{family}",
    ]
    where = "the kernel" if options.read is None else "sockfilter"
    lines = []
    if any(told):
        lines.append(f"because of the filter, {where} leaves out everything but {', '.join(filter(None, told))}")
    if body:
        lines.append(f"because of the filter, which reads {body}, bodies are kept")
    return lines
