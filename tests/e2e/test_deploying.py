"""The files in deploy/: their own checkers accept them, and the command accepts their command lines."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest

from sockfilter.cli import arguments
from tests.support.skips import need_package, need_tool

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
UNIT = DEPLOY / "systemd/sockfilter.service"
MANIFEST = DEPLOY / "kubernetes/sockfilter.yaml"
CAPABILITIES = ["NET_RAW", "BPF", "PERFMON"]
# The version of Kubernetes whose schemas are used, if a package has them.
KUBERNETES = "1.30"


def settings_of_unit() -> dict[str, str]:
    lines = (line for line in UNIT.read_text().splitlines() if "=" in line and not line.startswith("#"))
    return dict(line.split("=", 1) for line in lines)


def manifests() -> list[dict[str, Any]]:
    return list(need_package("yaml").safe_load_all(MANIFEST.read_text()))


def container() -> dict[str, Any]:
    (found,) = (each for each in manifests() if each["kind"] == "DaemonSet")
    (only,) = found["spec"]["template"]["spec"]["containers"]
    return dict(only)


def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    text = UNIT.read_text().replace("/usr/bin/sockfilter", "/bin/true")
    (tmp_path / UNIT.name).write_text(text)
    command = [need_tool("systemd-analyze"), "verify", "--man=no", tmp_path / UNIT.name]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_unit_has_the_capabilities_by_name_and_no_more() -> None:
    found = settings_of_unit()
    names = " ".join(f"CAP_{name}" for name in CAPABILITIES)
    assert found["AmbientCapabilities"] == found["CapabilityBoundingSet"] == names
    assert found["NoNewPrivileges"] == found["DynamicUser"] == "yes"
    assert found["Restart"] == "on-failure"


def test_the_command_accepts_the_unit_s_words() -> None:
    program, *words = shlex.split(settings_of_unit()["ExecStart"])
    options = arguments.parse(words)
    assert program == "/usr/bin/sockfilter"
    assert (options.interface, options.prometheus) == ("any", "9464")


def test_the_command_accepts_the_container_s_words() -> None:
    made = container()
    (address,) = made["env"]
    words = [word.replace(f"$({address['name']})", "10.0.0.7") for word in made["args"]]
    assert not any("$(" in word for word in words)
    options = arguments.parse(words)
    assert (options.interface, options.prometheus) == ("any", "10.0.0.7:9464")


def test_the_daemon_set_captures_the_node_with_few_rights() -> None:
    namespace, daemon_set = manifests()
    pod = daemon_set["spec"]["template"]
    made = container()
    assert namespace["metadata"]["name"] == daemon_set["metadata"]["namespace"]
    assert daemon_set["spec"]["selector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
    assert pod["spec"]["hostNetwork"] is True
    assert not pod["spec"]["automountServiceAccountToken"]
    rights = made["securityContext"]
    assert rights["capabilities"] == {"drop": ["ALL"], "add": CAPABILITIES}
    assert rights["readOnlyRootFilesystem"]
    assert not rights["allowPrivilegeEscalation"]
    assert not rights["privileged"]
    assert made["resources"]["limits"].keys() == {"cpu", "memory"}
    ports = {port["name"] for port in made["ports"]}
    assert made["readinessProbe"]["httpGet"]["path"] == "/healthz"
    # a loss makes a capture not ready, and does not end it
    assert "httpGet" not in made["livenessProbe"]
    assert made["readinessProbe"]["httpGet"]["port"] in ports
    assert made["livenessProbe"]["tcpSocket"]["port"] in ports


def test_kubernetes_schemas_accept_the_manifest() -> None:
    validate = need_package("kubernetes_validate")
    for each in manifests():
        validate.validate(each, KUBERNETES, strict=True)
    wrong = manifests()[1]
    wrong["spec"]["template"]["spec"]["containers"][0]["readOnly"] = True
    with pytest.raises(validate.ValidationError):
        validate.validate(wrong, KUBERNETES, strict=True)


def test_the_collector_s_pipeline_is_whole() -> None:
    made = need_package("yaml").safe_load((DEPLOY / "collector/collector.yaml").read_text())
    service = made["service"]
    assert set(service["extensions"]) == set(made["extensions"])
    for kind in ("receivers", "processors", "exporters"):
        assert {name for pipeline in service["pipelines"].values() for name in pipeline[kind]} == set(made[kind])
    (exporter,) = made["exporters"].values()
    assert exporter["sending_queue"]["storage"] in made["extensions"]
    table = f"{exporter['database']}.{exporter['traces_table_name']}"
    assert f"CREATE TABLE IF NOT EXISTS {table}\n" in (DEPLOY / "clickhouse/schema.sql").read_text()


def statements(name: str) -> list[str]:
    lines = (DEPLOY / "clickhouse" / name).read_text().splitlines()
    text = "\n".join(line for line in lines if not line.lstrip().startswith("--"))
    return [each.strip() for each in text.split(";") if each.strip()]


def test_clickhouse_runs_the_table_and_the_queries() -> None:
    """With chDB, which is ClickHouse in a package. It is too large for make setup: pip install chdb."""
    session = need_package("chdb.session").Session()
    try:
        for statement in statements("schema.sql"):
            session.query(statement)
        session.query(
            """INSERT INTO otel.otel_traces (Timestamp, SpanKind, SpanName, ServiceName, Duration, SpanAttributes)
            SELECT now64(9), if(number % 2, 'Client', 'Server'), 'GET /items/{id}', 'shop', 1000000 * number,
                map('http.request.method', 'GET', if(number % 2, 'url.template', 'http.route'), '/items/{id}',
                    'http.response.status_code', if(number < 20, '503', '200'), 'error.type',
                    if(number < 20, '503', ''), 'client.address', '10.0.0.1', 'server.address', 'shop.test',
                    'server.port', '443')
            FROM numbers(100)"""
        )
        slow, errors, pairs = (str(session.query(each, "TSV")).split("\t") for each in statements("queries.sql"))
    finally:
        session.close()
    assert slow[:4] == ["GET", "/items/{id}", "50", "49"]
    assert errors[1:6] == ["shop.test", "443", "50", "10", "20\n"]
    assert pairs[:5] == ["10.0.0.1", "shop.test", "443", "50", "10"]
