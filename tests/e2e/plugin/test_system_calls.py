"""Tests that look at system calls in place of an interface."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    Project = Callable[..., pytest.RunResult]

UNIX = """
import os
import socket
import subprocess
import threading
import pytest

@pytest.mark.wire(via="syscalls", unix=True, scope="tree")
def test_it(wire):
    name = f"test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"\\0{name}")
        listener.listen()

        def answer():
            link, _ = listener.accept()
            with link:
                link.recv(1 << 16)
                link.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nhi")

        answering = threading.Thread(target=answer)
        answering.start()
        subprocess.run(["curl", "-s", "--abstract-unix-socket", name, "http://localhost/containers"], check=True)
        answering.join()
    assert wire.expect(path="/containers", status=200).once().server.ip == f"unix:@{name}"
"""
FACTORY = """
import urllib.request

def test_it(wire, wire_factory, port):
    calls = wire_factory(via="syscalls", ports=port)
    urllib.request.urlopen(f"http://127.0.0.1:{port}/a").read()
    assert calls.one(path="/a").response.body == wire.one(path="/a").response.body
"""


def test_unix_sockets_of_its_own_processes(project: Project):
    project(UNIX).assert_outcomes(passed=1)


def test_beside_packets(project: Project):
    project(FACTORY).assert_outcomes(passed=1)


def test_frames_are_not_kept_of_them(project: Project):
    project(FACTORY + "\n    assert False", "--wire-dir=kept").assert_outcomes(failed=1)


def test_what_goes_with_packets_is_refused(project: Project):
    result = project("import pytest\n@pytest.mark.wire('lo', via='syscalls')\ndef test_it(wire): pass")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*interface='lo' needs via='packets'*"])
