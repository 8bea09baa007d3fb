"""What a run is made of: the capture, the outputs, and the processes beside it, as the options ask for them."""

from __future__ import annotations

import os
from functools import cached_property
from typing import TYPE_CHECKING

from sockfilter.cli import forming, page, privileges
from sockfilter.cli.arguments import HAR, PARQUET
from sockfilter.cli.beside import both
from sockfilter.cli.descriptors import STDERR, say
from sockfilter.cli.report import Report
from sockfilter.cli.statistics import needs_processes
from sockfilter.cli.stdout import StandardOutput
from sockfilter.cli.values import JSONL

if TYPE_CHECKING:
    from collections.abc import Callable

    from sockfilter.archive.output import ParquetOutput
    from sockfilter.captures.archive import ArchiveCapture
    from sockfilter.captures.capture import Capture
    from sockfilter.captures.selection import Selection
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


class RunParts:
    """The parts of one run. They are made when they are needed first.

    Args:
        options: the options.
        signals: the signals that have come.
        sink: standard output.
    """

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
            is_ended=lambda: self._signals.end_asked,
        )

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

    def _members(self) -> list[Member]:
        forming.set_masking(self._options)
        written = [] if self._options.write is None else [self._file(self._options.write)]
        return [self._exchanges, *written, *(each.member(self._wanted_of_command) for each in self._beside)]

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
    def _dataset(self) -> ParquetOutput | None:
        """The dataset of --format parquet."""
        if self._options.output is None:
            return None
        from sockfilter.cli import dataset  # imports pyarrow

        return dataset.output(self._options, self._owner)

    @property
    def _has_page(self) -> bool:
        """Whether exchanges go to a page, live or in a file."""
        return self._web is not None

    @property
    def _shown_on_page(self) -> Callable[[Connection], bool] | None:
        """Whether the page shows what a connection carries. None: there is no page, or it shows everything."""
        others = None if self._web is None else self._web.wanted()
        return both(self._wanted_of_command if self._has_page else None, others)

    @property
    def _wanted_of_command(self) -> Callable[[Connection], bool] | None:
        """Whether a connection belongs to the command or the named processes. None: the source has only these."""
        options = self._options
        return self._is_wanted if options.tls and (options.command or options.pid) else None

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

    @property
    def _followed(self) -> list[str]:
        """The directories of files that are followed live, and may be replaced."""
        keylog = self._options.keylog
        return [] if keylog is None or self._options.read is not None else [os.path.dirname(keylog) or "."]

    @property
    def _has_watcher(self) -> bool:
        """Whether a person watches the terminal and may wonder why nothing is shown."""
        options = self._options
        is_here = options.interface is not None and options.netns is None
        return options.read is None and is_here and not options.quiet and os.isatty(STDERR)
