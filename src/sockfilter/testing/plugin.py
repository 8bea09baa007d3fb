"""The pytest plugin: the fixture wire and its part of the reports. Capture modules are imported on first use."""

from __future__ import annotations

import sys
from itertools import islice
from typing import TYPE_CHECKING, Any

import pytest

from sockfilter.testing import options
from sockfilter.testing.keylog import AUTO, KEYLOG, SessionKeyLog

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from sockfilter.errors import ExpectationFailed
    from sockfilter.testing.factory import WireFactory
    from sockfilter.testing.session import TestWires, WireSession
    from sockfilter.testing.wire import Wire

FIXTURES = {"wire", "wire_factory", "wire_session"}
# The maximum number of tests to name at the end whose HTTP was not whole.
ODD_TESTS_MAX = 20

SESSION = pytest.StashKey["WireSession"]()
WIRES = pytest.StashKey["TestWires"]()
# The reason, in one line, why the plugin failed a test that had passed.
WRONG = pytest.StashKey[str]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds the plugin's options."""
    options.add(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Registers the marker and checks the options."""
    config.addinivalue_line("markers", options.MARKER)
    wrong = options.check(config)
    if not wrong and _distributes(config):
        wrong = options.missing(config)  # the controller does not know what tests use, and workers cannot report it
    if wrong:
        raise pytest.UsageError(f"sockfilter: {wrong}")
    if options.value(config, "wire_keylog") == AUTO:
        config.stash[KEYLOG] = SessionKeyLog()  # before tests are imported, which may make settings of TLS


def pytest_collection_finish(session: pytest.Session) -> None:
    """Checks that what the options name exists, if a test uses a fixture."""
    is_worker = hasattr(session.config, "workerinput")
    if not is_worker and any(FIXTURES & set(getattr(item, "fixturenames", ())) for item in session.items):
        missing = options.missing(session.config)
        if missing:
            raise pytest.UsageError(f"sockfilter: {missing}")


def _distributes(config: pytest.Config) -> bool:
    """Returns whether pytest-xdist runs the tests in workers and this process is the controller."""
    return not hasattr(config, "workerinput") and config.getoption("dist", "no") != "no"


def pytest_unconfigure(config: pytest.Config) -> None:
    """Closes the captures."""
    session = config.stash.get(SESSION, None)
    if session is not None:
        session.close()
    if KEYLOG in config.stash:
        config.stash[KEYLOG].close()


def _session(config: pytest.Config) -> WireSession:
    if SESSION not in config.stash:
        from sockfilter.testing.session import WireSession

        config.stash[SESSION] = WireSession(config)
    return config.stash[SESSION]


def _wires(node: pytest.Item, config: pytest.Config) -> TestWires:
    if WIRES not in node.stash:
        node.stash[WIRES] = _session(config).wires(node)
    return node.stash[WIRES]


@pytest.fixture
def wire(request: pytest.FixtureRequest) -> Wire:
    """The HTTP exchanges that cross the wire while the test runs: wire.expect(path="/charge", status=201).once()."""
    return _wires(request.node, request.config).default()


@pytest.fixture
def wire_factory(request: pytest.FixtureRequest) -> WireFactory:
    """Further wires, with all arguments of sockfilter.capture(): wire_factory("eth0", ports=[80], netns="web")."""
    return _wires(request.node, request.config).another


@pytest.fixture(scope="session")
def wire_session(request: pytest.FixtureRequest) -> Iterator[Wire]:
    """The exchanges of the whole session, from the first use on."""
    with _session(request.config).whole() as made:
        yield made


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Fails a passed test that never evaluated an expectation, or that is strict and saw HTTP that was not whole."""
    result = yield
    if WIRES in item.stash:
        wrong = item.stash[WIRES].wrong()
        if wrong:
            item.stash[WRONG] = wrong.partition("\n")[0]
            pytest.fail(wrong, pytrace=False)
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[Any]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Adds to the report of a failed test what was seen, and to any report what was not whole."""
    report = yield
    failed = None if call.excinfo is None else _failed(call.excinfo.value)
    line = failed.summary if failed is not None else item.stash.get(WRONG, "") if call.when == "call" else ""
    crash = getattr(report.longrepr, "reprcrash", None)
    if line and crash is not None:
        crash.message = line  # the text for pytest's summary and JUnit XML
    if WIRES in item.stash and (call.when == "call" or report.failed):
        for title, key, text in item.stash[WIRES].said(report, failed):
            if title:
                report.sections.append((title, text))
            item.user_properties.append((key, text))
    if WIRES in item.stash and call.when == "teardown":
        item.stash[WIRES].close()
        del item.stash[WIRES]
    return report


def _failed(error: BaseException) -> ExpectationFailed | None:
    """Returns the error as a failed expectation. None: it is another error."""
    errors = sys.modules.get("sockfilter.errors")  # if it was never imported, the error cannot be one of its classes
    return error if errors is not None and isinstance(error, errors.ExpectationFailed) else None


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Lists the passed tests whose HTTP was not whole. Failed tests have it in their reports."""
    stats = terminalreporter.stats
    failed = {report.nodeid for name in ("failed", "error") for report in stats.get(name, ())}
    odd = {
        report.nodeid: text
        for reports in stats.values()
        for report in reports
        if getattr(report, "when", "") == "teardown" and report.nodeid not in failed
        for key, text in getattr(report, "user_properties", ())
        if key == options.ODD
    }
    if odd:
        terminalreporter.section("HTTP that is not whole")
        for nodeid, text in islice(odd.items(), ODD_TESTS_MAX):
            terminalreporter.write_line(f"{nodeid}:")
            terminalreporter.write_line("\n".join(f"    {line}" for line in text.split("\n")))
        if len(odd) > ODD_TESTS_MAX:
            terminalreporter.write_line(f"... and {len(odd) - ODD_TESTS_MAX} more tests")
