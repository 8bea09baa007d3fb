"""grpc-js, ws and EventSource: what sockfilter shows is what the applications saw."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import sockfilter
from tests.support import servers
from tests.support.net import namespace
from tests.support.skips import Skip, need_tool, skip

if TYPE_CHECKING:
    from sockfilter.model import Exchange, StreamMessage

pytestmark = pytest.mark.usefixtures("root")

SCRIPT = Path(servers.__file__).parent / "node_peers.js"
PACKAGES = ("@grpc/grpc-js", "ws", "eventsource")
# npm install --prefix build/node @grpc/grpc-js ws eventsource
INSTALLED = Path(__file__).resolve().parents[2] / "build/node/node_modules"
WAIT_S = 120

Seen = tuple[dict[str, Any], "list[Exchange]", "list[StreamMessage]"]


@pytest.fixture(scope="module")
def seen() -> Seen:
    """What the applications saw, and what sockfilter did."""
    node = need_tool("node")
    paths = [str(INSTALLED), *filter(None, [os.environ.get("NODE_PATH")])]
    environment = {**os.environ, "NODE_PATH": os.pathsep.join(paths)}
    for name in PACKAGES:
        found = subprocess.run(
            [node, "-e", f"require.resolve('{name}')"], env=environment, capture_output=True, check=False
        )
        if found.returncode:
            skip(Skip.NODE_PACKAGE, f"{name}: npm install --prefix build/node {' '.join(PACKAGES)}")
    with namespace() as netns, sockfilter.capture("lo", netns=netns) as capture:
        command = ["ip", "netns", "exec", netns, node, str(SCRIPT)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=WAIT_S)
        capture.flush()
    return json.loads(done.stdout), capture.exchanges, capture.messages()


def test_calls(seen: Seen) -> None:
    applications, exchanges, _ = seen
    calls = [exchange.grpc for exchange in exchanges if exchange.grpc is not None]
    shown = [
        [call.method, call.status, call.request.count, None if call.response is None else call.response.count]
        for call in calls
    ]
    assert shown == applications["calls"]
    assert calls[1].message == "no such ä"
    assert [message.compressed for message in calls[-1].request.messages] == [True]
    assert bytes(calls[-1].request.messages[0].content) == b"z" * 500


def test_messages(seen: Seen) -> None:
    applications, _, messages = seen
    shown = [
        [message.sender, message.kind, message.close.code if message.close else message.body.length]
        for message in messages
        if message.protocol == "websocket"
    ]
    assert sorted(map(str, shown)) == sorted(map(str, applications["messages"]))


def test_events(seen: Seen) -> None:
    applications, _, messages = seen
    assert [[event.kind, event.text] for event in messages if event.protocol == "sse"] == applications["events"]
