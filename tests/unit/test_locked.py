"""What is locked has a hash each, satisfies what is asked for, and names no place to fetch it from."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from tools import lock, sbom

LISTS = {
    "run.txt": ("dependencies",),
    "image.txt": ("dependencies", "prometheus", "otlp"),
    "package.txt": ("package", "requires"),
}


@pytest.mark.parametrize("name", LISTS)
def test_everything_that_is_asked_for_is_locked(name: str):
    found = {each.name.replace(".", "-"): each for each in sbom.pinned(sbom.LOCKED / name)}
    for text in (text for each in LISTS[name] for text in lock.wanted(each)):
        requirement = Requirement(text)
        assert requirement.specifier.contains(found[requirement.name.lower().replace(".", "-")].version), text
    assert not re.search("https?:|index", (sbom.LOCKED / name).read_text())


def test_what_has_no_hash_is_refused(tmp_path: Path):
    (tmp_path / "x.txt").write_text("a==1 \\\n    --hash=sha256:" + "0" * 64 + "\nb==2\n")
    with pytest.raises(ValueError, match="b has no hash; make lock writes the file anew"):
        sbom.pinned(tmp_path / "x.txt")


def test_the_bill_is_the_same_each_time():
    assert sbom.bill({"libbpf": "1.6"}) == sbom.bill({"libbpf": "1.6"})
    names = [each["name"] for each in json.loads(sbom.bill({"libbpf": "1.6"}))["components"]]
    assert {"brotli", "cffi", "libbpf"} <= set(names)
    assert "win-inet-pton" not in names
