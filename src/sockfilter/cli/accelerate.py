"""sockfilter accelerate: runs a command whose local connections go past TCP, if this kernel does that as TCP would."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

from sockfilter.cli import arguments, settings, subcommand
from sockfilter.cli.capture_words import divided
from sockfilter.cli.child import SIGNALLED
from sockfilter.cli.descriptors import say
from sockfilter.cli.ending import fail
from sockfilter.cli.run import Run
from sockfilter.cli.stdout import StandardOutput
from sockfilter.errors import InvalidArgument, KernelUnsupported, MissingCapability, SockfilterError
from sockfilter.escape import printable
from sockfilter.forms.sizes import size_text

if TYPE_CHECKING:
    from sockfilter.accelerating.accelerator import AccelerateCounts, Accelerator, Splicer
    from sockfilter.accelerating.group import OwnGroup
    from sockfilter.accelerating.self_test import Tried
    from sockfilter.cli.arguments import Options
    from sockfilter.cli.child import Child
    from sockfilter.cli.signals import Signals

OK, UNSAFE = 0, 1

DESCRIPTION = """\
Experimental. Runs a command and shows its exchanges, as sockfilter -- COMMAND does. Connections between its processes
go from socket to socket, past TCP, if a test at the start finds that applications on this kernel see no difference.
Otherwise it says what differs, and the command runs over TCP.
"""
EPILOG = """\
examples:
  sudo sockfilter accelerate --self-test                   what this kernel does otherwise than TCP
  sudo sockfilter accelerate --dry-run -- make check       how many connections and bytes would qualify
  sudo sockfilter accelerate -- make check                 run it

