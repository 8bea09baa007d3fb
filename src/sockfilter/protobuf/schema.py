"""Schemas of protobuf messages: files that protoc has compiled (FileDescriptorSet).

One schema applies to the whole process, as masking does. The package protobuf is imported only if there is one.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

from sockfilter.errors import InvalidArgument, installing

if TYPE_CHECKING:
    from collections.abc import Iterable

# bytes of a descriptor set: those of the largest public interfaces have 20 MB
FILE_BYTES_MAX = 256 << 20
# bytes of a file that are searched for the words of a schema's source: most comments before them are shorter
SOURCE_BYTES = 4096
COMMENT = re.compile(rb"//[^\n]*|/\*.*?\*/", re.DOTALL)
# what a source begins with (protobuf's language specification)
SOURCE = re.compile(rb"\s*(?:syntax|edition|package|import|option|message|service|enum)\b")

_schema: Schema | None = None


class Schema:
    """The methods in some descriptor sets.

    Args:
        paths: the files. A service in a later file replaces one of the same name.

    Attributes:
        paths: the same.

    Raises:
        InvalidArgument: a file is not a descriptor set, or it lacks an import; or protobuf is not installed.
    """

    def __init__(self, paths: tuple[str, ...]) -> None:
        self.paths = paths
        self._kinds: dict[tuple[str, str], tuple[Any, Any]] = {}
        self._to_dict: Any = None
        for path in paths:
            self._add(path)

    def _add(self, path: str) -> None:
        data = _read(path)
        try:
            from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory
        except ImportError as error:
            raise InvalidArgument(
                f"reading {path}: this needs the package protobuf; install it with {installing('grpc')}"
            ) from error
        self._to_dict = json_format.MessageToDict
        pool = descriptor_pool.DescriptorPool()
        # before protobuf 4.22, which Debian 13 does not have, a factory makes the classes
        make = getattr(message_factory, "GetMessageClass", None) or message_factory.MessageFactory(pool).GetPrototype
        for file in _files(descriptor_pb2.FileDescriptorSet, data, path):
            try:
                pool.AddSerializedFile(file.SerializeToString())
            except Exception as error:  # TypeError or others, by protobuf's implementation
                raise InvalidArgument(
                    f"reading {path}: {file.name or 'a file in it'} cannot be used ({_line(error)});"
                    f" protoc writes what it imports too with --include_imports"
                ) from error
            for service in file.service:
                name = f"{file.package}.{service.name}".lstrip(".")
                for method in pool.FindServiceByName(name).methods:
                    self._kinds[name, method.name] = make(method.input_type), make(method.output_type)

    def kind(self, service: str, method: str, is_request: bool) -> Any | None:
        """The class of the messages of a method; None if the schema does not have the method."""
        kinds = self._kinds.get((service, method))
        return None if kinds is None else kinds[not is_request]

    def decode(self, service: str, method: str, is_request: bool, content: bytes) -> dict[str, Any] | None:
        """A message in protobuf's JSON form; None if the method is not known or the content does not match."""
        kind = self.kind(service, method, is_request)
        if kind is None:
            return None
        try:
            message = kind.FromString(content)
            found: dict[str, Any] = self._to_dict(message, preserving_proto_field_name=True)
        except Exception:  # DecodeError; and what an Any of an unknown type or a strange time raises
            return None
        return found


def set_protos(*paths: str | os.PathLike[str]) -> None:
    """Reads the schemas with which gRPC messages are decoded in this process from now on.

    Args:
        *paths: files that protoc has written with --descriptor_set_out and --include_imports. Without a path, no
            schema applies any more.

    Raises:
        InvalidArgument: a file is not a descriptor set, or it lacks an import; or protobuf is not installed.
    """
    global _schema  # noqa: PLW0603  # one for the process
    _schema = Schema(tuple(os.fspath(path) for path in paths)) if paths else None


def is_set() -> bool:
    """Whether there is a schema."""
    return _schema is not None


def paths() -> tuple[str, ...]:
    """The files of the schema."""
    return () if _schema is None else _schema.paths


def decode(service: str, method: str, is_request: bool, content: bytes) -> dict[str, Any] | None:
    """As Schema.decode(), by the schema of the process."""
    return None if _schema is None else _schema.decode(service, method, is_request, content)


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            data = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise InvalidArgument(f"reading {path}: {error.strerror}") from error
    if len(data) > FILE_BYTES_MAX:
        raise InvalidArgument(f"reading {path}: no descriptor set has more than {FILE_BYTES_MAX >> 20} MiB")
    return data


def _files(kind: Any, data: bytes, path: str) -> Iterable[Any]:
    """The files in a descriptor set. Raises InvalidArgument if it is none."""
    try:
        found: Iterable[Any] = kind.FromString(data).file
    except Exception:  # DecodeError
        found = ()
    if found and all(file.name for file in found):
        return found
    if SOURCE.match(COMMENT.sub(b"", data[:SOURCE_BYTES])):
        made = os.path.splitext(os.path.basename(path))[0] + ".pb"
        raise InvalidArgument(
            f"reading {path}: it is the source of a schema; compile it with"
            f" protoc --include_imports --descriptor_set_out={made} {path}"
        )
    raise InvalidArgument(
        f"reading {path}: it is not a descriptor set; protoc writes one with --include_imports --descriptor_set_out"
    )


def _line(error: Exception) -> str:
    return " ".join(str(error).split())
