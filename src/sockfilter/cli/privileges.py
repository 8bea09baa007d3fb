"""Giving up every right, once all that takes one is open and before a byte of the network is looked at."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from sockfilter.errors import InvalidArgument, SockfilterError
from sockfilter.libbpf import binding
from sockfilter.sources.rights import CAP_BPF, permitted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = 0
NOBODY = "nobody"


class User(NamedTuple):
    """Who this process is to become."""

    name: str
    uid: int
    gid: int
    groups: tuple[int, ...]


def user(name: str) -> User:
    """A user by name or number. Raises InvalidArgument."""
    import pwd  # where a user is named

    try:
        found = pwd.getpwuid(int(name)) if name.isdecimal() else pwd.getpwnam(name)
    except (KeyError, OverflowError) as error:
        if name.isdecimal():  # a number without a name: as in a container
            return User(name, int(name), int(name), ())
        raise InvalidArgument(f"--user {name}: there is no such user; getent passwd lists them") from error
    groups = os.getgrouplist(found.pw_name, found.pw_gid)
    return User(found.pw_name, found.pw_uid, found.pw_gid, tuple(groups))


def give_up(name: str | None, directories: list[str], works: Callable[[], object]) -> None:
    """Becomes a user without capabilities, for good.

    Where nobody said who, it is who ran sudo, else nobody; or who this is already, where that user could not read
    this program or write where files are still to be opened.

    Args:
        name: who; None: nobody said.
        directories: where files are still to be opened.
        works: raises SockfilterError where what is still to be done cannot be done without rights.

    Raises:
        InvalidArgument: there is no such user, or it may not be become, or not write to the directories.
    """
    if os.geteuid() == ROOT:
        _become(name, directories)
    elif name is not None and user(name).uid != os.geteuid():
        raise InvalidArgument(f"--user {name}: becoming another user takes root; run it with sudo")
    _, lib = binding.load()
    held = permitted()
    keeps = 0
    lib.sf_capabilities(0, held, 0)
    try:
        works()
    except SockfilterError:
        # kernels before 5.19 let nobody read a map without it, where unprivileged_bpf_disabled is set
        keeps = held & 1 << CAP_BPF
    lib.sf_capabilities(keeps, keeps, 0)
    lib.sf_no_new_privileges()
    lib.sf_keep_capabilities(0)


def _become(name: str | None, directories: list[str]) -> None:
    chosen = user(name or os.environ.get("SUDO_UID") or NOBODY)
    missing = _missing(chosen, directories)
    if missing:
        if name is not None:
            raise InvalidArgument(f"--user {name}: may not use {missing}; choose another user, --user root among them")
        return
    _, lib = binding.load()
    # those that are permitted stay until give_up() has seen what still takes them
    lib.sf_keep_capabilities(1)
    os.setgroups(chosen.groups)
    os.setresgid(chosen.gid, chosen.gid, chosen.gid)
    os.setresuid(chosen.uid, chosen.uid, chosen.uid)


def _missing(chosen: User, directories: list[str]) -> str:
    """What that user could not use of what is still needed; empty: nothing."""
    needed = [(path, os.R_OK | os.X_OK) for path in _code()] + [(path, os.W_OK | os.X_OK) for path in directories]
    with acting_as(chosen):
        return next((path for path, how in needed if not os.access(path, how, effective_ids=True)), "")


@contextmanager
def acting_as(chosen: User) -> Iterator[None]:
    """Opens files with that user's rights, as root."""
    groups = os.getgroups()
    os.setgroups(chosen.groups)
    os.setegid(chosen.gid)
    os.seteuid(chosen.uid)
    try:
        yield
    finally:
        os.seteuid(ROOT)
        os.setegid(os.getgid())
        os.setgroups(groups)


def _code() -> list[str]:
    """Where modules are imported from that nothing has needed so far."""
    places = {os.path.dirname(os.path.dirname(__file__)), os.path.dirname(os.__file__)}
    return sorted(places | {path for path in sys.path if path.endswith("-packages") and os.path.isdir(path)})
