"""What the options make of exchanges: what is kept of bodies, and the output that shows them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from sockfilter import __version__
from sockfilter.cli import arguments, stdout
from sockfilter.cli.arguments import CURL, HAR, PARQUET, PYTEST, WITH_BODIES
from sockfilter.cli.descriptors import STDOUT
from sockfilter.cli.values import JSONL

if TYPE_CHECKING:
    from sockfilter.cli.arguments import Options
    from sockfilter.cli.stdout import StandardOutput
    from sockfilter.model.policy import BodyPolicy
    from sockfilter.outputs.har_text import HarText
    from sockfilter.outputs.output import Output


def policy(options: Options) -> BodyPolicy:
    """Returns what to keep of bodies, which depends on what is shown of them."""
    from sockfilter.captures.wanted import ALL
    from sockfilter.model.policy import BodyPolicy

    limit = ALL if options.body is None else options.body
    if options.format == "raw":
        return BodyPolicy(limit, decodes=False, as_sent=True)
    if options.stats and not options.writes_har:
        return BodyPolicy(0, decodes=False)
    if options.format in WITH_BODIES or options.writes_har or options.verbosity >= 2 or options.has_body:
        return BodyPolicy(limit)
    if options.format in (JSONL, PARQUET):
        return BodyPolicy(0)
    return BodyPolicy(0, decodes=False)


def set_masking(options: Options) -> None:
    """Sets the names of secrets that the user has added and removed."""
    if options.mask or options.unmask:
        from sockfilter.masking import set_masking

        set_masking(*(names.split(",") if names else () for names in (options.mask, options.unmask)))


def output(options: Options, sink: StandardOutput) -> Output:
    """Returns the output that was chosen, as a tree if that was. Imports no other output."""
    if not options.tree:
        return _form(options, sink)
    from sockfilter.outputs.tree import TreeOutput

    return TreeOutput(sink, _form(options, sink))


def _form(options: Options, sink: StandardOutput) -> Output:
    if options.stats:
        from sockfilter.cli import statistics

        return statistics.output(options, sink)
    if options.format == HAR:
        from sockfilter.cli.har import HarStandardOutput
        from sockfilter.outputs.har import HarOutput

        return HarOutput(HarStandardOutput(sink), har_text(options))
    if options.format == CURL:
        from sockfilter.outputs.repeating import curl_output

        return curl_output(sink, show_secrets=options.show_secrets)
    if options.format == PYTEST:
        from sockfilter.outputs.repeating import pytest_output

        return pytest_output(sink, show_secrets=options.show_secrets)
    if options.format == JSONL:
        from sockfilter.outputs.jsonl import JsonOutput

        return JsonOutput(sink, bodies=options.has_body, show_secrets=options.show_secrets)
    if options.format == "raw":
        from sockfilter.outputs.raw import RawOutput

        return RawOutput(sink, escape=os.isatty(STDOUT), show_secrets=options.show_secrets)
    from sockfilter.forms.line import BODIES
    from sockfilter.outputs.lines import TextOutput

    return TextOutput(
        sink,
        verbosity=BODIES if options.has_body else options.verbosity,
        colour=stdout.wants_colour(options.colour),
        show_secrets=options.show_secrets,
        interfaces=options.interface == arguments.ANY or len(options.interfaces) > 1,
        processes=options.processes is True,
        time=options.time,
        columns=stdout.columns if not options.wide and os.isatty(STDOUT) else None,
    )


def har_text(options: Options) -> HarText:
    """Returns what makes the text of an HTTP archive."""
    from sockfilter.outputs.har_text import HarText

    bodies = options.body != 0
    return HarText(__version__, bodies=bodies, show_secrets=options.show_secrets, messages=options.messages)
