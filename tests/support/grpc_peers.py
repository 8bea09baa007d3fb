"""A server and a client of gRPC, in a process of their own, and what each of them said.

    python -m tests.support.grpc_peers PORT [documents]

The client makes each kind of call, or those that the documentation shows. Standard output then has one JSON object: the
calls by their number, as the client and the server saw them. A call says its number in its metadata. Messages are in
base64.
"""

from __future__ import annotations

import base64
import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import grpc

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

SERVICE = "shop.v1.Cart"
CALL = "x-call"
LONG = bytes(range(256)) * 1200
# seconds: of the deadline, and of the server that misses it
DEADLINE_S, SLOW_S = 0.2, 1.0

Metadata = "list[tuple[str, str | bytes]]"


def text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def pairs(metadata: Any) -> list[list[str]]:
    """Metadata for JSON, in which values of -bin are in base64."""
    return [[name, text(value) if isinstance(value, bytes) else value] for name, value in metadata or ()]


class Server:
    """The methods. Each notes what it got and what it gave, by the number of the call."""

    def __init__(self) -> None:
        self.log: dict[str, dict[str, Any]] = {}

    def handler(self, kind: str, behave: Callable[..., Any]) -> Any:
        return getattr(grpc, f"{kind}_rpc_method_handler")(behave)

    def begin(self, context: grpc.ServicerContext) -> dict[str, Any]:
        metadata = context.invocation_metadata()
        number = next(value for name, value in metadata if name == CALL)
        return self.log.setdefault(number, {"received": [], "sent": [], "metadata": pairs(metadata)})

    def got(self, log: dict[str, Any], messages: Iterable[bytes]) -> Iterator[bytes]:
        for message in messages:
            log["received"].append(text(message))
            yield message

    def gave(self, log: dict[str, Any], message: bytes) -> bytes:
        log["sent"].append(text(message))
        return message

    def get(self, request: bytes, context: grpc.ServicerContext) -> bytes:
        log = self.begin(context)
        list(self.got(log, [request]))
        if request == b"missing":
            context.set_trailing_metadata((("why-bin", b"\0\xff,"), ("x-more", "1")))
            context.abort(grpc.StatusCode.NOT_FOUND, "nothing here: ü 100%\n")
        if request == b"slow":
            time.sleep(SLOW_S)
        context.send_initial_metadata((("x-first", "a"),))
        return self.gave(log, LONG if request == b"long" else request[::-1])

    def list_(self, request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
        log = self.begin(context)
        list(self.got(log, [request]))
        for number in range(7):
            yield self.gave(log, b"%s %d" % (request, number) * number)
        if request == b"breaks":
            context.abort(grpc.StatusCode.DATA_LOSS, "in the middle")
        if request == b"endless":
            while context.is_active():
                time.sleep(0.01)

    def add(self, requests: Iterator[bytes], context: grpc.ServicerContext) -> bytes:
        log = self.begin(context)
        return self.gave(log, b"%d" % sum(map(len, self.got(log, requests))))

    def talk(self, requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
        log = self.begin(context)
        for message in self.got(log, requests):
            yield self.gave(log, message * 2)

    def service(self, call: Any) -> Any:
        """Implements grpc.GenericRpcHandler."""
        methods = {
            "Get": ("unary_unary", self.get),
            "List": ("unary_stream", self.list_),
            "Add": ("stream_unary", self.add),
            "Talk": ("stream_stream", self.talk),
        }
        found = methods.get(call.method.rpartition("/")[2])
        return None if found is None else self.handler(*found)


class Client:
    """Makes the calls, and notes what it gave and what it got."""

    def __init__(self, channel: grpc.Channel) -> None:
        self._channel = channel
        self.log: dict[str, dict[str, Any]] = {}

    def call(
        self, kind: str, method: str, messages: list[bytes], stop_after: int | None = None, **options: Any
    ) -> None:
        number = str(len(self.log) + 1)
        log = self.log[number] = {"method": method, "sent": list(map(text, messages)), "received": []}
        log["compressed"] = options.get("compression") is not None
        metadata = ((CALL, number), ("trace-bin", bytes([0, 255, len(self.log), 44])), *options.pop("metadata", ()))
        make = getattr(self._channel, kind)(f"/{SERVICE}/{method}")
        asks, answers = kind.split("_")
        given = messages[0] if asks == "unary" else iter(messages)
        try:
            if answers == "unary":
                answer, call = make.with_call(given, metadata=metadata, **options)
                log["received"].append(text(answer))
            else:
                call = make(given, metadata=metadata, **options)
                for message in call:
                    log["received"].append(text(message))
                    if len(log["received"]) == stop_after:
                        call.cancel()
            log.update(status=call.code().value[0], details=call.details(), trailing=pairs(call.trailing_metadata()))
        except grpc.RpcError as error:
            log.update(status=error.code().value[0], details=error.details(), trailing=pairs(error.trailing_metadata()))


def make_calls(client: Client) -> None:
    gzip, deflate = grpc.Compression.Gzip, grpc.Compression.Deflate
    client.call("unary_unary", "Get", [b"hello"])
    client.call("unary_unary", "Get", [b""])
    client.call("unary_unary", "Get", [b"long"])
    client.call("unary_unary", "Get", [LONG])
    client.call("unary_unary", "Get", [b"a" * 5000], compression=gzip)
    client.call("unary_unary", "Get", [b"a" * 5000], compression=deflate)
    client.call("unary_unary", "Get", [b"missing"])
    client.call("unary_unary", "Nothing", [b"nobody"])
    client.call("unary_stream", "List", [b"all"])
    client.call("unary_stream", "List", [b"breaks"])
    client.call("stream_unary", "Add", [b"a", b"", b"ccc"])
    client.call("stream_unary", "Add", [])
    client.call("stream_stream", "Talk", [b"x" * size for size in (1, 300, 70_000)])
    client.call("stream_stream", "Talk", [b"z" * 9000, b"", b"y"], compression=gzip)
    client.call("unary_stream", "List", [b"endless"], stop_after=7)
    client.call("unary_unary", "Get", [b"slow"], timeout=DEADLINE_S)
    client.call("unary_unary", "Get", [b"after all of these"])


def make_calls_of_documents(client: Client) -> None:
    client.call("unary_unary", "Get", [b"missing"])
    client.call("unary_stream", "List", [b"all"])


def main(port: str, which: str = "") -> None:
    methods = Server()
    server = grpc.server(ThreadPoolExecutor(8))
    server.add_generic_rpc_handlers((methods,))
    server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        client = Client(channel)
        (make_calls_of_documents if which else make_calls)(client)
    server.stop(None).wait()
    print(json.dumps({"client": client.log, "server": methods.log}))


if __name__ == "__main__":
    main(*sys.argv[1:])