exit status: as for a capture with a command. With --self-test, 0 there is no difference; 1 there is one.
"""


def get_parser() -> argparse.ArgumentParser:
    """Returns the parser of the options that a capture does not have."""
    parser = subcommand.parser("accelerate", DESCRIPTION, EPILOG)
    parser.usage = "%(prog)s [options of a capture] [options] -- COMMAND [ARGUMENT ...]"
    parser.add_argument(
        "--dry-run", action="store_true", help="run the command over TCP; say at the end what would qualify"
    )
    parser.add_argument(
        "--self-test", action="store_true", help="try all that can go wrong on this kernel, print a table, and end"
    )
    return parser


def run(words: list[str], signals: Signals) -> int:
    """Runs the command or the self-test. Returns the exit status. Raises SockfilterError and OSError."""
    parsed = divided(get_parser(), words)
    if isinstance(parsed, int):
        return parsed
    own, rest, command = parsed
    if own.self_test:
        if own.dry_run or rest or command:
            raise InvalidArgument("--self-test takes no command and no other option")
        return _self_test(StandardOutput(signals), signals)
    if not command:
        raise InvalidArgument("sockfilter accelerate: which command? sockfilter accelerate -- COMMAND ARGUMENT ...")
    options = arguments.parse(rest + command, settings.values)
    if options.via != arguments.SYSCALLS:
        raise InvalidArgument("packets do not show what goes past TCP: leave out -i and --via, for system calls")
    try:
        return _run(options, signals, own.dry_run)
    except MissingCapability as error:
        return fail(error, beside=True)


def _run(options: Options, signals: Signals, is_dry: bool) -> int:
    """Runs the command. Returns the exit status."""
    from sockfilter.accelerating.accelerator import Accelerator
    from sockfilter.accelerating.group import OwnGroup

    try:
        if not is_dry:
            _check_kernel(signals)
        if signals.end_asked:
            return SIGNALLED + signals.end_number
        gains = [] if options.quiet else _gains()
        with OwnGroup() as group, Accelerator(group.path, dry_run=is_dry) as accelerator:
            status = AcceleratedRun(options, signals, StandardOutput(signals), group).run()
            if not options.quiet:
                say(_qualified(accelerator.counts) if is_dry else _accelerated(accelerator))
                if accelerator.counts.splices:
                    say(_spliced(accelerator.splicers, is_dry))
                if accelerator.counts.connections and gains:
                    say(_gained(gains))
            return status
    except KernelUnsupported as error:
        if signals.end_asked:
            return SIGNALLED + signals.end_number
        say(f"not {'counted' if is_dry else 'accelerated'}: {error}; the command runs over TCP")
        return Run(options, signals, StandardOutput(signals)).run()


def _check_kernel(signals: Signals) -> None:
    """Raises KernelUnsupported with what differs from TCP on this kernel. Ends early if a signal requests the end."""
    from sockfilter.accelerating import self_test

    fault = self_test.first_fault(lambda: signals.end_asked)
    if fault is not None:
        raise KernelUnsupported(
            f"Linux {os.uname().release}, {fault.hazard.name}: {_seen(fault)}, by TCP {fault.plain}"
            " (sockfilter accelerate --self-test shows all)"
        )


class AcceleratedRun(Run):
    """A capture whose command runs in a control group of its own."""

    def __init__(self, options: Options, signals: Signals, sink: StandardOutput, group: OwnGroup) -> None:
        super().__init__(options, signals, sink)
        self._group = group

    def _held(self) -> Child | None:
        child = super()._held()
        if child is not None:
            try:
                self._group.add(child.pid)
            except SockfilterError:
                child.drop()
                raise
        return child


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _qualified(counts: AccelerateCounts) -> str:
    return (
        f"dry run: {_number(counts.connections, 'connection')} between processes of the command would qualify;"
        f" those that are closed carried {size_text(counts.tcp_bytes)}"
    )


def _gains() -> list[float]:
    """Measures what is gained past TCP, before the command begins: a capture gives up the rights for it."""
    from sockfilter.accelerating import self_test

    try:
        return self_test.gains()
    except SockfilterError:  # a dry run does without
        return []


def _gained(gains: list[float]) -> str:
    return (
        f"measured on this machine: small requests on one connection past TCP, {gains[len(gains) // 2]:.1f} times the"
        f" rate of TCP ({gains[0]:.1f} to {gains[-1]:.1f} in {_number(len(gains), 'pair')} of runs)"
    )


def _spliced(splicers: list[Splicer], is_dry: bool) -> str:
    named = ", ".join(f"{printable(one.name)}[{one.pid}] {_number(one.calls, 'time')}" for one in splicers)
    then = "nothing would go past TCP from the first of these on" if is_dry else "from the first on, all went by TCP"
    return f"splice(2) from sockets, which many kernels get wrong past TCP: {named}; {then}"


def _accelerated(accelerator: Accelerator) -> str:
    counts = accelerator.counts
    return (
        f"accelerated: {_number(counts.connections, 'connection')} between processes of the command,"
        f" {size_text(counts.redirected_bytes)} in {_number(counts.messages, 'message')} went past TCP,"
        f" {size_text(counts.tcp_bytes)} by TCP; {_number(counts.left, 'direction')} went back to TCP"
    )


def _self_test(sink: StandardOutput, signals: Signals) -> int:
    """Tries everything, and prints a table. Returns the exit status."""
    from sockfilter.accelerating.self_test import tried

    form = "{:<34} {:<42} {:<42} {}\n"
    sink.write(form.format(f"Linux {os.uname().release}", "by TCP", "past TCP", "result").encode())
    faults = 0
    for one in tried():
        if signals.end_asked:
            return SIGNALLED + signals.end_number
        faults += not one.is_safe
        verdict = "as TCP" if one.is_safe else "NOT SAFE"
        rate = f", {one.ratio:.1f} times as fast" if one.hazard.is_load else ""
        sink.write(form.format(one.hazard.name, str(one.plain), _seen(one), verdict + rate).encode())
    differ = f"{_number(faults, 'difference')}: on this kernel, the command runs over TCP"
    say(differ if faults else "no difference: on this kernel, connections of the command go past TCP")
    return UNSAFE if faults else OK


def _seen(one: Tried) -> str:
    return str(one.accelerated) if one.has_moved else f"{one.accelerated} (nothing went past TCP)"
