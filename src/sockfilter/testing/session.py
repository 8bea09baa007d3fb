"""The captures of a test session, and the wires of each test."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from sockfilter.errors import KernelUnsupported, LibbpfMissing, MissingCapability, SockfilterError
from sockfilter.masking import set_masking
from sockfilter.testing import options
from sockfilter.testing.captures import Captures
from sockfilter.testing.evidence import Evidence
from sockfilter.testing.wire import Wire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sockfilter.errors import ExpectationFailed
    from sockfilter.observers.processes.tree import Tree
    from sockfilter.views.view import OnConnection

# Errors that rule out any capture on this machine, and not only this one.
NOT_HERE = (MissingCapability, KernelUnsupported, LibbpfMissing)
# The verbosity (-vv) at which pytest shortens nothing.
WHOLE_VERBOSITY = 2
# The arguments that select whose calls to capture.
WHOSE = {"pid", "comm", "cgroup"}


def _everything(seen: OnConnection) -> bool:
    return True


class WireSession:
    """The state that all tests of a process share.

    Args:
        config: pytest's configuration.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._directory: str = options.value(config, "wire_dir")
        self._tree: Tree | None = None
        self._has_no_tree = False
        self._masking = options.masking(config)
        if any(self._masking.values()):
            set_masking(**self._masking)
        self.captures = Captures(options.value(config, "wire_broker") or None, has_taps=bool(self._directory))

    def close(self) -> None:
        """Closes the captures."""
        if any(self._masking.values()):
            set_masking()
        self.captures.close()
        if self._tree is not None:
            self._tree.close()

    def wanted(self, scope: str) -> Callable[[OnConnection], bool] | None:
        """Returns the predicate that selects the exchanges of a scope. None: all are selected.

        Args:
            scope: "host", "tree" or "auto". "auto" means "tree" in a worker of pytest-xdist, if the process tree can be
                followed.

        Raises:
            SockfilterError: the process tree cannot be followed.
        """
        if not self._is_tree(scope) or (self._has_no_tree and scope == "auto"):
            return None
        try:
            tree = self._followed()
        except NOT_HERE:
            self._has_no_tree = True
            if scope == "auto":
                return None
            raise
        return lambda seen: tree.owns(seen.connection)

    def _is_tree(self, scope: str) -> bool:
        return scope == "tree" or (scope == "auto" and hasattr(self._config, "workerinput"))

    def _followed(self) -> Tree:
        if self._tree is None:
            from sockfilter.observers.processes.tree import Tree

            self._tree = Tree(os.getpid())
        return self._tree

    def wires(self, item: pytest.Item) -> TestWires:
        """Returns the collection of a test's wires, which is empty at first."""
        marker = item.get_closest_marker("wire")
        settings = options.settings(self._config, {} if marker is None else self._named(marker))
        if settings.scope not in options.SCOPES:
            pytest.fail(f"wire: scope={settings.scope!r}: choose from {', '.join(options.SCOPES)}", pytrace=False)
        return TestWires(self, item, settings)

    @contextmanager
    def whole(self) -> Iterator[Wire]:
        """Yields a wire for the whole session."""
        settings = options.settings(self._config, {})
        made = self.wire(settings.capture, settings.scope)
        try:
            yield made
        finally:
            self.captures.release(made.capture)

    def wire(self, arguments: dict[str, Any], scope: str) -> Wire:
        """Returns a wire that holds its capture until it is released. Skips or fails the test if there can be none.

        Args:
            arguments: the arguments of sockfilter.capture().
            scope: whose exchanges count.
        """
        by_kernel = False
        if arguments.get("via") == options.SYSCALLS:
            # For system calls, the kernel filters by process.
            if self._is_tree(scope) and not arguments.keys() & WHOSE:
                arguments = {**arguments, "pid": os.getpid()}
            by_kernel = bool(arguments.keys() & WHOSE)
            scope = "host"
        try:
            wanted = _everything if by_kernel else self.wanted(scope)
            made = Wire(self.captures.get(arguments), wanted)
        except SockfilterError as error:
            raise self._refusal(error) from None
        self.captures.hold(made.capture)
        return made

    def evidence(self, wire: Wire, test: str, number: int) -> Evidence | None:
        """Opens the files for a test's wire. None: no files are requested.

        Args:
            wire: the wire whose frames are written.
            test: the name of the test.
            number: the number of the wire in the test, from 0.
        """
        tap = self.captures.tap(wire.capture)
        return None if tap is None else Evidence(tap, self._directory, test, number)

    def _refusal(self, error: SockfilterError) -> BaseException:
        """Returns what skips the test if capturing is impossible here and not required, else what fails it."""
        is_required = options.value(self._config, "wire") == "require"
        words = f"sockfilter cannot capture: {error}"
        if isinstance(error, MissingCapability):
            words += f"; or have a broker capture: {options.BROKER}"
        if isinstance(error, NOT_HERE) and not is_required:
            return pytest.skip.Exception(words)
        return pytest.fail.Exception(words, pytrace=False)

    def _named(self, marker: pytest.Mark) -> dict[str, Any]:
        if len(marker.args) > 1:
            pytest.fail(f"@pytest.mark.wire{marker.args}: only the interface goes without its name", pytrace=False)
        return {**({"interface": marker.args[0]} if marker.args else {}), **marker.kwargs}


