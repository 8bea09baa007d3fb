"""What can be copied and saved of exchanges, through the forms and outputs of the library."""

from __future__ import annotations

import os
from io import BytesIO
from typing import TYPE_CHECKING, NamedTuple

from sockfilter import __version__
from sockfilter.errors import SockfilterError
from sockfilter.forms.har_parts import url_of
from sockfilter.forms.json_dict import shown_body
from sockfilter.masking import mask_target
from sockfilter.outputs.har_text import HarText
from sockfilter.outputs.jsonl import JsonOutput
from sockfilter.outputs.repeating import curl_output, pytest_output

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from sockfilter.model import Exchange

    Maker = Callable[[Sequence[Exchange], bool], bytes]

# Names that are tried for a file: no person saves more of one exchange.
NAMES_MAX = 1000
# Bytes that are copied: terminals refuse more, and a person pastes less.
COPIED_BYTES_MAX = 100_000
NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class SavedForm(NamedTuple):
    """A form in which exchanges are copied and saved.

    Attributes:
        key: the key that chooses it.
        words: what it is.
        ending: that of its files.
        make: returns the bytes of some exchanges, with secrets or not. Raises SockfilterError.
        is_of_one: whether it is a form of one exchange.
    """

    key: str
    words: str
    ending: str
    make: Maker
    is_of_one: bool = False


def _curl(exchanges: Sequence[Exchange], show_secrets: bool) -> bytes:
    output = curl_output(BytesIO(), show_secrets=show_secrets)
    return b"".join(map(output.render, exchanges))


def _pytest(exchanges: Sequence[Exchange], show_secrets: bool) -> bytes:
    sink = BytesIO()
    output = pytest_output(sink, show_secrets=show_secrets)
    for exchange in exchanges:
        output.write(exchange)
    output.flush()
    return sink.getvalue()


def _har(exchanges: Sequence[Exchange], show_secrets: bool) -> bytes:
    text = HarText(__version__, show_secrets=show_secrets)
    for exchange in exchanges:
        text.add(exchange)
        for message in list(exchange.messages):
            text.add_message(message)
    parts = text.take()
    return b"".join(part for part, _ in parts) + (parts[-1][1] if parts else b"")


def _jsonl(exchanges: Sequence[Exchange], show_secrets: bool) -> bytes:
    output = JsonOutput(BytesIO(), bodies=True, show_secrets=show_secrets)
    return b"".join(map(output.render, exchanges))


def _url(exchanges: Sequence[Exchange], show_secrets: bool) -> bytes:
    request = exchanges[0].request
    if request is None:
        raise SockfilterError("the request was not seen")
    target = request.target if show_secrets else mask_target(request.target)
    scheme = request.head.scheme or ("https" if exchanges[0].tls is not None else "http")
    return url_of(scheme, request.authority, str(exchanges[0].server), target).encode()


def _body(half: str) -> Maker:
    def make(exchanges: Sequence[Exchange], show_secrets: bool) -> bytes:
        message = getattr(exchanges[0], half)
        content = None if message is None else shown_body(message, show_secrets)
        if not content:
            raise SockfilterError(f"the {half} has no body that was kept; --body keeps more")
        return content

    return make


FORMS = (
    SavedForm("c", "curl command", "sh", _curl),
    SavedForm("h", "HAR (HTTP archive)", "har", _har),
    SavedForm("p", "pytest source", "py", _pytest),
    SavedForm("j", "JSON lines", "jsonl", _jsonl),
    SavedForm("u", "URL", "url", _url, is_of_one=True),
    SavedForm("q", "body of the request", "request.body", _body("request"), is_of_one=True),
    SavedForm("r", "body of the response", "response.body", _body("response"), is_of_one=True),
)


def frames_form(frames: Callable[[Iterable[int]], bytes]) -> SavedForm:
    """Returns the form that has the frames of the connections. Its secrets cannot be masked."""

    def make(exchanges: Sequence[Exchange], show_secrets: bool) -> bytes:
        return frames({stream for exchange in exchanges for stream in exchange.connection.streams})

    return SavedForm("n", "frames of the connection as pcapng, secrets included", "pcapng", make)


def write_new(folder: str, name: str, ending: str, content: bytes) -> str:
    """Writes a new file that only its owner may read. Returns its path. Raises OSError."""
    for number in range(1, NAMES_MAX):
        path = os.path.join(folder, f"{name}{'' if number == 1 else f'-{number}'}.{ending}")
        try:
            fd = os.open(path, NEW_FILE, 0o600)
        except FileExistsError:
            continue
        with open(fd, "wb") as file:
            file.write(content)
        return path
    raise FileExistsError(f"{folder} has {NAMES_MAX} files called {name}-N.{ending} already")
