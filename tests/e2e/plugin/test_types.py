"""Tests of users that are type-checked: what the plugin gives has types, and they are the right ones."""

from __future__ import annotations

import inspect
import subprocess
import sys
import textwrap
from collections.abc import Callable
from importlib.util import find_spec

import pytest

from sockfilter import testing
from tests.support.skips import Skip, skip

# of mypy, which reads all of pytest at first
CHECK_S = 300

SAMPLE = """
    from __future__ import annotations

    import re

    import pytest

    from sockfilter import Exchange, Where
    from sockfilter.testing import AsyncView, Expectation, ExpectationFailed, Wire, WireFactory


    @pytest.mark.wire(body=100)
    def test_expectations(wire: Wire) -> None:
        made: Expectation = wire.expect(Where(status=200), method="POST", path="/charge", json={"sum": 3})
        one: Exchange = made.once(within=1.5)
        several: list[Exchange] = made.times(2)
        ordered: list[Exchange] = wire.expect().in_order(Where(path="/a"), {"path": re.compile("b")}, within=2)
        wire.expect(problems="no-response").never(within=0.1)
        assert [one, *several, *ordered] and wire.expect(path="/a").within(1).complete


    def test_exchanges(wire: Wire, wire_session: Wire) -> None:
        exchange = wire.wait_for(path="/a", timeout=1)
        assert exchange.response is not None and exchange.response.status == 200
        assert exchange.request is not None and exchange.request.query["id"] == ["3"]
        assert wire.first(path="/b") is None and [made.id for made in wire.each(timeout=1)] == []
        assert wire_session.mark().pending == [] and wire.ledger.is_balanced
        with pytest.raises(ExpectationFailed) as failed:
            wire.one(path="/c")
        assert failed.value.summary and failed.value.exchange is not None


    def test_factory(wire_factory: WireFactory) -> None:
        assert wire_factory("lo", ports=[8000], scope="tree").all() == []
        assert wire_factory(via="syscalls", unix=True).losses() == {}
        assert wire_factory(via="syscalls", comm=["curl", "wget"], host=["10.0.0.0/8", "::1"]).losses() == {}


    async def test_coroutines(wire: Wire) -> None:
        view: AsyncView = wire.aio
        assert (await view.wait_for(path="/a")).complete
        async for exchange in view:
            assert exchange.id
"""
WRONG = """
    from sockfilter.testing import Wire, WireFactory


    def test_it(wire: Wire, wire_factory: WireFactory) -> None:
        wire.expect(pth="/a").once()
        wire.expect(1)
        wire.expect(path="/a").once(1)
        wire_factory(port=80)
        wire.wait_for(path="/a").status
"""


Check = Callable[[str], subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def check(tmp_path_factory: pytest.TempPathFactory) -> Check:
    """Runs mypy on a source; what it knows of pytest and sockfilter is kept for the next."""
    if find_spec("mypy") is None:
        skip(Skip.TOOL, "mypy")
    folder = tmp_path_factory.mktemp("types")

    def run(source: str) -> subprocess.CompletedProcess[str]:
        path = folder / "test_sample.py"
        path.write_text(textwrap.dedent(source))
        command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(folder / "cache"), path.name]
        return subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, timeout=CHECK_S)

    return run


def test_a_users_tests_pass_mypy_strict(check: Check):
    done = check(SAMPLE)
    assert (done.returncode, done.stdout) == (0, "Success: no issues found in 1 source file\n"), done.stderr


def test_mistakes_are_found(check: Check):
    done = check(WRONG)
    errors = [line.split("error: ")[1] for line in done.stdout.splitlines() if "error: " in line]
    for words in ('"pth"', '"expect"', '"once"', '"port"', '"status"'):
        assert any(words in error for error in errors), done.stdout
    assert len(errors) == 5, done.stdout


def test_the_page_of_types_passes_too(check: Check):
    from tests.e2e.plugin.test_docs import PAGE

    text = PAGE.read_text().partition("## Types")[2]
    source = text.partition("```python\n")[2].partition("```")[0]
    done = check(f"import subprocess\n\n{source}")
    assert done.returncode == 0, done.stdout


def test_every_public_name_is_there():
    for name in testing.__all__:
        assert inspect.isclass(getattr(testing, name)), name
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        _ = testing.Nothing
