"""The command, after signals and descriptors have been set up."""

from __future__ import annotations

import gc
import math
import os
import sys
import time
from contextlib import suppress
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any

from sockfilter.cli import arguments, forming, greeting, page, privileges, settings, stdout, watching
from sockfilter.cli.arguments import HAR, PARQUET
from sockfilter.cli.beside import both
from sockfilter.cli.descriptors import STDERR, STDOUT, say
from sockfilter.cli.ending import LOST, LOST_BESIDE, OK, Reason, fail, lacks_descriptors
from sockfilter.cli.idle import Idle
from sockfilter.cli.report import Report
from sockfilter.cli.statistics import needs_processes
from sockfilter.cli.stdout import Stalled, StandardOutput
from sockfilter.cli.summary import one_line, summary, undecided
from sockfilter.cli.values import JSONL
from sockfilter.errors import CaptureFileError, InvalidArgument, SockfilterError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sockfilter.archive.output import ParquetOutput
    from sockfilter.captures.archive import ArchiveCapture
    from sockfilter.captures.capture import Capture
    from sockfilter.captures.selection import Selection
    from sockfilter.cli import hints
    from sockfilter.cli.arguments import Options
    from sockfilter.cli.child import Child
    from sockfilter.cli.looking import Onlooker
    from sockfilter.cli.otlp import Traces
    from sockfilter.cli.prometheus import Prometheus
    from sockfilter.cli.shown import Shown
    from sockfilter.cli.signals import Signals
    from sockfilter.cli.web import Web
    from sockfilter.ledger import Ledger
    from sockfilter.model import Connection
    from sockfilter.model.policy import BodyPolicy
    from sockfilter.observers.processes.tree import Tree
    from sockfilter.outputs.fan import Fan, Member
    from sockfilter.road.frames import Frames
    from sockfilter.sources.files.source import FileSource

SYSCALLS = arguments.SYSCALLS
# Thresholds of the garbage collector: allocated objects, and young collections for each older one. Open connections are
# many objects and no garbage. With Python's defaults, scanning them took half of the CPU time during a flood of
# connections. With these values, about 500 ended connections wait to be collected.
COLLECTOR = (20_000, 20, 50)

# The subcommands: the first word, and the module whose run() takes the other words.
COMMANDS = {
    name: f"sockfilter.cli.{name}"
    for name in (
        *(
            "accelerate",
            "batch",
            "broker",
            "check",
            "config",
            "count",
            "diff",
            "doctor",
            "guard",
            "services",
            "tcp",
            "tls",
            "top",
        ),
    )
}
COMMANDS["report"] = "sockfilter.cli.page_report"


def command(argv: list[str] | None, signals: Signals) -> int:
    """Runs the command after signals have been set up. Returns its exit status."""
    try:
        words = sys.argv[1:] if argv is None else argv
        if words and words[0] in COMMANDS:
            return int(import_module(COMMANDS[words[0]]).run(words[1:], signals))
        if words and not words[0].startswith("-"):
            _check_first(words[0])
        options = _options(words)
        if isinstance(options, int):
            return options
        sink = StandardOutput(signals)
        if options.list_interfaces:
            return _list_interfaces(options, sink)
        gc.set_threshold(*COLLECTOR)
        if options.others or options.read is not None:
            from sockfilter.cli import several  # live captures need none of it

            if several.is_several(options):
                return several.run(options, signals, sink, Run)
        return Run(options, signals, sink).run()
    except (SockfilterError, OSError) as error:
        return fail(error)
    except ImportError as error:
        if lacks_descriptors(error):
            return fail(error)
        raise


def _check_first(word: str) -> None:
    """Raises InvalidArgument if the first word is not a command and cannot begin a filter."""
    import difflib

    from sockfilter.cli import pcap_filter

    if pcap_filter.is_beginning(word):
        return
    near = difflib.get_close_matches(word, COMMANDS, n=1)
    if near:
        raise InvalidArgument(f"there is no command {word!r}; did you mean {near[0]}?")
    known = ", ".join(COMMANDS)
    raise InvalidArgument(
        f"there is no command {word!r}: there are {known}; -i {word} captures on an interface, -- {word} runs a program"
    )


def _options(argv: list[str]) -> Options | int:
    """Returns the parsed command line, or an exit status if there is nothing more to do."""
    try:
        return arguments.parse(argv, settings.values)
    except SystemExit as end:
        stdout.flush()  # the output of -h and --version
        return int(end.code or OK)


