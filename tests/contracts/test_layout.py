"""What crosses between kernel and user space has one layout: as C, as cffi, as BTF, and as Python unpacks it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from sockfilter.accelerating.accelerator import AccelerateCounts
from sockfilter.counting import reading as counts
from sockfilter.guarding import refused
from sockfilter.guarding.counts import GuardCounts
from sockfilter.ledger import OUTCOMES, PACKET_COUNTERS
from sockfilter.libbpf import binding
from sockfilter.libbpf.ring import BATCH_RECORDS
from sockfilter.model import secret
from sockfilter.observers.processes import process_files, processes
from sockfilter.observers.tcp import program
from sockfilter.packets import records
from sockfilter.protocols.http2 import hpack_native, hpack_table, usual
from sockfilter.metrics.registry import BYTES, SECONDS
from sockfilter.model import tallies
from sockfilter.road.express import lane, tallying
from sockfilter.sources.files import source
from sockfilter.sources.packets.attachment import OBJECT
from sockfilter.sources.secrets import finding, memories, ring
from tests.support.btf import Btf
from tests.support.skips import need_tool

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src/sockfilter"
STRUCTS = ["sf_config", "sf_skip", "sf_shared", "sf_flow", "sf_record"]
LANE_STRUCTS = ["sf_lane_half", "sf_lane_slot", "sf_lane_event", "sf_tally_row"]
SECRET_STRUCTS = [
    "sf_secrets_config",
    "sf_secret",
    "sf_secret_counts",
    "sf_memory",
    "sf_object",
    "sf_block",
    "sf_found",
    "sf_mapping",
]
PROCESS_STRUCTS = ["sf_processes_config", "sf_handovers", "sf_end", "sf_life", "sf_holder", "sf_owner", "sf_process"]
TCP_STRUCTS = [
    *("sf_tcp_config", "sf_tcp_end", "sf_tcp_figures", "sf_tcp_event", "sf_tcp_stacked", "sf_tcp_received"),
    *("sf_tcp_slot", "sf_tcp_bucket", "sf_tcp_place", "sf_tcp_shared"),
]
HPACK_STRUCTS = ["sf_hpack_literal", "sf_hpack_block", "sf_hpack_entry", "sf_hpack"]
USUAL_STRUCTS = [
    *("sf_usual_field", "sf_usual_text", "sf_usual_half", "sf_usual_stream", "sf_usual_end", "sf_usual_counts"),
    *("sf_usual_form", "sf_usual"),
]
COUNT_STRUCTS = ["sf_counted", "sf_count_key", "sf_count_config", "sf_drop_key"]
ACCELERATE_STRUCTS = ["sf_accelerate_config"]
GUARD_STRUCTS = ["sf_guard_config", "sf_guard_network", "sf_refused"]
OWN_STRUCTS = [*LANE_STRUCTS, *HPACK_STRUCTS, *USUAL_STRUCTS, "sf_packet", "sf_opened"]

Layout = dict[str, tuple[int, int]]


def by_cffi(name: str) -> Layout:
    ffi, _ = binding.load()
    kind = ffi.typeof(f"struct {name}")
    fields = {field: (member.offset, ffi.sizeof(member.type)) for field, member in kind.fields}
    return {"": (0, ffi.sizeof(kind)), **fields}


def by_c(name: str, fields: Layout, tmp_path: Path) -> Layout:
    compiler = need_tool("cc")
    lines = [f'printf("%zu\\n", sizeof(struct {name}));']
    for field in fields:
        if field:
            place = f"offsetof(struct {name}, {field}), sizeof(((struct {name} *)0)->{field})"
            lines.append(f'printf("{field} %zu %zu\\n", {place});')
    source = tmp_path / "layout.c"
    source.write_text(
        "#include <linux/types.h>\n#include <stddef.h>\n#include <stdio.h>\n"
        "#include <events.h>\n#include <processes.h>\n#include <lane.h>\n#include <tally.h>\n#include <usual.h>\n#include <replay.h>\n"
        "#include <secrets.h>\n#include <found.h>\n#include <mapping.h>\n#include <opening.h>\n"
        "#include <tcp_events.h>\n#include <count.h>\n#include <guard.h>\n#include <accelerate.h>\n"
        f"int main(void) {{ {' '.join(lines)} }}\n"
    )
    command = [
        compiler,
        "-Wall",
        "-Wextra",
        "-Wpadded",
        "-Werror",
        f"-I{ROOT / 'bpf'}",
        f"-I{PACKAGE / 'road/express'}",
        f"-I{PACKAGE / 'protocols/http2'}",
        f"-I{PACKAGE / 'replay'}",
        f"-I{PACKAGE / 'sources/secrets'}",
        f"-I{PACKAGE / 'tls'}",
        source,
        "-o",
        tmp_path / "layout",
    ]
    subprocess.run(command, check=True)
    size, *rest = subprocess.run([tmp_path / "layout"], capture_output=True, text=True, check=True).stdout.splitlines()
    found = {field: (int(offset), int(length)) for field, offset, length in map(str.split, rest)}
    return {"": (0, int(size)), **found}


@pytest.mark.parametrize(
    "name",
    [
        *STRUCTS,
        *OWN_STRUCTS,
        *PROCESS_STRUCTS,
        *SECRET_STRUCTS,
        *TCP_STRUCTS,
        *COUNT_STRUCTS,
        *GUARD_STRUCTS,
        *ACCELERATE_STRUCTS,
    ],
)
def test_c_and_cffi_agree(name: str, tmp_path: Path) -> None:
    cffi = by_cffi(name)
    assert by_c(name, cffi, tmp_path) == cffi


@pytest.mark.parametrize("name", STRUCTS)
def test_btf_and_cffi_agree(name: str) -> None:
    assert Btf(OBJECT).struct(name) == by_cffi(name)


@pytest.mark.parametrize("name", PROCESS_STRUCTS)
def test_btf_and_cffi_agree_on_processes(name: str) -> None:
    assert Btf(processes.OBJECT).struct(name) == by_cffi(name)


@pytest.mark.parametrize("name", [name for name in TCP_STRUCTS if name not in ("sf_tcp_event", "sf_tcp_stacked")])
def test_btf_and_cffi_agree_on_tcp(name: str) -> None:
    assert Btf(program.OBJECT).struct(name) == by_cffi(name)


@pytest.mark.parametrize(
    "name",
    [*STRUCTS, *OWN_STRUCTS, *PROCESS_STRUCTS, *TCP_STRUCTS, *COUNT_STRUCTS, *GUARD_STRUCTS, *ACCELERATE_STRUCTS],
)
def test_no_struct_has_a_hole(name: str) -> None:
    end = 0
    for field, (offset, size) in by_cffi(name).items():
        if field:
            assert offset == end, field
            end = offset + size
    assert end == by_cffi(name)[""][1]


def test_python_unpacks_the_record_as_it_is() -> None:
    fields = [(name, *place) for name, place in by_cffi("sf_record").items() if name]
    hot = [name for name, offset, _ in fields if offset < records.HOT.size]
    assert hot == [
        *("time_ns", "stream", "seq", "ack", "payload_len", "payload_kept", "frame_len", "frame_kept"),
        *("payload_off", "tcp_flags", "kind"),
    ]
    cold = [name for name, offset, _ in fields if records.HOT.size <= offset < records.FLOW_AT]
    assert cold == [
        *("marks", "packet_type", "protocol", "vlan_tci", "vlan_proto", "isn", "stream_of_http2", "syn_ns", "synack_ns")
    ]
    sizes = {name: size for name, _, size in fields}
    widths = [struct_width(code) for code in "QQIIIIIIHBB"]
    assert [sizes[name] for name in hot] == widths
    assert by_cffi("sf_record")["flow"] == (records.FLOW_AT, records.FLOW_BYTES)
    assert by_cffi("sf_record")[""] == (0, records.RECORD_BYTES)


def test_python_unpacks_the_events_of_the_lane_as_they_are() -> None:
    fields = [(offset, size) for name, (offset, size) in by_cffi("sf_lane_event").items() if name]
    assert [size for _, size in fields] == [struct_width(code) for code in lane.EVENT.format.lstrip("=")]
    assert by_cffi("sf_lane_event")[""] == (0, lane.EVENT.size)
    _, lib = binding.load()
    assert (lane.PASSED, lane.LEAVES) == (lib.SF_LANE_PASSED, lib.SF_LANE_LEAVES)
    # what the reader takes at once fits into one run
    assert BATCH_RECORDS <= lib.SF_LANE_RECORDS


def test_python_unpacks_the_counts_of_the_lane_as_they_are() -> None:
    assert by_cffi("sf_tally_row")[""] == (0, tallying.ROW.size)
    _, lib = binding.load()
    assert (lib.SF_TALLY_DURATIONS, lib.SF_TALLY_SIZES) == (tallies.DURATIONS_MAX + 1, tallies.SIZES_MAX + 1)
    assert len(SECONDS) <= tallies.DURATIONS_MAX
    assert len(BYTES) <= tallies.SIZES_MAX


def test_python_unpacks_streams_as_they_are() -> None:
    for name, form in (("sf_usual_field", usual.FIELD), ("sf_usual_stream", usual.STREAM)):
        assert by_cffi(name)[""] == (0, form.size)
    half = [size for name, (_, size) in by_cffi("sf_usual_half").items() if name]
    rest = [size for name, (_, size) in by_cffi("sf_usual_stream").items() if name not in ("", "half")]
    assert [*half, *half, *rest] == [struct_width(code) for code in usual.STREAM.format.lstrip("=")]
    numbers = ["start_ns", "end_ns", "wire_len", "fields", "body", "fields_len", "fields_room", "body_room", "seq"]
    assert list(by_cffi("sf_usual_half"))[1:] == [
        *numbers,
        *("ack", "has_begun", "has_ended", "has_data", "is_coded", "status", "reserved"),
    ]


def test_python_unpacks_header_blocks_as_they_are() -> None:
    fields = [(offset, size) for name, (offset, size) in by_cffi("sf_hpack_literal").items() if name]
    assert [size for _, size in fields] == [struct_width(code) for code in hpack_native.LITERAL.format.lstrip("=")]
    assert by_cffi("sf_hpack_literal")[""] == (0, hpack_native.LITERAL.size)
    block = by_cffi("sf_hpack_block")
    assert block["fields"][0] == 4 * hpack_native.NUMBERS_BEFORE
    assert list(block)[1:7] == ["literal_count", "size", "is_valid", "has_changed", "evicted", "refers"]


def test_c_and_python_know_the_same_limits_of_header_blocks() -> None:
    _, lib = binding.load()
    for name in ("BLOCK_BYTES_MAX", "TABLE_BYTES_MAX", "FIELDS_MAX"):
        assert getattr(hpack_table, name) == getattr(lib, f"SF_HPACK_{name.removesuffix('_MAX')}")
    assert len(hpack_table.STATIC) == lib.SF_HPACK_STATIC
    # what C says of the static table, it says in bytes
    assert max(map(hpack_table.size_of, hpack_table.STATIC)) < 256


def test_python_unpacks_counts_as_they_are() -> None:
    assert by_cffi("sf_counted")[""] == (0, counts.COUNTED.size)
    sizes = [size for name, (_, size) in by_cffi("sf_count_key").items() if name]
    assert sizes == [struct_width(code) for code in counts.KEY.format.lstrip("=")]


def test_python_unpacks_what_a_guard_says_as_it_is() -> None:
    assert by_cffi("sf_refused")[""] == (0, refused.RECORD.size)
    _, lib = binding.load()
    assert refused.RULES[lib.SF_GUARD_BY_PORT] == "port"
    assert refused.RULES[lib.SF_GUARD_BY_RATE] == "rate"
    assert len(GuardCounts._fields) == lib.SF_GUARD_COUNTERS + 2


def test_python_unpacks_what_an_accelerator_counts() -> None:
    _, lib = binding.load()
    assert len(AccelerateCounts._fields) == lib.SF_ACCELERATE_COUNTERS


def test_python_unpacks_secrets_as_they_are() -> None:
    names = [name for name in by_cffi("sf_secret") if name]
    assert names == [*("time_ns", "object", "tgid", "tid", "label", "secret_len", "random_len", "random", "secret")]
    assert by_cffi("sf_secret")["random"] == (32, 32)
    assert by_cffi("sf_secret")[""] == (0, ring.RECORD.size)
    _, lib = binding.load()
    assert ring.LABELS[lib.SF_LABEL_MASTER] == secret.CLIENT_RANDOM
    assert ring.LABELS[lib.SF_LABEL_CLIENT_EARLY] == secret.CLIENT_EARLY
    assert ring.LABELS[lib.SF_LABEL_CLIENT_HANDSHAKE] == secret.CLIENT_HANDSHAKE
    assert ring.LABELS[lib.SF_LABEL_SERVER_HANDSHAKE] == secret.SERVER_HANDSHAKE
    assert ring.LABELS[lib.SF_LABEL_CLIENT_TRAFFIC] == secret.CLIENT_TRAFFIC
    assert ring.LABELS[lib.SF_LABEL_SERVER_TRAFFIC] == secret.SERVER_TRAFFIC
    ways = (lib.SF_FOUND_SYMBOL, lib.SF_FOUND_LABELS, lib.SF_FOUND_GO)
    assert ways == (finding.SYMBOL, finding.LABELS, finding.GO)
    assert (lib.SF_NOT_ELF, lib.SF_NOT_RUSTLS) == (finding.NOT_ELF, finding.NOT_RUSTLS)


def test_python_unpacks_copies_of_objects_as_they_are() -> None:
    names = [name for name in by_cffi("sf_memory") if name]
    assert names == ["time_ns", "object", "tgid", "at", "len", "blocks"]
    size = by_cffi("sf_memory")[""][1]
    assert size == memories.MEMORY.size == by_cffi("sf_object")["words"][0] == by_cffi("sf_block")["bytes"][0]
    _, lib = binding.load()
    assert memories.OBJECT_BYTES == lib.SF_OBJECT_BYTES == by_cffi("sf_object")["words"][1]


def test_python_packs_a_packet_as_it_is() -> None:
    fields = [(offset, size) for name, (offset, size) in by_cffi("sf_packet").items() if name]
    assert [size for _, size in fields] == [struct_width(code) for code in source.PACKET.format.lstrip("=")]
    assert by_cffi("sf_packet")[""] == (0, source.PACKET.size)
    assert by_cffi("sf_packet")["outcome"] == (source.OUTCOME_AT, 1)
    assert by_cffi("sf_packet")["is_cut"] == (source.CUT_AT, 1)


def test_python_packs_ends_and_lives_and_unpacks_owners_as_they_are() -> None:
    for name, python in (("sf_end", processes.END), ("sf_life", processes.LIFE)):
        sizes = [size for field, (_, size) in by_cffi(name).items() if field]
        assert sizes == [struct_width(code) for code in re.findall(r"16s|[QIHB]", python.format)]
    holder = [*by_cffi("sf_life").items(), *by_cffi("sf_holder").items()]
    sizes = [size for field, (_, size) in holder if field not in ("", "life")]
    assert [struct_width(code) for code in processes.OWNER.format.lstrip("=")] == sizes * 2
    assert by_cffi("sf_owner")[""] == (0, processes.OWNER.size)
    _, lib = binding.load()
    assert process_files.ARGUMENTS_BYTES == lib.SF_ARGUMENTS_BYTES


def struct_width(code: str) -> int:
    return {"16s": 16, "Q": 8, "I": 4, "H": 2, "B": 1}[code]


def test_python_knows_the_marks_and_kinds() -> None:
    _, lib = binding.load()
    names = [name for name in vars(records) if name.startswith("MARK_")]
    for name in (*names, "SEGMENT", "FRAGMENT", "FRAME"):
        assert getattr(records, name) == getattr(lib, f"SF_{name}"), name


def test_the_ledger_names_the_counters_in_their_order() -> None:
    _, lib = binding.load()
    for number, name in enumerate(PACKET_COUNTERS):
        assert getattr(lib, f"SF_{name.upper()}") == number
    assert len(PACKET_COUNTERS) == lib.SF_COUNTERS


def test_the_outcomes_are_those_between_their_two_comments() -> None:
    header = (ROOT / "bpf/events.h").read_text()
    listed = re.search(r"/\* outcomes \*/(.*?)/\* of those", header, re.DOTALL)
    assert listed is not None
    assert tuple(name.lower() for name in re.findall(r"SF_(\w+)", listed[1])) == OUTCOMES


def test_shared_memory_and_configuration_begin_their_sections() -> None:
    assert Btf(OBJECT).variables(".bss") == {"shared": 0}
    assert Btf(OBJECT).variables(".rodata")["config"] == 0
