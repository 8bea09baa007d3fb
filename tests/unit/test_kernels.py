"""Other kernels for the tests: what their names mean, and what of their results is told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.kernels.archive import numbers, sources
from tests.kernels.choice import USUAL, UnknownName, choose
from tests.kernels.initramfs import archive
from tests.kernels.results import begin, load, remarks, table


@pytest.mark.parametrize("name", [*USUAL, "6.18", "uml-5.10"])
def test_names_of_kernels(name: str) -> None:
    assert choose(name).name == name


@pytest.mark.parametrize("name", ["", "6", "uml", "6.1.2", "s390x-6.1"])
def test_names_that_mean_no_kernel(name: str) -> None:
    with pytest.raises(UnknownName, match="names no kernel; choose such as"):
        choose(name)


def test_the_newest_package_comes_first() -> None:
    names = [
        "linux-image-6.1.0-9-cloud-amd64",
        "linux-image-6.1.0-56-cloud-amd64",
        "linux-image-6.1.0-0.deb11.49-cloud-amd64",
    ]
    assert sorted(names, key=numbers, reverse=True)[0] == names[1]


def test_each_release_has_a_source() -> None:
    assert any(" bullseye-security main" in line for line in sources())


def test_an_archive_is_in_words_of_four_bytes() -> None:
    made = archive({"a": b"12345"}, {"init": b"#!"}, ("bin",))
    assert len(made) % 4 == 0
    assert made.count(b"070701") == 4
    assert b"TRAILER!!!" in made


def test_results_of_the_same_sources_stay(tmp_path: Path) -> None:
    path = tmp_path / "outcomes"
    begin(path, "one")
    with path.open("a") as file:
        file.write(json.dumps({"release": "6.1.0", "btf": True, "tests": 3}) + "\n")
        file.write(
            json.dumps({"test": "a", "outcome": "passed", "why": "", "properties": {"verified by root": 7}}) + "\n"
        )
        file.write(json.dumps({"test": "b", "outcome": "failed", "why": "x\nE   no"}) + "\n")
        file.write(json.dumps({"seconds": 2.0}) + "\n")
    begin(path, "one")
    results = load(path, "6.1")
    assert not results.complete
    assert remarks(results) == ["6.1: b: no"]
    cells = [cell.strip() for cell in table([results]).splitlines()[2].split("|")[1:-1]]
    assert cells == ["6.1: 6.1.0", "", "yes", "1", "1", "0", "1", "2", "7", ""]
    begin(path, "another")
    assert load(path, "6.1").outcomes == []
