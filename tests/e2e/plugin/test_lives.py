"""When wires begin and end: with fixtures, coroutines, errors, and what is left behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    Project = Callable[..., pytest.RunResult]


def test_each_test_sees_its_own_time(project: Project):
    project(
        """
        import pytest

        @pytest.mark.parametrize("i", range(20))
        def test_it(wire, get, i):
            get(f"/{i}")
            assert [e.request.path for e in wire.all()] == [f"/{i}"]
        """
    ).assert_outcomes(passed=20)


def test_what_began_before_the_test_is_not_its_own(project: Project):
    project(
        """
        import socket
        import pytest

        @pytest.fixture(scope="module")
        def slow(wire_session, port):
            with socket.create_connection(("127.0.0.1", port)) as connection:
                connection.sendall(b"POST /slow HTTP/1.1\\r\\nContent-Length: 2\\r\\n\\r\\na")
                yield connection

        def test_begin(wire, slow):
            wire.none()

        def test_end(wire, slow, get):
            slow.sendall(b"b")
            assert slow.recv(1 << 16)
            get("/mine")
            assert [e.request.path for e in wire.all()] == ["/mine"]
        """
    ).assert_outcomes(passed=2)


def test_fixtures_that_use_it_and_are_used_with_it(project: Project):
    project(
        """
        import pytest

        @pytest.fixture
        def account(wire, get):
            get("/account")
            yield wire.one(path="/account")
            get("/gone")
            wire.expect(path="/gone").once()

        def test_it(account, wire, get):
            get("/more")
            assert len(wire.all()) == 2
            assert account.response.status == 200
        """
    ).assert_outcomes(passed=1)


def test_the_wire_of_the_session_sees_all_tests(project: Project):
    project(
        """
        def test_one(wire_session, get): get("/1")
        def test_two(wire, get):
            get("/2")
            assert len(wire.all()) == 1
        def test_three(wire_session):
            assert [e.request.path for e in wire_session.all()] == ["/1", "/2"]
        """
    ).assert_outcomes(passed=3)


def test_the_factory_takes_the_arguments_of_capture(project: Project):
    project(
        """
        def test_it(wire_factory, get, port):
            here, elsewhere = wire_factory("lo", ports=[port], body=3), wire_factory(ports=[1])
            get("/a")
            exchange = here.one()
            assert exchange.response.body == b"hel" and exchange.response.body.length == 5
            elsewhere.none()
        """
    ).assert_outcomes(passed=1)


def test_errors_on_the_way_in_and_out_say_what_was_seen(project: Project):
    result = project(
        """
        import pytest

        @pytest.fixture
        def breaks(wire, get):
            get("/before")
            raise RuntimeError

        @pytest.fixture
        def breaks_after(wire, get):
            yield
            get("/after")
            raise RuntimeError

        def test_in(breaks): pass
        def test_out(breaks_after): pass
        def test_next(wire, get):
            get("/next")
            assert len(wire.all()) == 1
        """
    )
    result.assert_outcomes(passed=2, errors=2)
    result.stdout.fnmatch_lines(["*ERROR at setup of test_in*", "*- HTTP on lo -*", "*GET /before *"])
    result.stdout.fnmatch_lines(["*ERROR at teardown of test_out*", "*- HTTP on lo -*", "*GET /after *"])


def test_in_an_event_loop(project: Project):
    project(
        """
        import asyncio

        async def ask(port, path):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(f"GET {path} HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n".encode())
            assert (await reader.read()).endswith(b"hello")
            writer.close()
            await writer.wait_closed()

        def test_it(wire, port):
            async def main():
                waiting = asyncio.create_task(wire.aio.wait_for(path="/late"))
                for path in ("/a", "/b", "/late"):
                    await ask(port, path)
                assert (await waiting).response.status == 200
                assert (await wire.aio.one(path="/a")).complete
                assert [e.request.path async for e in wire.aio.each(timeout=0.1)] == ["/a", "/b", "/late"]
            asyncio.run(main(), debug=True)
            wire.expect(status=200).times(3)
        """,
        "-Werror",
    ).assert_outcomes(passed=1)


def test_a_unittest_case_can_use_it(project: Project):
    project(
        """
        import unittest
        import pytest

        class TestIt(unittest.TestCase):
            @pytest.fixture(autouse=True)
            def _wire(self, wire, get):
                self.wire, self.get = wire, get

            def test_it(self):
                self.get("/a")
                self.wire.one(path="/a")
        """
    ).assert_outcomes(passed=1)


def test_a_session_without_it_imports_next_to_nothing(project: Project, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # others import a lot
    project(
        """
        import sys

        def test_it():
            assert not {"cffi", "_cffi_backend", "dpkt", "pyroute2", "asyncio"} & set(sys.modules)
            ours = {name for name in sys.modules if name.startswith("sockfilter")}
            plugin = {"sockfilter.testing" + name for name in ("", ".keylog", ".options", ".plugin")}
            assert ours == {"sockfilter", "sockfilter.presentation", *plugin}
        """,
        "-p",
        "sockfilter.testing.plugin",
    ).assert_outcomes(passed=1)
