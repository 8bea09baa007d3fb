"""What is used after close(): what was counted stays, and all else raises Closed. The process goes on."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.support.command import WAIT_S, environment
from tests.support.skips import need_linux

pytestmark = pytest.mark.usefixtures("root")

OPENED = {
    "capture": 'sockfilter.capture("lo")',
    "capture with all observers": 'sockfilter.capture("lo", processes=True, tcp=True, tls=True)',
    "connections": "sockfilter.connections(states=True, drops=True)",
    "count": 'sockfilter.count("lo", at=["socket", "drops"])',
    "guard": 'sockfilter.guard("lo", deny="1", per_source="1000/s")',
}
# touches whatever can be touched without an argument, and says what is neither an answer nor an error of sockfilter
TOUCHING = """
import inspect, sys
import sockfilter

SOON = {"timeout": 0.01, "timeout_s": 0.01}


def touched(opened, name):
    found = getattr(opened, name)
    if not inspect.ismethod(found):
        return
    wanted = inspect.signature(found).parameters
    if any(each.default is each.empty and each.kind is not each.VAR_POSITIONAL for each in wanted.values()):
        return
    found = found(**{key: value for key, value in SOON.items() if key in wanted})
    if inspect.isgenerator(found):
        list(found)


with %s as opened:
    pass
for name in [each for each in dir(opened) if not each.startswith("_")]:
    try:
        touched(opened, name)
    except sockfilter.SockfilterError:
        pass
    except Exception as error:
        print(name, repr(error))
"""
CLOSING_WITHIN = """
import socket
import sockfilter

listener = socket.create_server(("127.0.0.1", 0))
with sockfilter.connections(states=True) as live:
    for _ in range(5):
        with socket.create_connection(listener.getsockname()):
            listener.accept()[0].close()
    for seen in live.read():
        live.close()
    print(live.ledger["records"] > 0, live.ledger["read"], live.ledger["records_lost"])
"""


def run(code: str) -> tuple[int, str, str]:
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=WAIT_S, env=environment({}), check=False)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("opened", OPENED.values(), ids=OPENED)
def test_whatever_is_touched_after_close(opened: str) -> None:
    if "guard" in opened:
        need_linux("tcx", 6, 6)
    assert run(TOUCHING % opened) == (0, "", "")


def test_connections_closed_by_their_reader() -> None:
    assert run(CLOSING_WITHIN) == (0, "True 1 0\n", "")
