"""No secret is in anything that is shown, wherever it travels, all are where they are asked for; the rest stays."""

from __future__ import annotations

from base64 import b64decode
from functools import cache

import pytest

from sockfilter.forms.json_dict import to_dict
from sockfilter.forms.line import BODIES, HEADERS
from sockfilter.masking import mask_arguments, mask_field, mask_json, mask_target
from sockfilter.outputs.jsonl import JsonOutput
from sockfilter.outputs.lines import TextOutput
from sockfilter.outputs.raw import RawOutput
from sockfilter.protocols.body import BodyPolicy
from tests.support import ordinary
from tests.support.secrets import commands, places
from tests.support.wire import EVERYTHING, Orders, Paper, Road, Wire, read_by

AS_SENT = BodyPolicy(1 << 62, decodes=False, as_sent=True)


@cache
def exchanges(policy: BodyPolicy = EVERYTHING) -> list:
    """One for each place."""
    wire = Wire()
    for number, place in enumerate(places()):
        connection = wire.connection(f"10.0.0.1:{40000 + number}")
        connection.client(place.request)
        connection.server(place.response)
        connection.close()
    return read_by(Road(Orders(), policy, True, has_lane=False), wire.records)[0]


SINKS = {
    "text": lambda x, shows: TextOutput(Paper(), show_secrets=shows).render(x),
    "headers": lambda x, shows: TextOutput(Paper(), verbosity=HEADERS, show_secrets=shows).render(x),
    "bodies": lambda x, shows: TextOutput(Paper(), verbosity=BODIES, show_secrets=shows).render(x),
    "json": lambda x, shows: JsonOutput(Paper(), show_secrets=shows).render(x),
    "json with bodies": lambda x, shows: JsonOutput(Paper(), bodies=True, show_secrets=shows).render(x),
    "raw": lambda x, shows: RawOutput(Paper(), show_secrets=shows).render(x),
    "raw, escaped": lambda x, shows: RawOutput(Paper(), escape=True, show_secrets=shows).render(x),
}
# what has no switch
ALWAYS = {
    "repr": lambda x: f"{x!r} {x.request!r} {x.response!r} {x.request.headers!r} {x.response.headers!r}",
    "str": str,
}


def shown(sink: str, *, shows: bool) -> str:
    made = exchanges(AS_SENT if sink.startswith("raw") else EVERYTHING)
    assert len(made) == len(places())
    return "".join(SINKS[sink](x, shows).decode("utf-8", "replace") for x in made)


def test_there_are_many_places() -> None:
    assert len(places()) >= 170
    assert len(commands()) >= 105


@pytest.mark.parametrize("sink", SINKS)
def test_no_secret_is_shown(sink: str) -> None:
    text = shown(sink, shows=False)
    assert [place.what for place in places() if place.secret in text] == []


@pytest.mark.parametrize("sink", ALWAYS)
def test_no_secret_is_in_what_an_exchange_says_of_itself(sink: str) -> None:
    text = "".join(map(ALWAYS[sink], exchanges()))
    assert [place.what for place in places() if place.secret in text] == []


@pytest.mark.parametrize("sink", ["bodies", "json with bodies", "raw"])
def test_all_are_shown_where_they_are_asked_for(sink: str) -> None:
    text = shown(sink, shows=True)
    assert [place.what for place in places() if place.secret not in text] == []


def test_sizes_are_those_of_the_wire() -> None:
    for exchange in exchanges():
        hidden, told = (to_dict(exchange, show_secrets=shows) for shows in (False, True))
        for half in ("request", "response"):
            for key in ("wire_len", "len", "kept"):
                assert hidden[half]["body"].get(key) == told[half]["body"].get(key)


@pytest.mark.parametrize(("secret", "arguments"), commands(), ids=lambda one: one if isinstance(one, str) else one[0])
def test_no_secret_is_in_a_command_line(secret: str, arguments: tuple[str, ...]) -> None:
    masked = mask_arguments(arguments)
    assert not any(secret in word for word in masked)
    assert len(masked) == len(arguments)
    assert masked[0] == arguments[0]


def test_a_body_that_is_no_text_is_masked_before_it_is_encoded() -> None:
    wire = Wire()
    connection = wire.connection()
    part = b'--x\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n'
    body = part % (b"file", b"\xff\x00") + part % (b"password", b"hunter2") + b"--x--\r\n"
    fields = b"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: %d\r\n\r\n" % len(body)
    connection.client(b"POST / HTTP/1.1\r\n" + fields + body)
    connection.server(b"HTTP/1.1 204 No Content\r\n\r\n")
    (exchange,) = wire.read()
    shown = b64decode(to_dict(exchange, show_secrets=False)["request"]["body"]["base64"])
    assert shown == body.replace(b"hunter2", b"***")


def test_ordinary_traffic_stays_as_it_is() -> None:
    """At most one value of a thousand is masked in error; today none is."""
    changed = [(name, value) for name, value in ordinary.fields() if mask_field(name, value) != value]
    changed += [target for target in ordinary.targets() if mask_target(target) != target]
    changed += [document for document in ordinary.documents() if mask_json(document) != document]
    lines = [*ordinary.commands(), *(("sh", "-c", " ".join(words)) for words in ordinary.commands())]
    changed += [words for words in lines if mask_arguments(words) != words]
    count = len(ordinary.fields()) + len(ordinary.targets()) + len(ordinary.documents()) + len(lines)
    assert count >= 3000
    assert changed == []
