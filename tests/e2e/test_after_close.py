"""How what users open ends: after close(), while other threads use it, in a child of fork, and if it is forgotten."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.support.command import WAIT_S, environment
from tests.support.net import namespace
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
    for seen in live:
        live.close()
    print(live.ledger["records"] > 0, live.ledger["records_lost"])
"""

# three threads use it while the fourth closes it
RACING = """
import sys, threading
import sockfilter

found = []


def use(opened):
    try:
        while not opened.is_closed:
            %(use)s
    except sockfilter.SockfilterError as error:
        found.append(type(error).__name__)
    except BaseException as error:
        found.append(repr(error))


for _ in range(10):
    opened = %(opened)s
    threads = [threading.Thread(target=use, args=(opened,)) for _ in range(3)]
    for each in threads:
        each.start()
    while not opened.is_closed:
        opened.close()
    for each in threads:
        each.join()
print(set(found) <= {"Closed"} or found)
"""
USED = {
    "count": ('sockfilter.count("lo", at=["socket", "drops"])', "opened.snapshot()"),
    "connections, waiting": ("sockfilter.connections()", "opened.wait(); list(opened.read())"),
    "connections, iterating": ("sockfilter.connections()", "list(opened)"),
    "guard": ('sockfilter.guard("lo", deny="1")', "opened.counts; opened.refused"),
}
FORKING = """
import os, socket
import sockfilter


def is_blocked():
    with socket.socket() as client:
        client.settimeout(0.3)
        try:
            client.connect(("127.0.0.1", 1))
        except ConnectionRefusedError:
            return False
        except TimeoutError:
            return True


told, tell = os.pipe()
guard = sockfilter.guard("lo", deny="1", enforce=True)
print(is_blocked())
for is_closing in (True, False):
    child = os.fork()
    if not child:
        if is_closing:
            guard.close()
        else:
            os.close(tell)
            os.read(told, 1)
        os._exit(0)
    if is_closing:
        os.waitpid(child, 0)
        print(is_blocked())
guard.close()
print(is_blocked())
os.close(tell)
os.waitpid(child, 0)
guard = sockfilter.guard("lo", deny="1", enforce=True)
del guard
print(is_blocked())
"""
FORGETTING = """
import gc, os, warnings
import sockfilter

with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    for _ in range(2):
        %s
        gc.collect()
        print(len(os.listdir("/proc/self/fd")))
    print({str(each.message).partition(" was forgotten")[2] for each in said if " was forgotten" in str(each.message)})
"""
FORGOTTEN = ": open it in a with statement, or close() it"


def run(code: str, *within: str) -> tuple[int, str, str]:
    command = [*within, sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=WAIT_S, env=environment({}), check=False)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("opened", OPENED.values(), ids=OPENED)
def test_whatever_is_touched_after_close(opened: str) -> None:
    if "guard" in opened:
        need_linux("tcx", 6, 6)
    assert run(TOUCHING % opened) == (0, "", "")


def test_connections_closed_by_their_reader() -> None:
    assert run(CLOSING_WITHIN) == (0, "True 0\n", "")


@pytest.mark.parametrize(("opened", "use"), USED.values(), ids=USED)
def test_closed_while_other_threads_use_it(opened: str, use: str) -> None:
    if "guard" in opened:
        need_linux("tcx", 6, 6)
    assert run(RACING % {"opened": opened, "use": use}) == (0, "True\n", "")


def test_a_guard_ends_with_its_process_whatever_a_child_of_fork_does_and_if_it_is_forgotten() -> None:
    need_linux("tcx", 6, 6)
    with namespace() as netns:
        done = run(FORKING, "ip", "netns", "exec", netns)
    assert done == (0, "True\nTrue\nFalse\nFalse\n", "")


@pytest.mark.parametrize("opened", OPENED.values(), ids=OPENED)
def test_what_is_forgotten_closes_itself_and_says_so(opened: str) -> None:
    if "guard" in opened:
        need_linux("tcx", 6, 6)
    status, said, errors = run(FORGETTING % opened)
    first, second, warned = said.splitlines()
    assert (status, second, warned, errors) == (0, first, str({FORGOTTEN}), "")
