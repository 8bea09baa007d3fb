"""What --otlp takes from the environment: the variables of OpenTelemetry's exporters.

https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables and .../protocol/exporter
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sockfilter.errors import InvalidArgument
from sockfilter.traces.address import CollectorAddress, address_of
from sockfilter.traces.exporter import BATCH_S, BATCH_SPANS, WAITING_SPANS, ExportLimits
from sockfilter.traces.sampling import Sampler

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

EXPORTER = "OTEL_EXPORTER_OTLP_"
TRACES = "OTEL_EXPORTER_OTLP_TRACES_"
DEFAULT_URL = "http://localhost:4318"
PROTOCOL = "http/protobuf"
TIMEOUT_MS = 10_000
# a larger number is a mistake
NUMBER_MAX = 10_000_000
SAMPLERS = {
    "always_on": Sampler(1.0, False),
    "always_off": Sampler(0.0, False),
    "traceidratio": Sampler(1.0, False),
    "parentbased_always_on": Sampler(1.0, True),
    "parentbased_always_off": Sampler(0.0, True),
    "parentbased_traceidratio": Sampler(1.0, True),
}


class OtlpSettings(NamedTuple):
    """How to send traces.

    Attributes:
        address: where the collector is.
        headers: fields of each request.
        tls: how to open TLS; None: the address is not https.
        timeout_s: seconds that a request may take.
        compresses: whether to compress requests.
        resource: attributes of all resources.
        sampler: decides which traces are sent.
        limits: the limits of the exporter.
    """

    address: CollectorAddress
    headers: dict[str, str]
    tls: ssl.SSLContext | None
    timeout_s: float
    compresses: bool
    resource: dict[str, str]
    sampler: Sampler
    limits: ExportLimits


def settings(url: str, environ: Mapping[str, str]) -> OtlpSettings:
    """Returns the settings of the environment.

    Args:
        url: the URL that was given; empty: none was.
        environ: the environment.

    Raises:
        InvalidArgument: a variable has an invalid value.
    """
    address = _address(url, environ)
    protocol = _of_exporter("PROTOCOL", environ)[1] or PROTOCOL
    if protocol != PROTOCOL:
        raise InvalidArgument(
            f"OTEL_EXPORTER_OTLP_PROTOCOL={protocol}: sockfilter sends {PROTOCOL}; collectors take it at 4318"
        )
    compression = _of_exporter("COMPRESSION", environ)[1] or "gzip"
    if compression not in ("gzip", "none"):
        raise InvalidArgument(f"OTEL_EXPORTER_OTLP_COMPRESSION={compression}: use gzip or none")
    resource = _pairs("OTEL_RESOURCE_ATTRIBUTES", environ.get("OTEL_RESOURCE_ATTRIBUTES", ""))
    if name := environ.get("OTEL_SERVICE_NAME"):
        resource["service.name"] = name
    limits = ExportLimits(
        _number("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", environ, BATCH_SPANS),
        _number("OTEL_BSP_SCHEDULE_DELAY", environ, int(BATCH_S * 1000)) / 1000,
        _number("OTEL_BSP_MAX_QUEUE_SIZE", environ, WAITING_SPANS),
    )
    timeout_name = next((f"{each}TIMEOUT" for each in (TRACES, EXPORTER) if environ.get(f"{each}TIMEOUT")), "")
    return OtlpSettings(
        address,
        _pairs(*_of_exporter("HEADERS", environ), is_header=True),
        _tls(environ) if address.scheme == "https" else None,
        _number(timeout_name, environ, TIMEOUT_MS) / 1000,
        compression == "gzip",
        resource,
        _sampler(environ),
        limits._replace(batch_spans=min(limits.batch_spans, limits.waiting_spans)),
    )


def _address(url: str, environ: Mapping[str, str]) -> CollectorAddress:
    if url:
        return address_of(url)
    for name, is_whole in ((f"{TRACES}ENDPOINT", True), (f"{EXPORTER}ENDPOINT", False)):
        if found := environ.get(name):
            try:
                return address_of(found, is_whole=is_whole)
            except InvalidArgument as error:
                raise InvalidArgument(f"{name}: {error}") from None
    return address_of(DEFAULT_URL)


def _of_exporter(name: str, environ: Mapping[str, str]) -> tuple[str, str]:
    """Returns the variable of an exporter for traces, or else for all, and its value; empty: it has none."""
    for prefix in (TRACES, EXPORTER):
        if found := environ.get(prefix + name, "").strip():
            return prefix + name, found
    return EXPORTER + name, ""


def _pairs(name: str, text: str, *, is_header: bool = False) -> dict[str, str]:
    """Returns the pairs of a variable such as "a=1,b=2", whose values are percent-encoded."""
    from urllib.parse import unquote

    found = {}
    for pair in filter(None, (each.strip() for each in text.split(","))):
        key, sign, value = pair.partition("=")
        key, value = unquote(key.strip()), unquote(value.strip())
        # The value may be a secret, so that it is not shown.
        if not sign or not key or (is_header and not (f"{key}{value}".isprintable() and f"{key}{value}".isascii())):
            raise InvalidArgument(f"{name}: use NAME=VALUE,NAME=VALUE, with other characters percent-encoded")
        found[key] = value
    return found


def _number(name: str, environ: Mapping[str, str], default: int) -> int:
    text = environ.get(name, "").strip()
    if not text:
        return default
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(NUMBER_MAX)) and 1 <= int(text) <= NUMBER_MAX):
        raise InvalidArgument(f"{name}={text}: use a whole number from 1 to {NUMBER_MAX}")
    return int(text)


def _sampler(environ: Mapping[str, str]) -> Sampler:
    name = environ.get("OTEL_TRACES_SAMPLER", "").strip() or "parentbased_always_on"
    if name not in SAMPLERS:
        raise InvalidArgument(f"OTEL_TRACES_SAMPLER={name}: use one of {', '.join(SAMPLERS)}")
    argument = environ.get("OTEL_TRACES_SAMPLER_ARG", "").strip()
    if not name.endswith("traceidratio") or not argument:
        return SAMPLERS[name]
    try:
        ratio = float(argument)
    except ValueError:
        ratio = -1
    if not 0 <= ratio <= 1:
        raise InvalidArgument(f"OTEL_TRACES_SAMPLER_ARG={argument}: use a number from 0 to 1")
    return SAMPLERS[name]._replace(ratio=ratio)


def _tls(environ: Mapping[str, str]) -> ssl.SSLContext:
    """Reads the certificates now, while there are rights for it. Raises InvalidArgument."""
    import ssl

    name, authority = _of_exporter("CERTIFICATE", environ)
    try:
        context = ssl.create_default_context(cafile=authority or None)
        name, certificate = _of_exporter("CLIENT_CERTIFICATE", environ)
        authority = certificate
        if certificate:
            context.load_cert_chain(certificate, _of_exporter("CLIENT_KEY", environ)[1] or None)
    except OSError as error:
        raise InvalidArgument(f"{name}={authority}: {getattr(error, 'strerror', None) or error}") from error
    return context
