"""A BPF object: opened from its bytes, configured, loaded, and closed with its maps and programs."""

from __future__ import annotations

import errno
import mmap
import os
import resource
from typing import TYPE_CHECKING, Any

from sockfilter.closing import Closing
from sockfilter.errors import FILE_LIMITS, Closed, KernelUnsupported, MissingCapability, ObjectError, refused
from sockfilter.libbpf import binding, log

if TYPE_CHECKING:
    from collections.abc import Sequence

# enough for any object with what its process has open
DESCRIPTORS = 64
# used in place of a descriptor: libbpf finds the kernel's types itself
NO_TYPES = -1
# the folder of sockfilter's own objects
OBJECTS = os.path.join(os.path.dirname(os.path.dirname(os.path.realpath(__file__))), "objects")


def read(path: str | os.PathLike[str]) -> bytes:
    """Returns the content of an object's file. Raises ObjectError."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        remedy = "install sockfilter again, or build it: make bpf"
        raise refused(f"reading the BPF object {path}", error.errno, error.strerror, remedy, ObjectError) from error


def _file_limit(number: int, said: str) -> int:
    """Returns the error of a limit of open files, if an object could not be loaded because of one; otherwise 0."""
    for limit in FILE_LIMITS:
        if -number == limit or os.strerror(limit) in said:
            return limit
    # libbpf had no descriptor to find out whether the kernel has read-only globals, which all have that have rings
    is_tight = resource.getrlimit(resource.RLIMIT_NOFILE)[0] < DESCRIPTORS
    return errno.EMFILE if is_tight and "referenced but wasn't created" in said else 0


class BpfObject(Closing):
    """A BPF object, from its file to its maps and programs in the kernel.

    Nothing is pinned: the kernel frees maps and programs when the last descriptor is closed, even if the process
    crashes.

    Args:
        path: the object file.
        reads_kernel: whether its programs read internal structs of the kernel (CO-RE).
        content: the content of the file, if it was read before; None reads it now.

    Raises:
        ObjectError: the file is missing or is not a BPF object.
        LibbpfMissing: libbpf is missing.
    """

    def __init__(
        self, path: str | os.PathLike[str], *, reads_kernel: bool = False, content: bytes | None = None
    ) -> None:
        self._object: Any = None
        self._ffi, self._lib = binding.load()
        self._path = path
        self._types = NO_TYPES
        self._loading: Any = None  # set while a thread loads the object
        # after load() failed: whether maps count as locked memory, and its limit could not be raised
        self.is_short_of_locked_memory = False
        if content is None:
            content = read(path)
        name = os.path.basename(path).partition(".")[0]
        if reads_kernel:
            self._types = self._lib.sf_kernel_types(content, len(content))
        opened = self._lib.sf_object_open(content, len(content), name.encode(), self._types)
        number = self._ffi.errno
        said = log.take(self._ffi, self._lib)
        if not opened:
            self._drop_types()
            raise ObjectError(
                f"opening the BPF object {path}: {binding.error_text(self._ffi, self._lib, number)}"
                f" ({log.summary(said)}); the file is damaged: install sockfilter again, or build it: make bpf",
                said,
            )
        self._object = opened

    def close(self) -> None:
        """Closes maps and programs."""
        if self._loading:
            self._end_loading()
        if self._object:
            self._lib.bpf_object__close(self._object)
        self._object = None
        self._drop_types()

    def set_max_entries(self, name: str, entries: int) -> None:
        """Sets a map's size, before load().

        Args:
            name: the map.
            entries: the number of entries; for a ring, its bytes: a power of two, and whole pages.
        """
        number = self._lib.bpf_map__set_max_entries(self._map(name), entries)
        if number:
            raise ObjectError(f"sizing the map {name}: {binding.error_text(self._ffi, self._lib, number)}")

    def configure(self, content: bytes, section: str = ".rodata") -> None:
        """Writes content to the start of a section of read-only globals, before load()."""
        size = self._ffi.new("size_t *")
        address = self._lib.sf_map_memory(self._map(section), size)
        if not address or size[0] < len(content):
            raise ObjectError(f"{self._path} has no room for the configuration; install sockfilter again")
        self._ffi.memmove(address, content, len(content))

    def choose(self, names: Sequence[str], *chosen: str) -> None:
        """Loads one of several programs, or some, and not the others; before load()."""
        for name in names:
            self._lib.bpf_program__set_autoload(self.program(name), name in chosen)

    def fill(self, name: str, content: bytes) -> None:
        """Sets the values of a mappable array, after load().

        Args:
            name: the map.
            content: all of its values, concatenated.

        Raises:
            KernelUnsupported: the kernel cannot map it.
        """
        with self.mapped(name, len(content), mmap.ACCESS_WRITE) as values:
            values[:] = content

    def mapped(self, name: str, size: int, access: int = mmap.ACCESS_READ) -> mmap.mmap:
        """Maps the values of a mappable array, after load(). The mapping may outlive the object.

        Args:
            name: the map.
            size: bytes of its values.
            access: mmap.ACCESS_READ or mmap.ACCESS_WRITE.

        Raises:
            KernelUnsupported: the kernel cannot map it.
        """
        try:
            return mmap.mmap(self.map_fd(name), size, access=access)
        except OSError as error:
            remedy = "this requires Linux 5.5 or newer"
            raise refused(f"mapping the map {name}", error.errno, error.strerror, remedy) from error

    def begin_to_load(self) -> None:
        """Starts load() in a thread that runs no Python code, so that the caller can do other work meanwhile."""
        self._loading = self._lib.sf_loading_begin(self._open())
        if not self._loading:
            raise MemoryError

    def load(self) -> None:
        """Creates the maps and has the kernel verify the programs. Waits for begin_to_load() if it was called.

        Raises:
            MissingCapability: CAP_BPF is missing.
            KernelUnsupported: the kernel has no ring buffers, or not enough memory for one.
            TooManyOpenFiles: there are not enough descriptors.
            ObjectError: the verifier refused a program.
        """
        if not self._loading:
            self.begin_to_load()
        number = self._end_loading()
        said = log.take(self._ffi, self._lib)
        self._drop_types()
        if not number:
            return
        words = binding.error_text(self._ffi, self._lib, number)
        if limit := _file_limit(number, said):
            raise refused("loading the BPF program", limit, None)
        if -number == errno.EPERM:
            # kernels before 5.11 count maps as locked memory; libbpf logs this if it cannot raise the limit
            self.is_short_of_locked_memory = "RLIMIT_MEMLOCK" in said
            raise MissingCapability(f"loading the BPF program: {words}")
        if "create_map" in said or "failed to create" in said:
            if -number == errno.ENOMEM:
                raise KernelUnsupported(f"creating the BPF maps: {words}; use a smaller ring: -B, or ring=")
            raise KernelUnsupported(
                f"creating the BPF maps: {words} ({log.summary(said)}); ring buffers require Linux 5.8 or newer"
            )
        raise ObjectError(f"loading the BPF program: {words}; the kernel said: {log.summary(said)}", said)

    def map_fd(self, name: str) -> int:
        """Returns a map's descriptor, valid as long as the object."""
        return int(self._lib.bpf_map__fd(self._map(name)))

    def put(self, name: str, key: Any, value: Any) -> None:
        """Sets an entry of a map, after load(). Does nothing if the map is full.

        Args:
            name: the map.
            key, value: cffi pointers to the key and the value.
        """
        self._lib.bpf_map_update_elem(self.map_fd(name), key, value, 0)

    def program(self, name: str) -> Any:
        """Returns libbpf's pointer to a program, valid as long as the object."""
        program = self._lib.bpf_object__find_program_by_name(self._open(), name.encode())
        if not program:
            raise ObjectError(f"{self._path} has no program {name}; install sockfilter again")
        return program

    def program_fd(self, name: str) -> int:
        """Returns a program's descriptor, valid as long as the object."""
        return int(self._lib.bpf_program__fd(self.program(name)))

    def _end_loading(self) -> int:
        loading, self._loading = self._loading, None
        return int(self._lib.sf_loading_end(loading))

    def _drop_types(self) -> None:
        """Closes the file with the kernel's types, which is not needed after the load."""
        if self._types != NO_TYPES:
            os.close(self._types)
        self._types = NO_TYPES

    def _open(self) -> Any:
        if not self._object:
            raise Closed("the BPF object is closed; open another")
        return self._object

    def _map(self, name: str) -> Any:
        found = self._lib.bpf_object__find_map_by_name(self._open(), name.encode())
        if not found:
            raise ObjectError(f"{self._path} has no map {name}; install sockfilter again")
        return found
