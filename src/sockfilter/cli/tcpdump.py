"""tcpdump's options: the letters that mean the same here, and replacements for the others."""

from __future__ import annotations

import argparse

from sockfilter.cli.parser import Once

# The values of --time that -t, -tt, ... stand for.
TIMES = ("none", "epoch", "delta", "date", "relative")
# tcpdump's letters that sockfilter does not have.
ELSEWHERE = {
    "-a": "addresses are shown as numbers; -h lists all options",
    "-e": "link headers are in the file that -w FILE writes: tcpdump -e -r FILE shows them",
    "-E": "nothing is decrypted; -h lists all options",
    "-F": "write the filter on the command line: port N, host X",
    "-I": "sockfilter does not turn on monitor mode; read such frames from a file: -r",
    "-K": "checksums are never verified: remove it",
    "-L": "link types are detected: remove it",
    "-O": "there is no filter code to optimise: remove it",
    "-Q": "both directions are captured; select with --ports and --host",
    "-S": "sequence numbers are in the file that -w FILE writes: tcpdump -S -r FILE shows them",
    "-V": "-r takes several files, directories and patterns",
    "-x": "for messages as sent use --format raw; for hexadecimal -w FILE, and tcpdump -x -r FILE",
    "-X": "for messages as sent use --format raw; for hexadecimal -w FILE, and tcpdump -X -r FILE",
    "-y": "link types are detected: remove it",
    "-z": "-C, -G and -W write several files; sockfilter runs no command on them",
    "-Z": "use --user NAME",
}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds tcpdump's letters that mean the same here."""
    group = parser.add_argument_group("as in tcpdump")
    group.add_argument("-A", dest="format", action=Once, nargs=0, const="raw", help="the same as --format raw")
    group.add_argument(
        "-t",
        dest="time_letters",
        action="count",
        help="no times; -tt since 1970, -ttt since the previous line, -tttt with date, -ttttt since the first line",
    )
    group.add_argument(
        "-p", dest="promiscuous", action="store_const", const=False, help="the same as --no-promisc, the default"
    )
    group.add_argument(
        *("-n", "-l", "-U"),
        dest="as_always",
        action="count",
        help="accepted, no effect: addresses are always numbers, and output is never delayed",
    )
