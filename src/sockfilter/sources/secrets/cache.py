"""What searches have found, kept between runs: a search through 100 MB takes a fifth of a second."""

from __future__ import annotations

import json
import os
import pwd
import stat
from contextlib import suppress
from typing import Any

from sockfilter.sources.secrets.finding import Function, SearchResult

# Changes when a search would find something else in the same file.
VERSION = 3
FOLDER, NAME = ".cache/sockfilter", "tls-functions.json"
# files whose results are kept, and bytes of the cache that are read: an entry has 300 bytes at most
FILES_MAX = 8192
BYTES_MAX = 4 << 20
# what comes of reading a file that is missing, or none of this version
UNREADABLE = (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError)
# files that are probed at the start although nothing uses them now
PATHS_MAX = 256


class Cache:
    """The results of searches by file: device, inode, size, and the times of its last changes.

    Nobody but root can set the time of an inode's last change, so that a file that was changed is searched again. The
    cache is in the user's own folder, and is not used if others may write to it: what it says decides where probes go.

    Args:
        folder: the folder of the cache. None: ~/.cache/sockfilter of the user that this process runs as.
    """

    def __init__(self, folder: str | None = None) -> None:
        self._folder = _own_folder() if folder is None else folder
        self._known: dict[str, SearchResult] = {}
        self._paths: list[str] = []
        self._is_changed = False
        with suppress(*UNREADABLE):
            self._known, self._paths = self._read()

    def get(self, status: os.stat_result) -> SearchResult | None:
        """Returns what was found in a file; None: it is not known."""
        return self._known.get(_key(status))

    def put(self, status: os.stat_result, found: SearchResult, path: str) -> None:
        """Notes what was found in a file, and where the file is."""
        if len(self._known) >= FILES_MAX:
            self._known.clear()
            self._paths.clear()
        self._known[_key(status)] = found
        if found.functions and path not in self._paths:
            self._paths.append(path)
        self._is_changed = True

    @property
    def paths(self) -> list[str]:
        """Returns where files were in which functions were found, the latest last: they may be used again."""
        return self._paths[-PATHS_MAX:]

    def save(self) -> None:
        """Writes the cache, if it has changed and there is a folder for it."""
        if not self._is_changed or self._folder is None:
            return
        self._is_changed = False
        with suppress(*UNREADABLE):  # other captures have found more meanwhile
            known, paths = self._read()
            self._known = dict(list((known | self._known).items())[-FILES_MAX:])
            self._paths = list(dict.fromkeys([*paths, *self._paths]))
        files = {
            key: [found.how, found.functions, found.build_id, found.go_version, found.calls]
            for key, found in self._known.items()
        }
        made = {"version": VERSION, "files": files, "paths": [path for path in self.paths if os.path.exists(path)]}
        content = json.dumps(made, separators=(",", ":")).encode()
        with suppress(OSError):
            os.makedirs(self._folder, mode=0o700, exist_ok=True)
            folder = _opened_folder(self._folder)
            try:
                _replace(folder, content)
            finally:
                os.close(folder)

    def _read(self) -> tuple[dict[str, SearchResult], list[str]]:
        """Reads the cache. Raises OSError, and what comes of content that is none of this version."""
        if self._folder is None:
            return {}, []
        folder = _opened_folder(self._folder)
        try:
            fd = os.open(NAME, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, dir_fd=folder)
        finally:
            os.close(folder)
        with open(fd, "rb") as file:
            there = os.fstat(fd)
            if not stat.S_ISREG(there.st_mode) or there.st_uid != os.geteuid() or there.st_mode & 0o077:
                raise PermissionError
            content = json.loads(file.read(BYTES_MAX))
        if content["version"] != VERSION:
            return {}, []
        files = {str(key): _found(entry) for key, entry in content["files"].items()}
        return files, [str(path) for path in content["paths"]]


def _own_folder() -> str | None:
    """Returns the cache's folder in this user's home; None: there is no home."""
    try:
        home = pwd.getpwuid(os.geteuid()).pw_dir
    except KeyError:
        return None
    return os.path.join(home, FOLDER) if os.path.isdir(home) else None


def _key(status: os.stat_result) -> str:
    numbers = status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
    return ":".join(map(str, numbers))


def _opened_folder(path: str) -> int:
    """Opens a folder of this user's, to which nobody else may write. Raises OSError."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    there = os.fstat(fd)
    if there.st_uid != os.geteuid() or there.st_mode & 0o022:
        os.close(fd)
        raise PermissionError
    return fd


def _replace(folder: int, content: bytes) -> None:
    temporary = f"{NAME}.{os.getpid()}"
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=folder)
    try:
        with open(fd, "wb") as file:
            file.write(content)
        os.rename(temporary, NAME, src_dir_fd=folder, dst_dir_fd=folder)
    except OSError:
        os.unlink(temporary, dir_fd=folder)
        raise


def _found(entry: Any) -> SearchResult:
    """Reads an entry. Raises ValueError and TypeError if it is none."""
    how, functions, build_id, go_version, calls = entry
    return SearchResult(
        int(how),
        tuple(Function(int(at), tuple((int(far), int(label)) for far, label in some)) for at, some in functions),
        str(build_id),
        str(go_version),
        tuple(int(at) for at in calls),
    )
