"""A schema as protoc compiles it, without protoc."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

descriptor_pb2 = pytest.importorskip("google.protobuf.descriptor_pb2")

STRING, INT32, MESSAGE = 9, 5, 11


def file(name: str = "shop.proto", *, imports: tuple[str, ...] = ()):
    """shop.v1.Cart with Get(Item) returns (Item). Item: id = 1, number = 2, inner = 3, password = 4."""
    made = descriptor_pb2.FileDescriptorProto(name=name, package="shop.v1", syntax="proto3", dependency=imports)
    item = made.message_type.add(name="Item")
    for number, (name_, kind) in enumerate(
        [("id", STRING), ("number", INT32), ("inner", MESSAGE), ("password", STRING)], start=1
    ):
        added = item.field.add(name=name_, number=number, type=kind, label=1)
        if kind == MESSAGE:
            added.type_name = ".shop.v1.Item"
    service = made.service.add(name="Cart")
    service.method.add(name="Get", input_type=".shop.v1.Item", output_type=".shop.v1.Item")
    return made


def descriptor_set(folder: Path, *files) -> Path:
    """The path of a file with these files; with that of file() if none are given."""
    path = folder / "shop.pb"
    path.write_bytes(descriptor_pb2.FileDescriptorSet(file=files or [file()]).SerializeToString())
    return path
