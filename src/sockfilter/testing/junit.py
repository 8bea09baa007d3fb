"""The results of checks as JUnit XML, which CI systems read."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

from sockfilter.escape import printable, printable_lines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sockfilter.errors import ExpectationFailed
    from sockfilter.testing.checks import Wanted

SUITE = "sockfilter check"


NOT_WRITTEN = f"""\
<?xml version="1.0" encoding="utf-8"?>
<testsuites>
<testsuite name="{SUITE}" tests="1" failures="0" errors="1" skipped="0" time="0">
<testcase classname="{SUITE}" name="results" time="0"><error message="no results were written"/></testcase>
</testsuite>
</testsuites>
"""


def junit(results: Sequence[tuple[Wanted, ExpectationFailed | None]], seconds: float) -> str:
    """Returns the document.

    Args:
        results: each check, and why it fails.
        seconds: the time that the capture took.
    """
    failures = sum(1 for _, failed in results if failed is not None)
    counts = f'name="{SUITE}" tests="{len(results)}" failures="{failures}" errors="0" skipped="0" time="{seconds:.3f}"'
    cases = "".join(_case(wanted, failed) for wanted, failed in results)
    return (
        f'<?xml version="1.0" encoding="utf-8"?>\n<testsuites>\n<testsuite {counts}>\n{cases}</testsuite>\n'
        "</testsuites>\n"
    )


def _case(wanted: Wanted, failed: ExpectationFailed | None) -> str:
    start = f'<testcase classname="{SUITE}" name={quoteattr(printable(wanted.option))} time="0"'
    if failed is None:
        return f"{start}/>\n"
    message = quoteattr(printable(failed.summary))
    return f"{start}><failure message={message}>{escape(printable_lines(str(failed)))}</failure></testcase>\n"
