"""What --otlp takes from the variables of OpenTelemetry."""

from __future__ import annotations

import pytest

from sockfilter.cli.otlp_settings import settings
from sockfilter.errors import InvalidArgument
from sockfilter.traces.sampling import Sampler

EXPORTER = "OTEL_EXPORTER_OTLP_"


def test_defaults() -> None:
    found = settings("", {})
    assert str(found.address) == "http://localhost:4318/v1/traces"
    assert (found.headers, found.tls, found.timeout_s, found.compresses) == ({}, None, 10.0, True)
    assert (found.resource, found.sampler) == ({}, Sampler())


def test_variables() -> None:
    environ = {
        f"{EXPORTER}ENDPOINT": "http://all:1",
        f"{EXPORTER}TRACES_ENDPOINT": "http://traces:2/own",
        f"{EXPORTER}HEADERS": "Authorization=Bearer%20x, a=b",
        f"{EXPORTER}TIMEOUT": "2500",
        f"{EXPORTER}TRACES_COMPRESSION": "none",
        "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=test,service.name=no",
        "OTEL_SERVICE_NAME": "edge",
        "OTEL_TRACES_SAMPLER": "traceidratio",
        "OTEL_TRACES_SAMPLER_ARG": "0.25",
        "OTEL_BSP_MAX_QUEUE_SIZE": "100",
        "OTEL_BSP_SCHEDULE_DELAY": "50",
    }
    found = settings("", environ)
    assert str(found.address) == "http://traces:2/own"
    assert found.headers == {"Authorization": "Bearer x", "a": "b"}
    assert (found.timeout_s, found.compresses) == (2.5, False)
    assert found.resource == {"deployment.environment.name": "test", "service.name": "edge"}
    assert found.sampler == Sampler(0.25, False)
    assert (found.limits.waiting_spans, found.limits.batch_spans, found.limits.batch_s) == (100, 100, 0.05)
    assert str(settings("http://given", environ).address) == "http://given:80/v1/traces"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (f"{EXPORTER}ENDPOINT", "localhost:4318"),
        (f"{EXPORTER}PROTOCOL", "grpc"),
        (f"{EXPORTER}COMPRESSION", "zstd"),
        (f"{EXPORTER}TIMEOUT", "10s"),
        (f"{EXPORTER}HEADERS", "hush"),
        (f"{EXPORTER}HEADERS", "a=b%0d%0ac: d"),
        ("OTEL_TRACES_SAMPLER", "jaeger_remote"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "0"),
    ],
)
def test_what_is_wrong_is_said_with_the_name(name: str, value: str) -> None:
    with pytest.raises(InvalidArgument, match=name) as raised:
        settings("", {name: value})
    assert "\n" not in str(raised.value)
    assert "hush" not in str(raised.value)  # it may be a secret


def test_a_certificate_that_is_not_there() -> None:
    with pytest.raises(InvalidArgument, match=f"{EXPORTER}CERTIFICATE=/nosuch: No such file"):
        settings("https://x", {f"{EXPORTER}CERTIFICATE": "/nosuch"})
