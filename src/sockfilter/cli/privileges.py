"""Giving up all rights, after everything that needs them is open and before a byte of the network is read."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from sockfilter.errors import InvalidArgument, SockfilterError
from sockfilter.libbpf import binding
from sockfilter.system.rights import CAP_BPF, CAP_SETGID, CAP_SETUID, effective, permitted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

ROOT = 0
NOBODY = "nobody"
# The highest user id: the next value means "no change" (setresuid(2)).
NUMBER_MAX = (1 << 32) - 2
DIGITS_MAX = len(str(NUMBER_MAX))


class CannotBecome(SockfilterError):
    """This process runs as root, and may not become another user, as in many containers."""


class User(NamedTuple):
    """The user that this process is to become."""

    name: str
    uid: int
    gid: int
    groups: tuple[int, ...]


def user(name: str, said_by: str = "--user ") -> User:
    """Returns a user by name or number, given by an option or a variable. Raises InvalidArgument."""
    import pwd  # imported only if a user is named

    is_number = name.isascii() and name.isdecimal()
    # Limit the number of digits: Python refuses to convert more than some thousands.
    if is_number and (len(name) > DIGITS_MAX or int(name) > NUMBER_MAX):
        raise InvalidArgument(f"{said_by}{name}: the largest user number is {NUMBER_MAX}")
    try:
        found = pwd.getpwuid(int(name)) if is_number else pwd.getpwnam(name)
    except (KeyError, ValueError) as error:
        os.close(os.open(os.devnull, os.O_RDONLY))  # without a descriptor left, the users cannot be read: OSError
        if is_number:  # a number without a name, as in a container
            return User(name, int(name), int(name), ())
        raise InvalidArgument(f"{said_by}{name}: there is no such user; getent passwd lists them") from error
    groups = os.getgrouplist(found.pw_name, found.pw_gid)
    return User(found.pw_name, found.pw_uid, found.pw_gid, tuple(groups))


class UserChoice(NamedTuple):
    """The user that this process is to become, and the consequences.

    Attributes:
        user: the user. None: the process keeps its user.
        reason: why the process stays root although no option asks for it. Empty: it does not.
        hides_code: the user may not read this program, so modules that are needed later must be imported before.
    """

    user: User | None
    reason: str = ""
    hides_code: bool = False


def choice(name: str | None, directories: list[str], followed: Sequence[str] = ()) -> UserChoice:
    """Chooses the user to become: the one given, else the one who ran sudo, else nobody.

    Args:
        name: the user given by an option. None: none was given.
        directories: the directories in which files will be written later.
        followed: the directories in which files will be opened later for reading.

    Raises:
        InvalidArgument: the user does not exist, the process may not become that user, or the user may not use the
            directories.
        KernelUnsupported: procfs is not mounted, and the process may not become another user.
    """
    if os.geteuid() != ROOT:
        if name is not None and user(name).uid != os.geteuid():
            raise InvalidArgument(f"--user {name}: switching to another user requires root; use sudo")
        return UserChoice(None)
    sudo = os.environ.get("SUDO_UID")
    chosen = user(name) if name is not None else user(sudo, "SUDO_UID=") if sudo else user(NOBODY)
    uses = [*((path, "write to", os.W_OK) for path in directories), *((path, "look into", 0) for path in followed)]
    try:
        with acting_as(chosen):
            refused = next((f"{verb} {path}" for path, verb, mode in uses if not _may(path, mode | os.X_OK)), None)
            hides_code = not all(_may(path, os.R_OK | os.X_OK) for path in code())
    except CannotBecome as error:
        if name is None:
            return UserChoice(None, f"stays root, without capabilities: {error}")
        if chosen.uid == ROOT:
            return UserChoice(None)
        raise InvalidArgument(f"--user {name}: {error}; --user root stays root, without capabilities") from error
    if refused is None:
        return UserChoice(chosen, hides_code=hides_code)
    if name is not None:
        raise InvalidArgument(f"--user {name}: this user cannot {refused}; use another user, for example --user root")
    return UserChoice(
        None,
        f"stays root, without capabilities: user {chosen.name} cannot {refused}; --user selects another user",
    )


def give_up(chosen: UserChoice, works: Callable[[], object]) -> None:
    """Becomes the chosen user for good, without capabilities.

    Args:
        chosen: the user to become.
        works: raises SockfilterError if what remains to be done fails without rights.
    """
    if chosen.user is not None:
        _become(chosen.user)
    _, lib = binding.load()
    held = permitted()
    keeps = 0
    lib.sf_capabilities(0, held, 0)
    try:
        works()
    except SockfilterError:
        # Before Linux 5.19, reading a map needs this capability if unprivileged_bpf_disabled is set.
        keeps = held & 1 << CAP_BPF
    lib.sf_capabilities(keeps, keeps, 0)
    lib.sf_no_new_privileges()
    lib.sf_keep_capabilities(0)


def keep_from_programs() -> None:
    """Prevents programs that are run from here on from inheriting capabilities of this process.

    A program that runs as root has root's capabilities, as always.
    """
    _, lib = binding.load()
    # Clearing the inheritable set also clears the ambient set (capabilities(7)).
    lib.sf_capabilities(effective(), permitted(), 0)


def behind_sudo() -> tuple[int, int] | None:
    """Returns the user and group who ran sudo; they will own the files. None: sudo was not used."""
    found = [os.environ.get(name, "") for name in ("SUDO_UID", "SUDO_GID")]
    if not all(number.isascii() and number.isdecimal() and len(number) <= DIGITS_MAX for number in found):
        return None
    uid, gid = map(int, found)
    return (uid, gid) if max(uid, gid) <= NUMBER_MAX else None


def _become(chosen: User) -> None:
    _, lib = binding.load()
    # Keep the permitted capabilities until give_up() has checked what still needs them.
    lib.sf_keep_capabilities(1)
    os.setgroups(chosen.groups)
    os.setresgid(chosen.gid, chosen.gid, chosen.gid)
    os.setresuid(chosen.uid, chosen.uid, chosen.uid)


def _may(path: str, how: int) -> bool:
    return os.access(path, how, effective_ids=True)


@contextmanager
def acting_as(chosen: User) -> Iterator[None]:
    """Opens files as root with the rights of that user. Raises CannotBecome."""
    groups = os.getgroups()
    try:
        try:
            os.setgroups(chosen.groups)
            os.setegid(chosen.gid)
            os.seteuid(chosen.uid)
        except OSError as error:
            raise _cannot_become(chosen, error) from error
        yield
    finally:
        os.seteuid(ROOT)
        os.setegid(os.getgid())
        if os.getgroups() != groups:
            os.setgroups(groups)


def _cannot_become(chosen: User, error: OSError) -> CannotBecome:
    needed = {"CAP_SETUID": CAP_SETUID, "CAP_SETGID": CAP_SETGID}
    lacks = [name for name, number in needed.items() if not effective() >> number & 1]
    if lacks:
        return CannotBecome(f"becoming user {chosen.name} requires {' and '.join(lacks)}")
    return CannotBecome(f"becoming user {chosen.name}: {error.strerror}: this user namespace does not permit it")


def code() -> list[str]:
    """Returns the paths from which modules that are not yet imported would be loaded."""
    places = {os.path.dirname(os.path.dirname(__file__)), os.path.dirname(os.__file__)}
    return sorted(places | {path for path in sys.path if path.endswith("-packages") and os.path.isdir(path)})
