"""The resource of a span: the process that it belongs to, its container, and this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from sockfilter.forms.json_values import clean_text
from sockfilter.forms.processes import fields_of
from sockfilter.masking.tables import KeptTable
from sockfilter.traces.values import put

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sockfilter.model.process import Process

# processes whose resource is kept: masking secrets in a command line takes 100 us
PROCESSES_MAX = 256
# what the SDKs of OpenTelemetry name a service without a name
UNKNOWN = "unknown_service"
# members of a process by OpenTelemetry's names
NAMES = {
    "pid": "process.pid",
    "comm": "process.executable.name",
    "exe": "process.executable.path",
    "cmdline": "process.command_args",
    "uid": "process.user.id",
    "inner_pid": "process.vpid",
    "container": "container.id",
    "pod": "k8s.pod.uid",
}


class Resources:
    """Makes resources in the form of OTLP.

    Args:
        attributes: attributes of all resources. "service.name" replaces the name of the process.
        show_secrets: do not mask secrets.
    """

    def __init__(self, attributes: Mapping[str, str], *, show_secrets: bool = False) -> None:
        from opentelemetry.proto.resource.v1.resource_pb2 import Resource  # imported where spans are made

        self._resource = Resource
        self._attributes = attributes
        self._show_secrets = show_secrets
        self._kept: KeptTable[Process | None, bytes] = KeptTable(PROCESSES_MAX)

    def of(self, process: Process | None) -> bytes:
        """Returns the resource of a process; None: the process is not known."""
        return self._kept.get(process) or self._kept.keep(process, self._made(process))

    def _made(self, process: Process | None) -> bytes:
        made = self._resource()
        known = {} if process is None else fields_of(process, self._show_secrets)
        if "service.name" not in self._attributes:
            put(made.attributes, "service.name", clean_text(known.get("comm") or UNKNOWN))
        for name, value in self._attributes.items():
            put(made.attributes, name, clean_text(value))
        for name, member in known.items():
            put(made.attributes, NAMES[name], _clean(member))
        return cast("bytes", made.SerializeToString())


def _clean(value: Any) -> Any:
    """A member of a process as valid Unicode."""
    if isinstance(value, list):
        return [clean_text(each) for each in value]
    return clean_text(value) if isinstance(value, str) else value
