"""Messages without a response that a capture keeps: found, expected, awaited, and dropped when there are many."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from sockfilter.errors import ExpectationFailed, InvalidArgument
from sockfilter.model import StreamMessage
from sockfilter.views.buffers import MessageBuffer
from sockfilter.views.view import View
from tests.support.exchanges import exchange
from tests.support.keeper import FakeKeeper
from tests.support.stream_messages import CLIENT, CLOSE, EVENT, SERVER, message, websocket

LOGIN = websocket(b'{"op": "login", "password": "hunter2-and-more"}', CLIENT)
READY = websocket(b"ready")


@pytest.fixture
def keeper() -> FakeKeeper:
    made = FakeKeeper()
    for each in (LOGIN, READY, EVENT, CLOSE):
        made.kept_messages.add(each)
    return made


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ({}, [LOGIN, READY, EVENT, CLOSE]),
        ({"protocol": "websocket"}, [LOGIN, READY, CLOSE]),
        ({"protocol": {"sse", "mqtt"}}, [EVENT]),
        ({"sender": "server"}, [READY, EVENT]),
        ({"sender": "client", "type": "close"}, [CLOSE]),
        ({"text": "ready"}, [READY]),
        ({"text": re.compile("^tick")}, [EVENT]),
        ({"json": {"op": "login", "password": "hunter2-and-more"}}, [LOGIN]),
        ({"json": lambda value: isinstance(value, dict) and value["op"] == "login"}, [LOGIN]),
        ({"body": b"ready"}, [READY]),
        ({"port": 80, "text": "ready"}, [READY]),
        ({"problems": "gap"}, []),
    ],
)
def test_conditions(keeper: FakeKeeper, conditions: dict[str, Any], expected: list[StreamMessage]):
    assert View(keeper).messages(**conditions) == expected  # type: ignore[arg-type]  # as much as is asked of it


@pytest.mark.parametrize(
    ("conditions", "words"),
    [({"typ": "text"}, "no condition 'typ'"), ({"sender": "me"}, "client or server"), ({"text": 7}, "a string")],
)
def test_what_can_never_hold_is_refused(keeper: FakeKeeper, conditions: dict[str, Any], words: str):
    with pytest.raises(InvalidArgument, match=words):
        View(keeper).messages(**conditions)  # type: ignore[arg-type]


def test_expectations(keeper: FakeKeeper):
    view = View(keeper)  # type: ignore[arg-type]
    assert view.expect_message(text="ready").once() is READY
    assert view.expect_message(protocol="websocket").times(3) == [LOGIN, READY, CLOSE]
    view.expect_message(text="never").never()
    assert view.expect_message(sender="server", text="ready", within=1) is READY
    view.expect_message(type="text").at_least(2)
    view.expect_message(type="text").at_most(2)


def test_a_failure_lists_what_passed_without_secrets(keeper: FakeKeeper):
    view = View(keeper)  # type: ignore[arg-type]
    with pytest.raises(ExpectationFailed) as failed:
        view.expect_message(text="steady", sender="server").once()
    said = str(failed.value)
    assert said.startswith("expected text='steady', sender='server': once; there were none\n4 others:\n")
    assert "WS < text 5 B  ready" in said
    assert "WS > close 1000 done 6 B" in said
    assert "hunter2" not in said
    assert failed.value.summary.endswith("found none; the last: WS > close 1000 done 6 B")
    with pytest.raises(ExpectationFailed, match=r"these are:\n.*ready"):
        view.expect_message(text="ready").never()
    with pytest.raises(ExpectationFailed, match="no message was seen at all"):
        View(FakeKeeper()).expect_message().once()  # type: ignore[arg-type]


def test_one_that_comes_later_is_awaited():
    keeper = FakeKeeper()
    keeper.later = lambda: keeper.kept_messages.add(READY)
    view = View(keeper)  # type: ignore[arg-type]
    assert view.expect_message(text="ready", within=10) is READY


def test_views_begin_at_a_moment(keeper: FakeKeeper):
    view = View(keeper)  # type: ignore[arg-type]
    since = view.mark()
    assert not since.messages()
    later = websocket(b"later")
    later.time_ns = keeper.now_ns + 1
    keeper.kept_messages.add(later)
    assert since.messages() == [later]
    view.clear()
    assert not view.messages()


def test_exchanges_have_the_messages_that_are_kept():
    first, second = exchange(), exchange()
    kept = MessageBuffer(3)
    made = [websocket(b"%d" % n, exchange=(first, second)[n % 2]) for n in range(5)]
    for each in made:
        kept.add(each)
    assert kept.since(0)[0] == made[2:]
    assert kept.forgotten == 2
    assert first.websocket.messages == [made[2], made[4]]
    assert second.websocket.messages == [made[3]]
    kept.forget(4)
    assert not second.websocket.messages
    assert [each.text for each in first.websocket.messages] == ["4"]


def test_the_stream_of_an_exchange():
    opened = exchange()
    assert (opened.websocket.messages, opened.websocket.close, opened.events) == ([], None, [])
    kept = MessageBuffer(9)
    for each in (websocket(b"hi", exchange=opened), websocket(b"\x03\xe8", exchange=opened, close=CLOSE.close)):
        kept.add(each)
    event = message("sse", SERVER, "price", exchange=opened)
    kept.add(event)
    assert len(opened.websocket.messages) == 2
    assert opened.websocket.close == (1000, "done")
    assert opened.events == [event]
    json.dumps(opened.to_dict())
    said = str(opened)
    assert said.count("WS < text 2 B  hi") == 1
    assert "WS < text 2 B" in said.split("\n")[-2]
    assert "SSE" not in said, "the body has it"
