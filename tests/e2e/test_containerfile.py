"""The Containerfile's steps, one after the other on a clean Debian, and its command with the two capabilities alone."""

from __future__ import annotations

import json
import re
import shutil
import ssl
from pathlib import Path

from tests.support import bare_root
from tests.support.installed import EXCHANGE, body_of, in_brotli

CONTAINERFILE = Path(__file__).resolve().parents[2] / "Containerfile"
STEPS_S = 300
# $1 is seen in both roots, as what one stage hands to the next
FIRST = """
set -eu
ln -s "$1" /dist
export PIP_CERT=/dist/certificates.crt REQUESTS_CA_BUNDLE=/dist/certificates.crt
{steps}
tar -C /opt -cf /dist/sockfilter.tar sockfilter
"""
SECOND = """
set -eu
{steps}
tar -C /opt -xf "$1/sockfilter.tar"
only="setpriv --bounding-set=-all,+net_raw,+bpf --inh-caps=-all --no-new-privs"
$only {entry} --version
$only python3 -c "$2" "$3" {entry}
$only grep CapEff /proc/self/status
"""
# this machine's
CERTIFICATES = Path(ssl.get_default_verify_paths().cafile or "/etc/ssl/certs/ca-certificates.crt")
# include/uapi/linux/capability.h
CAP_NET_RAW, CAP_BPF = 13, 39


def test_its_steps_make_an_image_that_captures(wheel: Path, tmp_path: Path) -> None:
    debian = bare_root.of_debian("bookworm")
    stages = re.split("^FROM .*$", CONTAINERFILE.read_text(), flags=re.MULTILINE)[1:]
    first, second = ("; ".join(re.findall("^RUN (.*)$", stage, re.MULTILINE)) for stage in stages)
    found = re.search(r"^ENTRYPOINT (\[.*\])$", stages[1], re.MULTILINE)
    assert found is not None
    (entry,) = json.loads(found[1])
    shutil.copy(CERTIFICATES, wheel.parent / "certificates.crt")
    places = {"seen": wheel.parent, "room": tmp_path, "lower": debian, "timeout_s": STEPS_S}
    bare_root.run("sh", "-c", FIRST.format(steps=first), "sh", wheel.parent, **places)
    words = ("sh", wheel.parent, EXCHANGE, in_brotli("from a container"))
    output = bare_root.run("sh", "-c", SECOND.format(steps=second, entry=entry), *words, **places)
    exchange, capabilities = output.splitlines()[-2:]
    assert "\nsockfilter " in f"\n{output}"
    assert body_of(exchange) == "from a container"
    assert int(capabilities.split()[1], 16) == 1 << CAP_NET_RAW | 1 << CAP_BPF
