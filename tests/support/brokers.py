"""Servers of MQTT, AMQP and SMTP on loopback, and what they were told."""

from __future__ import annotations

import asyncio
import queue
import socket
import subprocess
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.support.net import free_port
from tests.support.skips import need_tool

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

START_S = 15.0
END_S = 10.0
BETWEEN_TRIES_S = 0.02

MOSQUITTO = """\
listener {port} 127.0.0.1
allow_anonymous true
persistence false
log_dest none
user root
"""


@contextmanager
def mosquitto(folder: Path) -> Iterator[int]:
    """A broker of MQTT; its port."""
    port = free_port()
    settings = folder / "mosquitto.conf"
    settings.write_text(MOSQUITTO.format(port=port))
    process = subprocess.Popen([need_tool("mosquitto"), "-c", str(settings)], stderr=subprocess.DEVNULL)
    try:
        _wait_for(port, process)
        yield port
    finally:
        process.terminate()
        process.wait(END_S)


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        assert process.poll() is None, "the server has ended"
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(BETWEEN_TRIES_S)
        else:
            return
    raise AssertionError(f"nothing listens on port {port}")


class Taken(NamedTuple):
    """A mail as the server took it."""

    sender: str
    recipients: list[str]
    content: bytes


class Mailbox:
    """What a server of SMTP does: it refuses recipients and mails that say so."""

    def __init__(self) -> None:
        self.taken: list[Taken] = []

    async def handle_RCPT(  # noqa: N802  # the name that aiosmtpd calls
        self, server: object, session: object, envelope: Any, address: str, options: list[str]
    ) -> str:
        if address.startswith("no"):
            return "550 5.1.1 no such user"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: object, session: object, envelope: Any) -> str:  # noqa: N802  # as above
        self.taken.append(Taken(envelope.mail_from, envelope.rcpt_tos, envelope.content))
        return "554 5.7.1 go away" if b"refuse me" in envelope.content else "250 2.0.0 taken"


@contextmanager
def smtp_server() -> Iterator[tuple[int, Mailbox]]:
    """A server of SMTP: its port, and what it took."""
    from aiosmtpd.controller import Controller

    mailbox = Mailbox()
    controller = Controller(mailbox, hostname="127.0.0.1", port=free_port())
    controller.start()
    try:
        yield controller.port, mailbox
    finally:
        controller.stop()


@contextmanager
def amqp_server() -> Iterator[int]:
    """A server of AMQP 0-9-1; its port."""
    from amqp_mock import create_amqp_mock

    started: queue.SimpleQueue[int] = queue.SimpleQueue()
    ended = threading.Event()

    async def serve() -> None:
        async with create_amqp_mock() as mock:
            started.put(mock._amqp_server.port)
            await asyncio.get_running_loop().run_in_executor(None, ended.wait)

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    try:
        yield started.get(timeout=START_S)
    finally:
        ended.set()
        thread.join(END_S)
