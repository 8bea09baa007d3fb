"""What those who know tcpdump type: its letters that mean the same here, and what to use in place of others."""

from __future__ import annotations

import argparse

from sockfilter.cli.parser import Once

# what -t, -tt, ... stand for, as --time names it
TIMES = ("none", "epoch", "delta", "date", "relative")
# its letters that are none here
ELSEWHERE = {
    "-a": "addresses are shown as numbers; -h lists all options",
    "-e": "link headers are in the file that -w FILE writes: tcpdump -e -r FILE shows them",
    "-E": "nothing is decrypted; -h lists all options",
    "-F": "a filter stands on the command line: port N, host X",
    "-I": "monitor mode is for other programs to turn on; frames of such an interface are read from a file: -r",
    "-K": "checksums are never verified: leave it out",
    "-L": "link types are found out: leave it out",
    "-O": "there is no filter code to optimise: leave it out",
    "-Q": "both directions are captured; --ports and --host narrow that down",
    "-S": "sequence numbers are in the file that -w FILE writes: tcpdump -S -r FILE shows them",
    "-V": "-r FILE reads a capture file; one at a time",
    "-x": "bytes as they were: --format raw; in hexadecimal: -w FILE, and tcpdump -x -r FILE",
    "-X": "bytes as they were: --format raw; in hexadecimal: -w FILE, and tcpdump -X -r FILE",
    "-y": "link types are found out: leave it out",
    "-z": "-W and -C or -G write file after file; nothing is run on them",
    "-Z": "--user NAME says whom root becomes",
}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds its letters that mean the same here."""
    group = parser.add_argument_group("as in tcpdump")
    group.add_argument("-A", dest="format", action=Once, nargs=0, const="raw", help="the same as --format raw")
    group.add_argument(
        "-t",
        dest="time_letters",
        action="count",
        help="no times; -tt since 1970, -ttt since the line before, -tttt with the date, -ttttt since the first line",
    )
    group.add_argument(
        "-p", dest="promiscuous", action="store_const", const=False, help="the same as --no-promisc, which is usual"
    )
    group.add_argument(
        *("-n", "-l", "-U"),
        dest="as_always",
        action="count",
        help="as always: addresses and ports are numbers, lines and frames go out at once",
    )