class Run:
    """One capture, from its greeting to its summary."""

    def __init__(self, options: Options, signals: Signals, sink: StandardOutput) -> None:
        self._options = options
        self._signals = signals
        self._sink = sink
        self._report = Report(options, sink)
        self._hosts: dict[str, tuple[str, ...]] = {}
        self._child: Child | None = None
        # the connections of the command or of the named processes, if packets are captured for them
        self._trees: list[Tree] = []
        self._choice = privileges.UserChoice(None)
        self._ledger: Ledger | None = None
        self._has_told_of_gaps = False
        self._web: Web | None = None
        self._traces: Traces | None = None
        self._beside: list[Web | Prometheus | Traces] = []  # the processes beside the capture
        self._is_capturing = False  # whether the capture has been opened
        self._onlooker: Onlooker | None = None  # says at the end who spoke TLS, if a person watches

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
        options = self._options
        if options.host is not None:
            from sockfilter.cli import hosts  # imported only when hosts are given

            self._hosts = hosts.addresses(options.host, options.family)
        _ = self._policy  # checks the filter before anything is opened
        if options.proto:
            from sockfilter.protobuf.schema import set_protos  # imported only when there is a schema

            set_protos(*options.proto)
        self._choice = privileges.choice(options.user, self._directories, self._followed)
        self._start_beside()
        _ = self._dataset  # checks the directory before anything is opened
        if not options.tls:
            self._child = self._held()
        with self._capture() as capture:
            if options.tls:
                self._prepare_tls(capture)
            # Looks around before the rights are given up.
            past_network = watching.past_network() if options.interface is not None else ""
            began = watching.look_around(past_network) if self._has_watcher else None
            self._onlooker = watching.onlooker() if self._has_watcher and not (options.tls or options.keylog) else None
            self._give_up(capture)
            capture.source.also_wake_for(self._signals.fd)
            if self._sink.is_pipe:
                capture.source.also_wake_for(STDOUT)
            if self._child is not None:
                capture.source.also_wake_for(self._child.fileno())
            if not options.quiet:
                for line in greeting.lines(options, capture, self._hosts, self._about_filter):
                    say(line)
            if self._choice.reason:
                say(self._choice.reason)
            self._is_capturing = True
            for each in self._beside:
                each.begin(capture)
            is_forced = False
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
            except KeyboardInterrupt:
                # A second signal: records that have not been read stay unread, which is not an imbalance.
                is_forced = True
                raise
            finally:
                try:
                    capture.close()
                except Stalled as error:
                    if not is_forced:
                        raise
                    say(str(error))
                self._ledger = ledger = capture.ledger
                for equation in [] if is_forced else ledger.imbalance:
                    say(f"the ledger does not balance, which is a bug in sockfilter: {equation}")
                if not options.quiet and self._report.is_beside_text:
                    say(summary(ledger, self._shown, self._onlooker))
                    if past_network:
                        say(past_network)
                    if self._selection is not None and self._selection.undecided:
                        say(undecided(self._selection.undecided, self._policy.limit))
                    if is_forced:
                        say(f"ended at once after a second signal: {ledger.records_waiting} records were not read")
        return reason

    def _start_beside(self) -> None:
        """Starts the processes beside the capture, before threads are started, and the command."""
        options, choice = self._options, self._choice
        if options.web is not None:
            from sockfilter.cli.web import Web

            self._web = Web(options, choice)
            self._beside.append(self._web)
        if options.prometheus is not None:
            from sockfilter.cli.prometheus import Prometheus

            self._beside.append(Prometheus(options, choice))
        if options.otlp is not None:
            from sockfilter.cli.otlp import Traces

            self._traces = Traces(options, choice, self._signals)
            self._beside.append(self._traces)

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

    def _is_wanted(self, connection: Connection) -> bool:
        """Whether a connection belongs to the command, or to one of the named processes."""
        return any(tree.owns(connection) for tree in self._trees)

    def _held(self) -> Child | None:
        """Starts the command that runs beside the capture, held until release(). None: there is no command."""
        if not self._options.command:
            return None
        from sockfilter.captures.command import Identity
        from sockfilter.cli.child import Child  # imports subprocess and its dependencies

        as_whom = self._choice.user if self._options.user is not None else None
        return Child(self._options.command, self._signals, as_whom and Identity(*as_whom[1:]))

    @property
    def _directories(self) -> list[str]:
        """The directories in which files will be opened later."""
        write, follows = self._options.write, self._options.megabytes or self._options.seconds
        return [*([os.path.dirname(write) or "."] if write and follows else []), *self._dataset_folders]

    @property
    def _dataset_folders(self) -> list[str]:
        """The directory of the dataset, or the one in which it will be created. Empty: no dataset is written."""
        if self._options.output is None:
            return []
        from sockfilter.cli import dataset

        return [dataset.folder(self._options.output)]

    @property
    def _folders(self) -> list[str]:
        """The directories in which the sandbox lets files be written."""
        return self._directories

    @cached_property
    def _dataset(self) -> ParquetOutput | None:
        """The dataset of --format parquet."""
        if self._options.output is None:
            return None
        from sockfilter.cli import dataset  # imports pyarrow

        return dataset.output(self._options, self._owner)

    @property
    def _followed(self) -> list[str]:
        """The directories of files that are followed live, and may be replaced."""
        keylog = self._options.keylog
        return [] if keylog is None or self._options.read is not None else [os.path.dirname(keylog) or "."]

    def _capture(self) -> Capture | ArchiveCapture:
        if self._options.read is not None:
            return self._reading(self._options.read)
        try:
            return self._live()
        except BaseException:
            if self._child is not None:
                self._child.drop()
            raise

    def _live(self) -> Capture:
        from sockfilter.captures.capture import opened  # -h and -D do not need it
        from sockfilter.captures.wanted import Keeping, Traffic, Whose

        options = self._options
        return opened(
            Traffic(
                options.interfaces or None,
                via=options.via,
                ports=options.ports,
                host=self._addresses,
                family=options.family,
                netns=options.netns,
                ring=options.ring,
                snap=options.snap,
                promiscuous=options.promiscuous,
                protocols=options.protocols,
                keylog=options.keylog,
                tls=options.tls,
                pcap=options.pcap,
            ),
            Whose(
                pid=self._child.pid if self._child is not None else None if options.tls else options.pid,
                comm=options.comm.split(",") if options.comm is not None else None,
                cgroup=options.cgroup,
                unix=options.unix,
                processes=self._processes,
                tcp=self._tcp,
                stacks=options.stacks,
            ),
            Keeping(
                self._policy,
                options.memory,
                outputs=self._fan,
                selection=self._selection,
                all_hops=options.all_hops,
            ),
        )

    @cached_property
    def _selection(self) -> Selection | None:
        """The exchanges that -Y selects. None: all."""
        if not self._options.filters:
            return None
        from sockfilter.cli import selecting  # imports the filter language

        return selecting.selection(self._options)

    @property
    def _about_filter(self) -> list[str]:
        """Lines about what a filter makes the capture do, with -v."""
        if self._selection is None or not self._options.verbosity:
            return []
        from sockfilter.cli import selecting

        return selecting.consequences(self._selection, self._options)

    @property
    def _policy(self) -> BodyPolicy:
        """What to keep of bodies, which depends on what is shown of them and on what a filter reads."""
        policy = forming.policy(self._options) if self._web is None else page.policy(self._options)
        if self._selection is None:
            return policy
        from sockfilter.cli import selecting

        return selecting.policy(self._selection, policy, self._options)

    @cached_property
    def _fan(self) -> Fan:
        """The fan of all outputs. They are imported while the kernel verifies the program."""
        from sockfilter.outputs.fan import Fan, Wants

        wants = Wants.EXCHANGES
        if self._options.messages:
            wants |= Wants.MESSAGES
        if self._options.write is not None and not self._options.writes_har:
            wants |= Wants.FRAMES
        is_wanted = self._shown_on_page if self._traces is None else self._traces.wanted(self._shown_on_page)
        return Fan(wants, self._members, is_wanted=is_wanted)

    @property
    def _has_page(self) -> bool:
        """Whether exchanges go to a page, live or in a file."""
        return self._web is not None

    @property
    def _shown_on_page(self) -> Callable[[Connection], bool] | None:
        """Whether the page shows what a connection carries. None: there is no page, or it shows everything."""
        others = None if self._web is None else self._web.wanted()
        return both(self._wanted_of_command if self._has_page else None, others)

    def _members(self) -> list[Member]:
        forming.set_masking(self._options)
        written = [] if self._options.write is None else [self._file(self._options.write)]
        return [self._exchanges, *written, *(each.member(self._wanted_of_command) for each in self._beside)]

    @property
    def _wanted_of_command(self) -> Callable[[Connection], bool] | None:
        """Whether a connection belongs to the command or the named processes. None: the source has only these."""
        options = self._options
        return self._is_wanted if options.tls and (options.command or options.pid) else None

    @cached_property
    def _exchanges(self) -> Shown:
        """The member that shows exchanges."""
        from sockfilter.cli.shown import Shown

        is_shown = self._options.write != "-" and self._options.lines
        output = self._dataset or (forming.output(self._options, self._sink) if is_shown else None)
        options = self._options
        return Shown(
            output, options.count, self._report.note, messages=options.messages, is_wanted=self._wanted_of_command
        )

    def _file(self, path: str) -> Member:
        """Returns the member that writes the file of -w."""
        if not self._options.writes_har:
            return self._frames(path)
        from sockfilter.outputs.har_file import HarFile

        options = self._options
        return HarFile(path, forming.har_text(options), self._owner, options.count, messages=options.messages)

    def _frames(self, path: str) -> Frames:
        """Returns the member that writes the frames."""
        options = self._options
        if path == "-":
            from sockfilter.cli import piped_frames

            if self._again is not None:
                return piped_frames.FileToStandardOutput(self._sink, self._again)
            if self._selection is not None:
                return piped_frames.SelectedToStandardOutput(self._sink, say)
            return piped_frames.FramesToStandardOutput(self._sink, secrets=options.write_secrets)
        from sockfilter.outputs.file_names import Limits
        from sockfilter.road import selected_frames
        from sockfilter.road.frames import Frames

        limits = Limits(options.megabytes, options.seconds, options.files)
        if self._again is not None:
            return selected_frames.FramesOfFile(path, limits, self._owner, self._again)
        if self._selection is not None:
            return selected_frames.SelectedFrames(path, limits, self._owner, say)
        return Frames(path, limits, self._owner, secrets=options.write_secrets)

    @cached_property
    def _again(self) -> FileSource | None:
        """The capture file that is read a second time, for the frames of connections that a filter selects."""
        options, selection = self._options, self._selection
        if options.read is None or options.write is None or selection is None:
            return None
        from sockfilter.captures.file import second_reading

        return second_reading(
            options.read,
            ports=options.ports,
            host=self._addresses,
            family=options.family,
            protocols=options.protocols,
            selection=selection,
            pcap=options.pcap,
        )

    def _reading(self, path: str) -> ArchiveCapture | Capture:
        from sockfilter.captures.file import open_file

        options = self._options
        return open_file(
            path,
            ports=options.ports,
            host=self._addresses,
            family=options.family,
            protocols=options.protocols,
            policy=self._policy,
            outputs=self._fan,
            memory=options.memory,
            keylog=options.keylog,
            selection=self._selection,
            pcap=options.pcap,
            all_hops=options.all_hops,
            others=options.others,
        )

    @property
    def _addresses(self) -> list[str] | None:
        """The addresses of all hosts given. None: any host."""
        return [each for found in self._hosts.values() for each in found] or None

    @property
    def _processes(self) -> bool | None:
        """Whether to name processes. None: if this process has the rights. False if no output would show them."""
        options = self._options
        if self._selection is not None and self._selection.requires.process:
            return True
        if options.processes is not None or options.write == "-":
            return options.processes
        is_shown = (
            needs_processes(options)
            or options.tree
            or options.format in (JSONL, HAR, PARQUET)
            or options.writes_har
            or options.web is not None
            or options.prometheus_labels is not None
            or options.otlp is not None
            or (options.format == "text" and options.verbosity)
        )
        return None if is_shown else False

    @property
    def _tcp(self) -> bool | None:
        """Whether to ask TCP. None: where processes are named, if it is possible."""
        options = self._options
        if self._selection is not None and self._selection.requires.tcp:
            return True
        if options.tcp is not None or options.stacks:
            return options.tcp is not False
        return None if self._processes is not False and options.write != "-" else False

    @property
    def _shown(self) -> int:
        """The number of exchanges shown."""
        return self._exchanges.count if "_exchanges" in vars(self) else 0

    @property
    def _owner(self) -> tuple[int, int] | None:
        """The owner of new files: the user behind sudo, or the new user if files follow. None: this process's user."""
        if os.geteuid() != privileges.ROOT:
            return None
        user = self._choice.user if self._directories else None
        return privileges.behind_sudo() if user is None else (user.uid, user.gid)

    @property
    def _has_watcher(self) -> bool:
        """Whether a person watches the terminal and may wonder why nothing is shown."""
        options = self._options
        is_here = options.interface is not None and options.netns is None
        return options.read is None and is_here and not options.quiet and os.isatty(STDERR)

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
            if capture.missing_bytes and self._options.via == SYSCALLS and not self._has_told_of_gaps:
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


def _list_interfaces(options: Options, sink: StandardOutput) -> int:
    from sockfilter.escape import printable
    from sockfilter.sources.packets.interfaces import listed
    from sockfilter.system import namespace

    with namespace.entered(options.netns):
        entries = listed()
    lines = [f"{printable(entry.name):<16} {entry.state:<5} {' '.join(entry.addresses)}".rstrip() for entry in entries]
    lines.append(f"{'any':<16} {'up':<5} (all of them)")
    sink.write("".join(f"{line}\n" for line in lines).encode())
    return OK
