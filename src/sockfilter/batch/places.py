"""Capture files of an archive: local ones, and those that fsspec knows by a URL."""

from __future__ import annotations

import os
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from sockfilter.archive.groups import groups_of
from sockfilter.archive.paths import NAMED, PATTERN, captures_in, in_order
from sockfilter.errors import CaptureFileError, InvalidArgument, first_line, installing

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SCHEME = "://"
INSTALL = installing("batch")
# Bytes at both ends of a remote file that say when its packets begin and end. The first packet is behind a short
# header, and most frames have 1 500 bytes.
END_BYTES = 1 << 16
# Remote files whose ends are asked for at once, and are in memory at once.
ASKED_AT_ONCE = 128


def is_remote(place: str) -> bool:
    """Whether a place is a URL."""
    return SCHEME in place


def tasks_of(places: Sequence[str], most_bytes: int | None = None) -> list[tuple[str, ...]]:
    """Returns the captures in some places, each with the paths or URLs of its files in order.

    Args:
        places: files, directories, patterns, and URLs of these.
        most_bytes: as for groups_of().

    Raises:
        CaptureFileError: there is no capture file in a place, or it cannot be listed.
        InvalidArgument: a package for a URL is not installed.
    """
    local = [place for place in places if not is_remote(place)]
    remote = [place for place in places if is_remote(place)]
    found = [group.paths for group in groups_of(captures_in(local), most_bytes=most_bytes)] if local else []
    return found + (_remote_tasks(remote, most_bytes) if remote else [])


def fetched(urls: Sequence[str], folder: str) -> list[str]:
    """Copies remote files into a local folder. Returns their paths, in order.

    Raises:
        CaptureFileError: one cannot be read.
        InvalidArgument: a package for a URL is not installed.
    """
    paths = []
    for number, url in enumerate(urls):
        system, path = _system(url)
        # a folder for each file, because files of different folders may have the same name
        os.mkdir(os.path.join(folder, f"{number}"))
        paths.append(os.path.join(folder, f"{number}", os.path.basename(path)))
        try:
            system.get_file(path, paths[-1])
        except Exception as error:  # each file system has errors of its own
            raise CaptureFileError(f"reading {url}: {first_line(error)}") from error
    return paths


def _remote_tasks(places: Sequence[str], most_bytes: int | None) -> list[tuple[str, ...]]:
    urls = list(dict.fromkeys(url for place in places for url in _listed(place)))
    with TemporaryDirectory(prefix="sockfilter-") as folder:
        outlines = dict(_outlines(urls, folder))
        return [tuple(outlines[path] for path in group.paths) for group in groups_of(outlines, most_bytes=most_bytes)]


def _listed(place: str) -> list[str]:
    """Returns the URLs of the files in a place."""
    system, path = _system(place)
    try:
        if PATTERN.search(path):
            found = [each for each in system.glob(path) if not system.isdir(each)]
        elif system.isdir(path):
            found = [each for each in system.find(path) if NAMED.search(each)]
        else:
            found = [path] if system.exists(path) else []
    except Exception as error:  # each file system has errors of its own
        raise CaptureFileError(f"reading {place}: {first_line(error)}") from error
    if not found:
        raise CaptureFileError(f"reading {place}: there is no capture file")
    return [str(system.unstrip_protocol(each)) for each in sorted(found, key=in_order)]


def _outlines(urls: Sequence[str], folder: str) -> Iterator[tuple[str, str]]:
    """Yields local files with the names, sizes and ends of remote ones, and their URLs. Between the ends are holes."""
    for begin in range(0, len(urls), ASKED_AT_ONCE):
        some = urls[begin : begin + ASKED_AT_ONCE]
        for url in some:
            system, path = _system(url)
            try:
                size = int(system.size(path) or 0)
                start = system.cat_file(path, start=0, end=min(size, END_BYTES))
                rest = max(END_BYTES, size - END_BYTES)
                end = system.cat_file(path, start=rest, end=size) if size > rest else b""
            except Exception as error:  # each file system has errors of its own
                raise CaptureFileError(f"reading {url}: {first_line(error)}") from error
            outline = os.path.join(folder, *path.strip("/").split("/"))
            os.makedirs(os.path.dirname(outline), exist_ok=True)
            with open(outline, "wb") as file:
                file.write(start)
                file.truncate(size)
                file.seek(rest)
                file.write(end)
            yield outline, url


def _system(url: str) -> tuple[Any, str]:
    try:
        from fsspec.core import url_to_fs
    except ImportError as error:
        raise InvalidArgument(f"reading {url} needs fsspec ({error}): {INSTALL}") from error
    try:
        system, path = url_to_fs(url)
    except ImportError as error:
        raise InvalidArgument(f"reading {url}: {error}") from error
    except Exception as error:  # each file system has errors of its own
        raise CaptureFileError(f"reading {url}: {first_line(error)}") from error
    return system, str(path)
