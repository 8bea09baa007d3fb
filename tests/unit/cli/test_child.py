"""The command behind --, where this process may not signal it any more."""

from __future__ import annotations

import os
import signal
from typing import NoReturn

import pytest

from sockfilter.cli.child import Child
from sockfilter.cli.signals import Signals


def refuse(number: int) -> NoReturn:
    raise PermissionError(number)


def test_what_may_not_be_signalled_goes_on_alone(monkeypatch: pytest.MonkeyPatch):
    """It is root's, and this process has become somebody else: it ends, and does not wait."""
    with Signals() as signals:
        child = Child(("sleep", "1000"), signals)
        process = child._held.process
        try:
            monkeypatch.setattr(process, "send_signal", refuse)
            child.release()
            assert not child.has_ended()
            signal.raise_signal(signal.SIGTERM)
            assert child.has_ended()
            assert child.status() == 128 + signal.SIGTERM
            assert process.poll() is None
        finally:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()


def test_ctrl_c_reaches_both_and_is_not_passed_on(monkeypatch: pytest.MonkeyPatch):
    with Signals() as signals:
        child = Child(("true",), signals)
        monkeypatch.setattr(child._held.process, "send_signal", refuse)
        signal.raise_signal(signal.SIGINT)
        child.release()
        while not child.has_ended():
            pass
        assert child.status() == 0
