"""What a broker attaches, asked from several threads: each gets the answer to its own question."""

from __future__ import annotations

import os
import socket
import sys
import threading

from sockfilter.errors import BrokerError
from sockfilter.sources.broker import messages
from sockfilter.sources.broker.client import BorrowedAttachment

TIMES = 300
ANSWERS = {"counters": [1, 2, 3], "rebind": [4, 5, 6], "detach": [7, 8, 9]}


def answer(link: socket.socket) -> None:
    with link:
        try:
            while True:
                request, _ = messages.receive(link)
                messages.send(link, {"counters": ANSWERS[request["do"]]})
        except (BrokerError, OSError):
            pass


def test_each_thread_gets_its_own_answer():
    here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    here.settimeout(messages.ANSWER_S)
    answering = threading.Thread(target=answer, args=(there,))
    answering.start()
    attachment = BorrowedAttachment(here, [os.open("/dev/null", os.O_RDONLY) for _ in range(3)])
    wrong: list[list[int]] = []

    def ask(what: str) -> None:
        for _ in range(TIMES):
            found = attachment._ask(what)
            if found != ANSWERS[what]:
                wrong.append(found)

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        asking = [threading.Thread(target=ask, args=(what,)) for what in ("counters", "rebind")]
        for thread in asking:
            thread.start()
        for thread in asking:
            thread.join()
    finally:
        sys.setswitchinterval(before)
        attachment.close()
        answering.join()
    assert wrong == []
