"""What a function imports late, when the capture is open, is known to who has to import it early."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from sockfilter.cli import preloading

OTLP = "opentelemetry.proto."
SCHEMA_PARTS = (".descriptor_pb2", ".descriptor_pool", ".json_format", ".message_factory")
HOME = Path(preloading.__file__).parents[1]
# Programs of their own: other commands, the plugin, and what only a program that uses the library asks for.
NOT_OF_A_CAPTURE = (
    *("testing", "views", "filters", "sources.broker", "captures.command", "captures.file", "captures.tcp_streams"),
    *(
        "batch",
        "cli.batch",
        "cli.broker",
        "cli.check",
        "cli.checks",
        "cli.diff",
        "comparison",
        "cli.config",
        "cli.confinement",
        "cli.doctor",
    ),
    *("cli.tls", "cli.top", "cli.versions", "__init__", "sources.secrets.attacher", "cli.looking"),
    "archive.convert",
    *("counting", "cli.count", "cli.count_text", "guarding", "cli.guard", "cli.guarding", "cli.ssh_session"),
    *("accelerating", "cli.accelerate"),
    *(
        "cli.services",
        "cli.capture_words",
        "cli.subcommand",
        "cli.tcp",
        "captures.connections",
        "captures.tcp_selection",
    ),
    *("screen", "recent", "statistics"),  # see preloading.import_screen()
)
# What functions import before root's rights are given up, or never in a command, by the module of the functions.
BEFORE = {
    "captures.capture": {"observers.interface", "road.pipeline", "views.aio", "subprocess"},
    "captures.wanted": {"captures.selection"},
    "captures.live": {"sources.broker.client", "sources.calls.syscalls", "sources.packets.attachment"}
    | {"sources.packets.live"},
    "captures.secrets": {"sources.secrets.probed"},
    "cli.__init__": {"cli.command", "cli.descriptors", "cli.signals"},
    "cli.arguments": {"archive.paths", "cli.pcap_filter"},
    "cli.dataset": {"archive.naming", "archive.output", "archive.parts"},
    "archive.dataset": {"pyarrow"},
    "archive.naming": {"hashlib"},
    # which files there are is known before the first is opened
    "archive.paths": {"glob"},
    "cli.several": {"cli.dataset", "cli.jobs"},
    "cli.command": {"cli.pcap_filter", "cli.run", "cli.several", "sources.packets.interfaces", "system.namespace"},
    # cli.watching imports the hints before, if they may be needed
    "cli.run": {"captures.wanted", "cli.hints", "cli.hosts", "cli.preloading", "cli.several"}
    | {"observers.processes.tree", "shutil"},
    # to open the capture, or with the outputs
    "cli.run_parts": {f"captures.{name}" for name in ("capture", "command", "file", "wanted")}
    | {
        f"cli.{name}"
        for name in ("child", "dataset", "otlp", "piped_frames", "prometheus", "selecting", "shown", "web")
    }
    | {"outputs.fan", "outputs.file_names", "outputs.har_file", "road.frames", "road.selected_frames"},
    "cli.config_file": {"pwd", "tomli", "tomllib"},
    # with the outputs, which are made while the kernel verifies the program
    "cli.forming": {"captures.wanted", "cli.har", "cli.statistics", "masking", "model.policy"}
    | {f"outputs.{name}" for name in ("har", "har_text", "jsonl", "lines", "raw", "repeating", "tree")},
    "cli.hosts": {"socket"},
    "cli.pcap_filter": {"socket", "sources.pcap.compiling"},
    "cli.preloading": {"filters.completion", "filters.where"},
    "cli.privileges": {"pwd"},
    "cli.beside": {"importlib.util"},
    "cli.prometheus": {"threading"} | {f"metrics.{name}" for name in ("capture_metrics", "member", "server")},
    "cli.statistics": {f"statistics.{name}" for name in ("as_dict", "collector", "keys", "output")},
    # before the rights are given up, and in the process of the server, which does so later
    "cli.page": {"captures.wanted", "page.language", "page.report", "recent.phases"},
    "cli.page_report": {"cli.selecting", "cli.shown", "page.report"},
    "cli.watching": {"cli.hints", "cli.looking", "system.sockmaps"},
    "cli.web": {"asyncio", "logging", "page.member", "page.server", "secrets"},
    # the same, for the process that sends traces; what makes spans is imported with the outputs
    "cli.otlp": {"encodings.idna", "statistics.routes"}
    | {f"traces.{name}" for name in ("collector", "exporter", "member", "resources", "spans")},
    "cli.otlp_settings": {"ssl"},
    "traces.collector": {f"{OTLP}collector.trace.v1.trace_service_pb2"},
    "traces.exporter": {f"{OTLP}collector.trace.v1.trace_service_pb2"},
    "traces.resources": {f"{OTLP}resource.v1.resource_pb2"},
    "traces.spans": {f"{OTLP}trace.v1.trace_pb2"},
    "traces.values": {f"{OTLP}trace.v1.trace_pb2"},  # with traces.spans
    "page.addresses": {"ipaddress"},
    "page.document": {"hashlib"},
    "page.language": {"filters.conditions"},
    "cli.values": {"metrics.names", "page.addresses", "traces.address"}
    | {"filters.faults", "filters.parser", "statistics.keys", "statistics.routes"},
    "cli.tcp_live": {"cli.tcp_http", "forms.connection_dict"},
    "cli.settings": {"cli.hosts", "libbpf.ring", "sources.narrowing"},
    "libbpf.binding": {"libbpf._libbpf"},
    # a schema is read before the capture begins
    "protobuf.schema": {f"google.protobuf{part}" for part in ("", *SCHEMA_PARTS)},
    # a key log and the secrets of a file are read before the capture begins
    "road.pipeline": {"tls.conversation"},
    "road.secrets": {"sources.files.secrets", "sources.secrets.keylog", "tls.opening", "tls.store"},
    "sources.narrowing": {"ipaddress"},
    # without libcrypto, the package cryptography is imported with tls.opening
    "tls.opening": {"importlib.util", "tls.openers"},
    # a filter is compiled when the capture is opened
    "sources.files.source": {"sources.pcap.compiling"},
    "sources.packets.attachment": {"sources.pcap.gate"},
    "sources.pcap.compiling": {"ctypes"},
}


def late_imports(path: Path) -> Iterator[str]:
    """The modules that functions of a file import."""
    for function in ast.walk(ast.parse(path.read_text())):
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
            for node in ast.walk(function):
                if isinstance(node, ast.Import):
                    yield from (name.name for name in node.names)
                elif isinstance(node, ast.ImportFrom) and node.module:
                    yield node.module
                    yield from (f"{node.module}.{name.name}" for name in node.names)


def is_module(name: str) -> bool:
    """Whether it is a module. A package of this project is not one: its modules count."""
    try:
        found = find_spec(name)
    except (ModuleNotFoundError, ValueError):  # a name in a module; something that was not imported from a file
        return False
    is_own_package = found is not None and name.startswith("sockfilter") and found.submodule_search_locations
    return found is not None and not is_own_package


def of_a_capture() -> dict[str, Path]:
    """The modules that a capture by the command may have imported, by name."""
    files = {str(path.relative_to(HOME).with_suffix("")).replace("/", "."): path for path in HOME.rglob("*.py")}
    return {
        name: path
        for name, path in files.items()
        if not any(name == other or name.startswith(f"{other}.") for other in NOT_OF_A_CAPTURE)
    }


@pytest.mark.parametrize("name", of_a_capture())
def test_what_is_imported_late_is_imported_early_where_it_must_be(name: str):
    known = {*preloading.modules(), *preloading.OTHERS, preloading.NETLINK}
    known |= {each.partition(".")[0] for each in preloading.OTHERS}
    known |= {each for found in BEFORE.get(name, ()) for each in (found, f"sockfilter.{found}")}
    late = {each for each in late_imports(of_a_capture()[name]) if is_module(each)}
    assert late - known == set()


def test_a_new_protocol_needs_no_entry():
    found = {f"sockfilter.{name}".removesuffix(".__init__") for name in of_a_capture() if name.startswith("protocols.")}
    assert found <= set(preloading.modules())
