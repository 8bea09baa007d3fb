"""The page on testing: its code runs as it stands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sockfilter import Exchange, Request, Response
from sockfilter.testing.wire import Wire
from sockfilter.views.aio import AsyncView
from sockfilter.views.expectations import Expectation
from tests.e2e.plugin.conftest import SERVING

# public, and for who builds upon the library
NOT_FOR_TESTS = {
    *(
        "add_problem",
        "add_problems",
        "replace_problems",
        "head",
        "place",
        "seq",
        "ack",
        "start_ns",
        "end_ns",
        "began_ns",
    ),
    *("add_informational", "count_informational", "informational_count", "compare_clocks"),
    *(
        "clock_offset_ns",
        "duration_ns",
        "conn_seq",
        "retransmissions",
        "authority",
        "is_final",
        "ended_since",
        "messages_since",
    ),
    *(
        "has_trailers",
        "is_narrowed",
        "is_resumed",
        "oddities",
        "wrong",
        "report",
        "was_looked_at",
        "came_within",
        "without_waiting",
        "allows",
    ),
}

pytestmark = pytest.mark.usefixtures("root")

PAGE = Path(__file__).resolve().parents[3] / "docs/testing.md"
# the server that the page speaks of
SHOP = f"""{SERVING}
over = threading.Event()

class Handler(Answering):
    def do_GET(self):
        if self.path == "/report":
            over.wait(60)
        else:
            self.tell(200)
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.tell(201)
    def tell(self, status):
        body = json.dumps({{"path": self.path.partition("?")[0]}}).encode()
        self.answer(status, body, ("Content-Type", "application/json"))

@pytest.fixture(scope="session")
def shop(port):
    yield f"http://127.0.0.1:{{port}}"
    over.set()

@pytest.fixture
def slow(shop):
    return shop

@pytest.fixture(scope="session")
def chat():
    from websockets.sync.server import serve

    def greet(connection):
        connection.send("ready")
        for text in connection:
            connection.send(json.dumps({{"echo": text}}))

    with serve(greet, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"ws://127.0.0.1:{{server.socket.getsockname()[1]}}/chat"
        server.shutdown()
        thread.join()
"""


def test_its_code_runs(pytester: pytest.Pytester):
    blocks = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    tests = sum(block.count("\ndef test_") + block.startswith("def test_") for block in blocks)
    pytester.makeconftest(SHOP)
    pytester.makepyfile("\n".join(blocks))
    # others use lo too
    pytester.makeini("[pytest]\nwire_scope = tree\n")
    pytester.runpytest_inprocess().assert_outcomes(passed=tests)


def test_it_names_every_option():
    from sockfilter.testing import options

    page = PAGE.read_text()
    for name in re.findall(r'add_option\("(--wire[a-z-]*)"', Path(options.__file__).read_text()):
        assert f"`{name}" in page, name
    for name in re.findall(r'addini\("(wire[a-z_]*)"', Path(options.__file__).read_text()):
        assert f"`{name}`" in page, name


@pytest.mark.parametrize("kind", [Wire, Expectation, AsyncView, Exchange, Request, Response])
def test_it_shows_every_call(kind: type):
    page = PAGE.read_text()
    for name in dir(kind):
        if not name.startswith("_") and name not in NOT_FOR_TESTS:
            assert re.search(rf"\b{name}\b", page), f"{kind.__name__}.{name}"
