"""What tests expect of the wire: they pass, or they fail with words that help."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    Project = Callable[..., pytest.RunResult]


def test_as_the_readme_shows_it(project: Project):
    project(
        """
        import subprocess

        def test_checkout_charges_once(wire, port):
            subprocess.run(["curl", "-s", "-d", "sum=3", f"http://127.0.0.1:{port}/charge"], check=True)
            wire.expect(method="POST", path="/charge", status=201).once()
            wire.expect(status=range(500, 600)).never()
        """
    ).assert_outcomes(passed=1)


def test_every_kind_of_expectation_holds_where_it_should(project: Project):
    project(
        """
        from sockfilter import Where

        def test_it(wire, get):
            for path in ("/a", "/b", "/a?x=1", "/missing"):
                get(path)
            assert wire.expect(path="/b").once().request.target == "/b"
            assert len(wire.expect(path="/a").times(2)) == 2
            assert len(wire.expect(status=200).at_least(2)) == 3
            wire.expect(status=200).at_most(3)
            wire.none(status=500)
            found = wire.expect().in_order(Where(path="/b"), {"status": 404})
            assert [exchange.request.path for exchange in found] == ["/b", "/missing"]
            assert wire.first(path="/nowhere") is None
        """
    ).assert_outcomes(passed=1)


def test_a_failure_says_what_was_expected_the_nearest_and_all_there_was(project: Project):
    result = project(
        """
        def test_it(wire, get):
            get("/itmes?id=3")
            get("/missing")
            wire.expect(path="/items", status=200).once()
        """
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "E *expected path='/items', status=200: once; there were none",
            "E *the nearest:",
            "E *GET /itmes?id=3 * 200 *",
            "E *path: expected '/items', found '/itmes'",
            "E *1 other:",
            "E *GET /missing * 404 *",
            "*- HTTP on lo: GET /itmes?id=3 200 -*",
            "    > GET /itmes?id=3 HTTP/1.1",
            "    < hello",
        ]
    )
    # the other is not shown in detail
    result.stdout.no_fnmatch_line("    > GET /missing HTTP/1.1")
    # of the traceback, the test's own line alone
    result.stdout.no_fnmatch_line("*expectations.py*")


def test_more_than_expected_are_listed(project: Project):
    result = project(
        """
        def test_it(wire, get):
            get("/a")
            get("/a")
            wire.one(path="/a")
        """
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E *expected path='/a': once; there were 2", "E *these are:", "E *GET /a *"])


def test_an_expectation_that_nobody_looked_at_fails_the_test(project: Project):
    result = project(
        """
        def test_it(wire, get):
            get("/a")
            wire.expect(path="/b")
        """
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(['<Expectation path == "/b"> asserts nothing: add .once(), *'])


def test_an_expectation_of_messages_that_nobody_looked_at_fails_the_test_too(project: Project):
    result = project(
        """
        def test_it(wire, get):
            wire.expect_message(text="ready")
        """
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["<MessageExpectation text='ready'> asserts nothing: add .once(), *"])


def test_a_message_that_did_not_pass_fails_the_test(project: Project):
    result = project(
        """
        def test_it(wire, get):
            get("/a")
            wire.expect_message(protocol="websocket", text="ready", within=0.1)
        """
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "E *expected protocol='websocket', text='ready': within 0.1 s; there were none",
            "E *no message was seen at all",
        ]
    )


def test_a_condition_that_does_not_exist_is_an_error_with_the_nearest(project: Project):
    result = project("def test_it(wire): wire.expect(pth='/a').once()")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E *there is no condition 'pth'; did you mean path?"])


def test_secrets_are_masked_in_what_a_failure_says(project: Project):
    result = project(
        """
        import urllib.request

        def test_it(wire, port):
            request = urllib.request.Request(f"http://127.0.0.1:{port}/a?token=opensesame")
            request.add_header("Authorization", "Bearer opensesame")
            urllib.request.urlopen(request).read()
            assert wire.one().request.headers["authorization"] == "Bearer " + "open" + "sesame"
            wire.expect(target="/a", header={"authorization": "none"}).once()
        """
    )
    result.assert_outcomes(failed=1)
    said = result.stdout.str()
    assert "token=***" in said
    assert "Bearer ***" in said
    lines = [line for line in said.splitlines() if "opensesame" in line]
    assert all("request" in line for line in lines), lines  # the test's own source
