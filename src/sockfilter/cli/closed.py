"""What is said about TLS connections that were not opened: how many passed, and what opens them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sockfilter.escape import printable
from sockfilter.forms.sizes import count_text

if TYPE_CHECKING:
    from sockfilter.cli.looking import InUse, Onlooker
    from sockfilter.ledger import Ledger

WAY = "--tls opens them, as far as sockfilter tls says; so does --keylog FILE if their programs write one"
WAY_OF_A_FILE = "--keylog FILE opens them, if their programs wrote one"
WAY_OF_CALLS = "system calls have no more of them; -i any with --tls or --keylog FILE may open them"


def said_of(ledger: Ledger, onlooker: Onlooker | None = None) -> str:
    """Returns a sentence about the TLS connections that passed while no secrets were asked for. Empty: none did.

    Args:
        ledger: the counters of the capture.
        onlooker: finds the TLS libraries in use. None: nobody may look.
    """
    count = ledger.packets["tls"]
    if not count:
        return ""
    passed = count_text(count, "TLS connection")
    way = WAY_OF_CALLS if ledger.calls else WAY if ledger.file is None else WAY_OF_A_FILE
    if onlooker is not None and way == WAY:
        way = onlooker.obstacle or _said_of_libraries(onlooker.look()) or way
    return f"{passed} passed: {way}"


def said_of_mid_stream(ledger: Ledger) -> str:
    """Returns a sentence about TLS connections that were open before, and were not joined. Empty: there are none."""
    count = ledger.tls.mid_stream
    if not count:
        return ""
    was = "connection was" if count == 1 else "connections were"
    return (
        f"{count} {was} open before and could not be joined (mid-stream): no secret was found in the memory of its"
        " program; new connections are opened"
    )


def said_of_missing_hellos(ledger: Ledger) -> str:
    """Returns a sentence about TLS connections whose hellos were cut or lost. Empty: there are none."""
    count = ledger.tls.hellos_missing
    if not count:
        return ""
    return f"the handshake of {count_text(count, 'connection')} was cut (-s) or lost, and nothing was opened"


def _said_of_libraries(found: list[InUse]) -> str:
    """Returns what --tls opens of the programs that use TLS, what it cannot, why, and what to do instead."""
    opens = [_users(each) for each in found if not each.reason]
    closed = [f"{_users(each)}: {each.reason}; {each.remedy}" for each in found if each.reason]
    said = [f"--tls opens those of {' and '.join(opens)}"] if opens else []
    said += [f"--tls does not open those of {each}" for each in closed]
    return printable("; ".join(said))


def _users(of: InUse) -> str:
    """Returns the programs that use a library, and its name if it is not that of the program."""
    return ", ".join(of.programs) + ("" if of.programs == (of.library,) else f" ({of.library})")


def said_of_missing_secrets(ledger: Ledger) -> str:
    """Returns a sentence about TLS connections of which none could be opened. Empty: there are none of this kind."""
    count = ledger.tls.connections
    if not count or ledger.tls.connections_opened:
        return ""
    if count == ledger.tls.mid_stream + ledger.tls.hellos_missing:
        return "; ".join(filter(None, (said_of_missing_hellos(ledger), said_of_mid_stream(ledger))))
    passed = count_text(count, "TLS connection")
    if not ledger.secrets.seen:
        return (
            f"{passed} passed, and no secret has come: their programs must write the key log (SSLKEYLOGFILE),"
            " or, with --tls, use one of the libraries that sockfilter tls lists"
        )
    return (
        f"{passed} passed, and the secrets that came are of others: their programs write another key log, or,"
        " with --tls, use none of the libraries that sockfilter tls lists"
    )
