"""The course of a run, from its greeting to its summary."""

from __future__ import annotations

import gc
import math
import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from sockfilter.cli import arguments, greeting, privileges, watching
from sockfilter.cli.descriptors import STDOUT, say
from sockfilter.cli.ending import LOST, LOST_BESIDE, OK, Reason, fail
from sockfilter.cli.idle import Idle
from sockfilter.cli.run_parts import RunParts
from sockfilter.cli.stdout import Stalled
from sockfilter.cli.summary import one_line, summary, undecided
from sockfilter.errors import CaptureFileError, InvalidArgument, SockfilterError

if TYPE_CHECKING:
    from sockfilter.captures.archive import ArchiveCapture
    from sockfilter.captures.capture import Capture
    from sockfilter.cli import hints
    from sockfilter.ledger import Ledger


class Run(RunParts):
    """One capture, from its greeting to its summary. The arguments are those of RunParts.

    Attributes:
        tells_user: whether to say why the process stays root.
    """

    tells_user = True

    @property
    def ledger(self) -> Ledger | None:
        """The counters, at the end of the capture. None: it never began."""
        return self._ledger

    @property
    def shown(self) -> int:
        """The number of exchanges shown."""
        return self._shown

    @property
    def problems(self) -> dict[str, int]:
        """The problems of the exchanges shown."""
        return self._report.problems

    def run(self) -> int:
        """Runs the capture. Returns the exit status. Raises KeyboardInterrupt after a second request to end."""
        about: dict[str, Any] = {}
        try:
            reason = self._captured()
            status = self._status(reason, about)
            self._stay(reason)
        except (SockfilterError, OSError) as error:
            reason = Reason.READER_GONE if isinstance(error, BrokenPipeError) else Reason.ERROR
            if reason is Reason.ERROR:
                about["error"] = str(error)
            status = fail(error, beside=bool(self._options.command))
            self._stay(reason)
        except KeyboardInterrupt:
            self._report.end(self._ledger, self._shown, Reason.SIGNAL, OK, signal=self._signals.end_name)
            raise
        finally:
            for each in self._beside:
                each.close()
            if self._onlooker is not None:
                self._onlooker.close()
        if reason is Reason.SIGNAL:
            about["signal"] = self._signals.end_name
        self._report.end(self._ledger, self._shown, reason, status, **about)
        return status

    def _stay(self, reason: Reason) -> None:
        """Lets the page stay after a capture that ended by itself."""
        is_over = reason in (Reason.SIGNAL, Reason.READER_GONE, Reason.READER_STOPPED)
        if self._web is not None and self._is_capturing and not is_over:
            self._web.stay(self._signals)

    def _status(self, reason: Reason, about: dict[str, Any]) -> int:
        """Returns the exit status of a capture that ended without an error. Adds the command's results to about."""
        assert self._ledger is not None  # set when the capture ended
        is_lost = reason is Reason.READER_STOPPED or bool(self._ledger.losses())
        loss = is_lost and self._options.fail_on_loss
        if self._child is None:
            return LOST if loss else OK
        status = self._child.status()
        about["command"] = {"status": status}
        return LOST_BESIDE if loss and not status else status

    def _captured(self) -> Reason:
        """Captures, from the greeting to the summary. Returns why the capture ended."""
        self._prepare()
        with self._capture() as capture:
            if self._options.tls:
                self._prepare_tls(capture)
            past_network, began = self._look_around()
            self._give_up(capture)
            self._begin(capture)
            is_forced = False
            try:
                return self._followed_to_its_end(capture, began)
            except KeyboardInterrupt:
                # A second signal: records that have not been read stay unread, which is not an imbalance.
                is_forced = True
                raise
            finally:
                self._close(capture, is_forced=is_forced)
                if not self._options.quiet and self._report.is_beside_text:
                    self._sum_up(past_network, is_forced=is_forced)

    def _prepare(self) -> None:
        """Checks what can be checked before anything is opened, and starts the processes beside the capture."""
        options = self._options
        if options.host is not None:
            from sockfilter.cli import hosts  # imported only when hosts are given

            self._hosts = hosts.addresses(options.host, options.family)
        _ = self._policy  # checks the filter
        if options.proto:
            from sockfilter.protobuf.schema import set_protos  # imported only when there is a schema

            set_protos(*options.proto)
        self._choice = privileges.choice(options.user, self._directories, self._followed)
        self._start_beside()
        _ = self._dataset  # checks the directory
        if not options.tls:
            self._child = self._held()

    def _look_around(self) -> tuple[str, hints.Start | None]:
        """Looks around before the rights are given up. Returns what goes past the network, and what hints need."""
        past_network = watching.past_network() if self._options.interface is not None else ""
        if not self._has_watcher:
            return past_network, None
        if not (self._options.tls or self._options.keylog):
            self._onlooker = watching.onlooker()
        return past_network, watching.look_around(past_network)

    def _begin(self, capture: Capture | ArchiveCapture) -> None:
        """Greets, and lets begin what waits for the capture."""
        options, source = self._options, capture.source
        source.also_wake_for(self._signals.fd)
        if self._sink.is_pipe:
            source.also_wake_for(STDOUT)
        if self._child is not None:
            source.also_wake_for(self._child.fileno())
        if not options.quiet:
            for line in greeting.lines(options, capture, self._hosts, self._about_filter):
                say(line)
        if self._choice.reason and self.tells_user:
            say(self._choice.reason)
        self._is_capturing = True
        for each in self._beside:
            each.begin(capture)

    def _followed_to_its_end(self, capture: Capture | ArchiveCapture, began: hints.Start | None) -> Reason:
        """Reads records until the capture ends, and closes it. Returns why it ended."""
        try:
            if self._child is not None:
                self._child.release()
            reason = self._pump(capture, began)
            if reason is Reason.SIGNAL:
                # The user is waiting: exclude the open objects from another garbage collection.
                gc.freeze()
                capture.hurry()
            capture.close()
            self._fan.flush()
            if capture.source.damage is not None:
                raise capture.source.damage
        except CaptureFileError:
            # Standard output may still have room.
            with suppress(CaptureFileError):
                capture.close()
            self._fan.flush()
            raise
        except Stalled as error:
            # The capture has ended as requested: this is not an error, and no pipe is broken.
            reason = Reason.READER_STOPPED
            say(str(error))
        return reason

    def _close(self, capture: Capture | ArchiveCapture, *, is_forced: bool) -> None:
        """Closes the capture, and takes its ledger."""
        try:
            capture.close()
        except Stalled as error:
            if not is_forced:
                raise
            say(str(error))
        self._ledger = capture.ledger
        for equation in [] if is_forced else self._ledger.imbalance:
            say(f"the ledger does not balance, which is a bug in sockfilter: {equation}")

    def _sum_up(self, past_network: str, *, is_forced: bool) -> None:
        """Says what was seen, and what was not."""
        ledger = self._ledger
        assert ledger is not None  # _close() has set it
        say(summary(ledger, self._shown, self._onlooker))
        if past_network:
            say(past_network)
        if self._selection is not None and self._selection.undecided:
            say(undecided(self._selection.undecided, self._policy.limit))
        if is_forced:
            say(f"ended at once after a second signal: {ledger.records_waiting} records were not read")

    def _give_up(self, capture: Capture | ArchiveCapture) -> None:
        """Gives up all rights before the first byte of the network is read."""
        if self._options.others:
            from sockfilter.cli import several

            several.open_all(capture.source)
        if self._choice.hides_code:
            from sockfilter.cli import preloading  # imported here if the new user cannot read the code later

            preloading.import_all(hints=self._has_watcher)
        privileges.give_up(self._choice, capture.check)
        if self._options.sandbox:
            from sockfilter.cli import sandbox

            sandbox.enter(
                self._folders,
                has_command=self._child is not None,
                reads_code=not self._choice.hides_code,
                datasets=self._dataset_folders,
                hints=self._has_watcher,
                followed=self._followed,
            )

    def _prepare_tls(self, capture: Capture | ArchiveCapture) -> None:
        """Starts the command after the capture, which starts a process with more rights, and probes its program."""
        self._child = self._held()
        roots = self._options.pid or ()
        if gone := [root for root in roots if not os.path.exists(f"/proc/{root}")]:
            raise InvalidArgument(f"there is no process {gone[0]}")
        if self._child is not None:
            import shutil

            roots = (self._child.pid,)
            capture.look_at(shutil.which(self._options.command[0]) or "")
        if roots:
            from sockfilter.observers.processes.tree import Tree

            self._trees = [Tree(root) for root in roots]

    def _hint(self, began: hints.Start, capture: Capture | ArchiveCapture) -> bool:
        """Says why nothing is shown. Returns whether there was something to say."""
        from sockfilter.captures.wanted import narrowed  # -h and -D do not need it
        from sockfilter.cli import hints

        options = self._options
        seen = capture.ledger.messages.exchanges
        if self._selection is not None and seen:
            say(f"nothing shown so far: {seen} exchanges passed, and none of them meets the filter")
            return True
        kernel_filter = narrowed(options.ports, self._addresses, options.family)
        reason = hints.why(began, options.interfaces, kernel_filter, capture.ledger, self._onlooker)
        if reason:
            say(f"nothing captured so far: {reason}")
        return bool(reason)

    def _pump(self, capture: Capture | ArchiveCapture, began: hints.Start | None) -> Reason:
        """Reads records until the capture ends. Returns why it ended."""
        end_s = time.monotonic() + (self._options.duration_s or math.inf)
        idle = Idle(self._options.idle_s)
        signals = self._signals
        while (reason := self._reason_to_end(capture)) is None:
            if signals.ledger_asked and signals.take_ledger_asked():
                self._tell_so_far(capture.ledger)
            count = capture.pump()
            self._fan.flush()
            if capture.missing_bytes and self._options.via == arguments.SYSCALLS and not self._has_told_of_gaps:
                self._tell_of_gaps(capture)
            while changes := capture.source.changes:
                say(str(changes.popleft()))
            for problem in capture.secret_problems():
                say(problem)
            now_s = time.monotonic()
            left_s = end_s - now_s
            if left_s <= 0:
                return Reason.DURATION
            idle_s = idle.left(now_s, self._shown + self._exchanges.messages, capture)
            if idle_s <= 0:
                return Reason.IDLE
            if began is not None and now_s > began.due_s:
                is_told = self._shown or self._exchanges.messages or self._hint(began, capture)
                began = None if is_told else began._replace(time_s=now_s)
            if not count:
                if capture.source.is_over:
                    return Reason.FILE_END
                capture.wait(min(left_s, idle_s))
                signals.drain()
                self._sink.check_reader()
        return reason

    def _tell_so_far(self, ledger: Ledger) -> None:
        """Writes the counters on SIGUSR1."""
        if self._report.is_wanted:
            self._report.so_far(ledger, self._shown)
        if self._report.is_beside_text:
            say(one_line(ledger, self._shown))

    def _tell_of_gaps(self, capture: Capture | ArchiveCapture) -> None:
        """Reports missing bytes once, if they are not missing for lack of room."""
        self._has_told_of_gaps = True
        if not capture.ledger.records_lost:
            say("bytes passed that no captured call had in a buffer (io_uring, splice); -i captures them")

    def _reason_to_end(self, capture: Capture | ArchiveCapture) -> Reason | None:
        """Returns why the capture is to end now. None: it continues."""
        if self._signals.end_asked if self._child is None else self._child.has_ended():
            return Reason.SIGNAL if self._signals.end_asked else Reason.COMMAND_END
        if self._exchanges.left == 0:
            return Reason.COUNT
        return Reason.FILES_FULL if capture.is_full else None
