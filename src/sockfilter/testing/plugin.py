"""The pytest plugin: the fixture wire, and what it says in reports. Nothing of a capture is imported before its use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sockfilter.testing import options

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from sockfilter.testing.session import Session, TestWires
    from sockfilter.testing.wire import Wire

SESSION = pytest.StashKey["Session"]()
WIRES = pytest.StashKey["TestWires"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds the plugin's options."""
    options.add(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Makes the marker known."""
    config.addinivalue_line("markers", options.MARKER)
    wrong = options.check(config)
    if wrong:
        raise pytest.UsageError(f"sockfilter: {wrong}")


def pytest_unconfigure(config: pytest.Config) -> None:
    """Ends the captures."""
    session = config.stash.get(SESSION, None)
    if session is not None:
        session.close()


def _session(config: pytest.Config) -> Session:
    if SESSION not in config.stash:
        from sockfilter.testing.session import Session

        config.stash[SESSION] = Session(config)
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
def wire_factory(request: pytest.FixtureRequest) -> Callable[..., Wire]:
    """Further wires, with all arguments of sockfilter.capture(): wire_factory("eth0", ports=[80], netns="web")."""
    return _wires(request.node, request.config).another


@pytest.fixture(scope="session")
def wire_session(request: pytest.FixtureRequest) -> Iterator[Wire]:
    """The exchanges of the whole session, from when it is first asked for."""
    with _session(request.config).whole() as made:
        yield made


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """A test that has passed fails where it forgot to look at an expectation, or is strict and something was odd."""
    result = yield
    if WIRES in item.stash:
        wrong = item.stash[WIRES].wrong()
        if wrong:
            pytest.fail(wrong, pytrace=False)
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[Any]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Says in the report what was seen, where the test failed, and what was not whole."""
    report = yield
    if WIRES in item.stash and (call.when == "call" or report.failed):
        for title, key, text in item.stash[WIRES].said(report):
            report.sections.append((title, text))
            item.user_properties.append((key, text))
    if WIRES in item.stash and call.when == "teardown":
        item.stash[WIRES].close()
        del item.stash[WIRES]
    return report


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Names the tests whose HTTP was not whole."""
    odd = {
        report.nodeid: text
        for reports in terminalreporter.stats.values()
        for report in reports
        if getattr(report, "when", "") == "teardown" or not getattr(report, "passed", True)
        for key, text in getattr(report, "user_properties", ())
        if key == options.ODD
    }
    if odd:
        terminalreporter.section("HTTP that is not whole")
        for nodeid, text in odd.items():
            terminalreporter.write_line(f"{nodeid}:")
            terminalreporter.write_line(text)