class TestWires:
    """The wires of one test.

    Args:
        session: the session with the captures.
        item: the test.
        settings: the settings of the test's wire.
    """

    __test__ = False

    def __init__(self, session: WireSession, item: pytest.Item, settings: options.Settings) -> None:
        self._session = session
        self._item = item
        self._settings = settings
        self._default: Wire | None = None
        self._wires: list[tuple[Wire, Evidence | None]] = []
        self._has_told = False  # whether the error already reports what was not whole

    def default(self) -> Wire:
        """Returns the test's default wire."""
        if self._default is None:
            self._default = self._made(self._settings.capture, self._settings.scope)
        return self._default

    def another(self, interface: str | None = None, **arguments: Any) -> Wire:
        """Returns a further wire. The arguments are those of sockfilter.capture(), and scope."""
        scope = arguments.pop("scope", self._settings.scope)
        return self._made({**({} if interface is None else {"interface": interface}), **arguments}, scope)

    def wrong(self) -> str:
        """Returns why a passed test fails: an unevaluated expectation or, if strict, HTTP that was not whole."""
        found = (wire.wrong(strict=self._settings.strict) for wire, _ in self._wires)
        words = "\n".join(words for words in found if words)
        self._has_told = bool(words) and self._settings.strict
        return words

    def said(self, report: pytest.TestReport, failed: ExpectationFailed | None) -> list[tuple[str, str, str]]:
        """Returns parts for the report: section title, property, text. An empty title: the error already has the text.

        Args:
            report: pytest's report of the test.
            failed: the expectation that failed. None: the report has another cause.
        """
        made = []
        whole = self._item.config.get_verbosity() >= WHOLE_VERBOSITY
        for wire, evidence in self._wires:
            where = wire.capture.source.name + ("" if wire.is_narrowed else ", all processes")
            try:
                odd = wire.oddities()
            except SockfilterError as error:  # creating a report must not raise an error
                made.append((f"HTTP on {where}", options.ODD, str(error)))
                continue
            if report.failed:
                title, seen = wire.report(failed, whole=whole)
                if seen:
                    made.append((f"HTTP on {where}{title}", options.SEEN, seen))
                if evidence is not None:
                    made.append((f"HTTP on {where}: files", options.SEEN, evidence.keep(wire.all(), wire.messages())))
            if odd:
                title = "" if self._has_told else f"HTTP on {where} that is not whole"
                made.append((title, options.ODD, "\n".join(odd)))
        return made

    def close(self) -> None:
        """Closes the files and releases the captures."""
        for wire, evidence in self._wires:
            if evidence is not None:
                evidence.close()
            self._session.captures.release(wire.capture)
        self._wires.clear()

    def _made(self, arguments: dict[str, Any], scope: str) -> Wire:
        wire = self._session.wire(arguments, scope)
        self._wires.append((wire, self._session.evidence(wire, self._item.nodeid, len(self._wires))))
        return wire
