"""The commonest test there is: a client gives up on a slow server, and perhaps tries again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.plugin.conftest import SERVING

if TYPE_CHECKING:
    from collections.abc import Callable

    Project = Callable[..., pytest.RunResult]

# it answers to /slow when the session is over, to /third at the third time, and to all else at once
SLOW = f"""{SERVING}
over = threading.Event()
asked = {{}}

class Handler(Answering):
    def do_GET(self):
        asked[self.path] = asked.get(self.path, 0) + 1
        if self.path == "/slow" or (self.path == "/third" and asked[self.path] < 3):
            over.wait(60)
        else:
            self.answer(200, b"hello")
    do_POST = do_GET

@pytest.fixture(scope="session", autouse=True)
def ends():
    yield
    over.set()

@pytest.fixture
def give_up(port):
    def run(path, times=1):
        words = ["--max-time", "0.3", "--retry", str(times - 1), "--retry-delay", "1"]
        return subprocess.run(["curl", "-s", *words, f"http://127.0.0.1:{{port}}{{path}}"], check=False).returncode
    return run
"""


@pytest.fixture
def slow(project: Project, pytester: pytest.Pytester) -> Project:
    pytester.makeconftest(SLOW)
    return project


def test_a_client_that_gives_up(slow: Project):
    slow(
        """
        def test_it(wire, give_up):
            assert give_up("/slow") == 28  # curl's "operation timed out"
            exchange = wire.expect(path="/slow").once()
            assert exchange.response is None and not exchange.complete
            assert "no-response" in exchange.problems
            assert wire.pending == []
        """
    ).assert_outcomes(passed=1)


def test_every_condition_on_what_is_missing(slow: Project):
    slow(
        """
        import re

        def test_it(wire, give_up):
            give_up("/slow")
            for conditions in (
                {"status": None},
                {"problems": "no-response"},
                {"problems": {"no-response", "gap"}},
                {"problems": re.compile("^no-")},
                {"complete": False},
            ):
                wire.expect(path="/slow", **conditions).once()
            wire.expect(path="/slow", problems=[]).never()
            wire.expect(status=range(100, 600)).never()
        """
    ).assert_outcomes(passed=1)


def test_a_client_that_tries_again(slow: Project):
    slow(
        """
        def test_it(wire, give_up):
            assert give_up("/slow", times=3) == 28
            found = wire.expect(path="/slow", problems="no-response").times(3)
            assert len({exchange.client.port for exchange in found}) == 3
        """
    ).assert_outcomes(passed=1)


def test_the_last_try_succeeds(slow: Project):
    slow(
        """
        from sockfilter import Where

        def test_it(wire, give_up):
            assert give_up("/third", times=3) == 0
            given_up = Where(status=None, problems="no-response")
            wire.expect(path="/third").in_order(given_up, given_up, Where(status=200, problems=[]))
            wire.expect(path="/third").times(3)
        """
    ).assert_outcomes(passed=1)


def test_waiting_for_a_client_in_the_background(slow: Project):
    slow(
        """
        import asyncio, subprocess

        def test_it(wire, port):
            command = ["curl", "-s", "--max-time", "0.2", "--retry", "1", f"http://127.0.0.1:{port}/slow"]
            with subprocess.Popen(command):
                assert wire.wait_for(path="/slow", timeout=60).response is None
                wire.expect(path="/slow", status=None).times(2, within=60)

        def test_within(wire, port):
            with subprocess.Popen(["curl", "-s", "--max-time", "0.2", f"http://127.0.0.1:{port}/slow"]):
                assert wire.expect(path="/slow").within(20).problems

        def test_in_an_event_loop(wire, port):
            async def main():
                job = await asyncio.create_subprocess_exec("curl", "-s", "--max-time", "0.2", f"http://127.0.0.1:{port}/slow")
                assert (await wire.aio.wait_for(path="/slow", timeout=60)).response is None
                assert await job.wait() == 28
                assert (await wire.aio.one(path="/slow")).request.path == "/slow"
            asyncio.run(main())
        """
    ).assert_outcomes(passed=3)


@pytest.mark.parametrize("how", ["reset", "shut"])
def test_however_it_leaves(slow: Project, how: str):
    slow(
        f"""
        import socket, struct

        def test_it(wire, port):
            with socket.create_connection(("127.0.0.1", port)) as client:
                client.sendall(b"GET /slow HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n")
                wire.flush()
                assert [made.request.path for made in wire.pending] == ["/slow"]
                if {how == "reset"}:
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            exchange = wire.expect(path="/slow", status=None).once()
            assert exchange.problems[0] == "no-response" and len(exchange.problems) == 2
        """
    ).assert_outcomes(passed=1)


def test_a_client_that_closes_its_half_and_takes_the_answer(slow: Project):
    slow(
        """
        import socket

        def test_it(wire, port):
            with socket.create_connection(("127.0.0.1", port)) as client:
                client.sendall(b"GET /quick HTTP/1.0\\r\\nHost: x\\r\\n\\r\\n")
                client.shutdown(socket.SHUT_WR)
                while client.recv(1000):
                    pass
            assert wire.expect(path="/quick", status=200).once().complete
        """
    ).assert_outcomes(passed=1)


def test_a_failure_says_that_there_was_no_response_and_why(slow: Project, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CI", "1")  # where pytest does not cut the line
    result = slow(
        """
        def test_it(wire, give_up):
            give_up("/slow")
            wire.expect(path="/slow", status=200).once()
        """
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "E *expected path='/slow', status=200: once; there were none",
            "E *the nearest:",
            "E *GET /slow * - * - * - *[[]no-response, *[]]",
            "E *status: expected 200, found no response (no-response, *)",
            "*- HTTP on lo: GET /slow, no response *-*",
            "    > GET /slow HTTP/1.1",
            "FAILED *::test_it - expected /slow 200 once, found none; nearest: GET /slow, no response *",
        ]
    )


@pytest.mark.parametrize("condition", ["status=None", "problems='no-response'", "complete=False"])
def test_what_a_test_asks_for_is_not_odd(slow: Project, condition: str):
    result = slow(
        f"""
        import pytest

        @pytest.mark.wire(strict=True)
        def test_it(wire, give_up):
            give_up("/slow")
            wire.expect(path="/slow", {condition}).once()
        """
    )
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*HTTP that is not whole*")


def test_what_it_does_not_ask_for_is(slow: Project):
    result = slow(
        """
        def test_it(wire, give_up):
            give_up("/slow")
            wire.expect(path="/slow").once()
        """
    )
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*= HTTP that is not whole =*", "*::test_it:", "*GET /slow *[[]no-response, *[]]"])


def test_at_system_calls(slow: Project):
    slow(
        """
        import pytest

        @pytest.mark.wire(via="syscalls")
        def test_it(wire, give_up):
            assert give_up("/slow") == 28
            wire.expect(path="/slow", status=None, problems="no-response").once()
        """
    ).assert_outcomes(passed=1)
