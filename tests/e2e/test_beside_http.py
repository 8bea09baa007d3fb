"""MQTT, AMQP and SMTP between real clients and servers, compared with what both sides know."""

from __future__ import annotations

import smtplib
import socket
import threading
from email.message import EmailMessage
from typing import TYPE_CHECKING, Any

import paho.mqtt.client as paho
import pika
import pytest
from paho.mqtt.enums import CallbackAPIVersion

import sockfilter
from sockfilter.errors import BrokerError
from tests.support import captures
from tests.support.broker import broker as capture_broker
from tests.support.brokers import Mailbox, amqp_server, mosquitto, smtp_server
from tests.support.command import Sniffer, run
from tests.support.frames import Talk
from tests.support.net import free_port
from tests.unit.protocols.mqtt.test_packets import connect

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WAIT_S = 15.0
VERSIONS = {"3.1": paho.MQTTv31, "3.1.1": paho.MQTTv311, "5": paho.MQTTv5}
WHOLE = ("--format", "jsonl", "--body", "all")
CREDENTIALS = ("someone", "a-secret-word")


def listening(port: int, *options: str) -> Sniffer:
    return Sniffer("-i", "lo", "--ports", str(port), *WHOLE, *options)


def fields(lines: list[dict[str, Any]], kind: str, sender: str = "client") -> list[dict[str, Any]]:
    return [line.get("fields", {}) for line in lines if (line["type"], line["from"]) == (kind, sender)]


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[int]:
    with mosquitto(tmp_path) as port:
        yield port


def talk_mqtt(port: int, version: str, payloads: dict[str, tuple[bytes, int]]) -> dict[str, bytes]:
    """A client subscribes and publishes; what came back to it."""
    received: dict[str, bytes] = {}
    all_came, subscribed, connected = threading.Event(), threading.Event(), threading.Event()
    client = paho.Client(CallbackAPIVersion.VERSION2, f"client-{version}", protocol=VERSIONS[version])

    def on_message(client: paho.Client, data: object, message: paho.MQTTMessage) -> None:
        received[message.topic] = message.payload
        if len(received) == len(payloads):
            all_came.set()

    client.on_message = on_message
    client.on_subscribe = lambda *_: subscribed.set()
    client.on_connect = lambda *_: connected.set()
    client.username_pw_set(*CREDENTIALS)
    client.connect("127.0.0.1", port)
    client.loop_start()
    assert connected.wait(WAIT_S)
    client.subscribe([("t/#", 2), ("other/+", 0)])
    assert subscribed.wait(WAIT_S)
    for topic, (payload, qos) in payloads.items():
        client.publish(topic, payload, qos).wait_for_publish(WAIT_S)
    assert all_came.wait(WAIT_S)
    client.disconnect()
    client.loop_stop()
    return received


@pytest.mark.parametrize("version", VERSIONS)
def test_mqtt(broker: int, version: str) -> None:
    payloads = {f"t/{qos}": (b"x" * 30_000 * qos + b"%d" % qos, qos) for qos in (0, 1, 2)}
    with listening(broker, "--protocols", "mqtt", "--show-secrets") as sniffer:
        received = talk_mqtt(broker, version, payloads)
        lines = sniffer.end().json
    assert {line["protocol"] for line in lines} == {"mqtt"}
    (connect,) = fields(lines, "connect")
    assert connect["client_id"] == f"client-{version}"
    assert (connect["username"], connect["password"]) == CREDENTIALS
    assert connect["protocol_version"] == VERSIONS[version]
    assert fields(lines, "subscribe")[0]["topics"] == [["t/#", 2], ["other/+", 0]]
    assert fields(lines, "suback", "server")[0]["granted"] == [2, 0]
    for sender in ("client", "server"):
        published = [line for line in lines if (line["type"], line["from"]) == ("publish", sender)]
        assert {
            line["fields"]["topic"]: (line["text"].encode(), line["fields"]["qos"]) for line in published
        } == payloads
    assert received == {topic: payload for topic, (payload, _) in payloads.items()}
    assert [len(fields(lines, kind, "server")) for kind in ("connack", "puback", "pubrec", "pubcomp")] == [1] * 4
    assert len(fields(lines, "pubrel")) == len(fields(lines, "disconnect")) == 1
    assert not [line for line in lines if line["problems"]]


def test_passwords_are_masked(broker: int) -> None:
    with listening(broker, "--protocols", "all") as sniffer:
        talk_mqtt(broker, "5", {"t/1": (b"x", 0)})
        done = sniffer.end()
    assert CREDENTIALS[1].encode() not in done.output
    assert fields(done.json, "connect")[0]["password"] == "***"


def test_nothing_of_it_is_read_unless_it_is_wanted(broker: int) -> None:
    with listening(broker) as sniffer:
        talk_mqtt(broker, "3.1.1", {"t/1": (b"x", 0)})
        done = sniffer.end()
    assert not done.lines
    with listening(broker, "--protocols", "smtp") as sniffer:
        talk_mqtt(broker, "3.1.1", {"t/1": (b"x", 0)})
        done = sniffer.end()
    assert not done.lines


def test_a_file_of_it_has_the_same_messages(broker: int, tmp_path: Path) -> None:
    path = str(tmp_path / "mqtt.pcapng")
    with listening(broker, "--protocols", "mqtt", "-w", path) as sniffer:
        talk_mqtt(broker, "5", {"t/1": (b"x" * 20_000, 2)})
        live = sniffer.end().json
    for line in live:
        del line["interface"]
    read = run("-r", path, *WHOLE).json
    for line in read:
        del line["interface"]
    assert read == live
    assert not run("-r", path, *WHOLE, "--protocols", "http").lines


@pytest.fixture
def mail_server() -> Iterator[tuple[int, Mailbox]]:
    with smtp_server() as server:
        yield server


def mails(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    assert {line["kind"] for line in lines} == {"mail"}
    return lines


def test_mails_of_smtplib(mail_server: tuple[int, Mailbox]) -> None:
    port, mailbox = mail_server
    with listening(port, "--protocols", "smtp") as sniffer:
        with smtplib.SMTP("127.0.0.1", port, local_hostname="client.test") as client:
            for i, words in enumerate(("hello\n.\n..dots", "refuse me", "grün\n" * 5000)):
                mail = EmailMessage()
                mail["Subject"], mail["From"], mail["To"] = f"Nummer {i} für dich", "a@x.test", "b@y.test"
                mail.set_content(words)
                try:
                    client.send_message(mail, "a@x.test", ["b@y.test", "no@y.test", "c@y.test"])
                except smtplib.SMTPDataError as error:
                    assert error.smtp_code == 554  # noqa: PT017  # the refused one
        lines = mails(sniffer.end().json)
    assert [line["subject"] for line in lines] == [f"Nummer {i} für dich" for i in range(3)]
    assert [line["reply"]["code"] for line in lines] == [250, 554, 250]
    for line, taken in zip(lines, mailbox.taken, strict=True):
        assert line["helo"] == "client.test"
        assert line["mail_from"] == taken.sender
        assert [each["to"] for each in line["rcpt"] if each["code"] == 250] == taken.recipients
        assert [each["to"] for each in line["rcpt"] if each["code"] == 550] == ["no@y.test"]
        assert line["text"].encode() == taken.content
        assert line["size"] == len(taken.content)


def test_pipelined_commands_by_hand(mail_server: tuple[int, Mailbox]) -> None:
    port, mailbox = mail_server
    with listening(port, "--protocols", "smtp") as sniffer:
        with socket.create_connection(("127.0.0.1", port), WAIT_S) as client, client.makefile("rb") as replies:
            replies.readline()
            client.sendall(b"helo by.hand\r\n")
            replies.readline()
            client.sendall(b"MAIL FROM:<a@x.test>\r\nRCPT TO:<no@y.test>\r\nRCPT TO:<b@y.test>\r\nDATA\r\n")
            codes = [int(replies.readline()[:3]) for _ in range(4)]
            client.sendall(b"Subject: one\r\n\r\n..\r\n.\r\nRSET\r\nMAIL FROM:<c@x.test>\r\nQUIT\r\n")
            codes += [int(replies.readline()[:3]) for _ in range(4)]
        first, second = mails(sniffer.end().json)
    assert codes == [250, 550, 250, 354, 250, 250, 250, 221]
    assert first["rcpt"] == [{"to": "no@y.test", "code": 550}, {"to": "b@y.test", "code": 250}]
    assert (first["subject"], first["text"], first["reply"]["code"]) == ("one", "Subject: one\r\n\r\n.\r\n", 250)
    assert mailbox.taken[0].content == first["text"].encode()
    assert (second["mail_from"], second["rcpt"]) == ("c@x.test", [])


def test_chunks_by_hand() -> None:
    """A client and a server by the book (RFC 3030)."""
    port = free_port()
    said = [
        (b"", b"220 hi\r\n"),
        (b"EHLO by.hand\r\n", b"250-hi\r\n250 CHUNKING\r\n"),
        (b"MAIL FROM:<a@x.test>\r\nRCPT TO:<b@y.test>\r\n", b"250 1\r\n250 2\r\n"),
        (b"BDAT 18\r\nSubject: hi\r\n\r\n.\r\nBDAT 2 LAST\r\n\0\r", b"250 3\r\n250 taken\r\n"),
        (b"QUIT\r\n", b"221 bye\r\n"),
    ]
    with socket.create_server(("127.0.0.1", port)) as listener, listening(port, "--protocols", "smtp") as sniffer:
        client = socket.create_connection(("127.0.0.1", port), WAIT_S)
        server, _ = listener.accept()
        with client, server:
            for asked, answer in said:
                client.sendall(asked)
                assert not asked or server.recv(1000) == asked
                server.sendall(answer)
                assert client.recv(1000) == answer
        (line,) = mails(sniffer.end().json)
    assert (line["size"], line["text"], line["subject"]) == (20, "Subject: hi\r\n\r\n.\r\n\0\r", "hi")
    assert line["reply"] == {"code": 250, "text": "taken"}


def test_amqp() -> None:
    content = b"hello " * 3000
    with amqp_server() as port, listening(port, "--protocols", "amqp") as sniffer:
        account = pika.PlainCredentials("guest", CREDENTIALS[1])
        connection = pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", port, credentials=account))
        channel = connection.channel()
        channel.queue_declare("orders")
        properties = pika.BasicProperties(
            content_type="text/plain", headers={"n": 1, "list": [1, "a"]}, delivery_mode=2
        )
        channel.basic_publish("shop", "orders", content, properties)
        connection.close()
        done = sniffer.end()
    lines = done.json
    assert {line["protocol"] for line in lines} == {"amqp"}
    assert fields(lines, "connection.start-ok")[0]["username"] == "guest"
    assert CREDENTIALS[1].encode() not in done.output
    assert fields(lines, "queue.declare")[0]["queue"] == "orders"
    assert fields(lines, "queue.declare-ok", "server")[0]["queue"] == "orders"
    (published,) = [line for line in lines if line["type"] == "basic.publish"]
    assert published["text"].encode() == content
    assert published["channel"] == 1
    wanted = {"exchange": "shop", "routing_key": "orders", "content_type": "text/plain", "delivery_mode": 2}
    assert published["fields"].items() >= (wanted | {"headers": {"n": 1, "list": [1, "a"]}}).items()
    assert not [line for line in lines if line["problems"]]


@pytest.mark.parametrize(("word", "hint"), [("nosuch", ""), ("mqt", "; did you mean mqtt?"), ("", "")])
def test_a_protocol_that_is_not_known(word: str, hint: str) -> None:
    done = run("-i", "lo", "--protocols", word)
    assert done.status == 2
    assert done.said == [
        f"sockfilter: --protocols: {word!r} is not a protocol: http, mqtt, amqp, smtp and all are{hint}"
    ]


def test_in_the_library(broker: int, tmp_path: Path) -> None:
    with sockfilter.capture("lo", ports=broker, protocols=["mqtt"]) as capture:
        talk_mqtt(broker, "5", {"t/1": (b"hello", 1)})
        capture.flush()
        found = capture.messages(protocol="mqtt", type="publish", text="hello")
        assert [message.sender for message in found] == ["client", "server"]
        assert found[0].fields["topic"] == "t/1"
        assert not capture.exchanges
        assert capture.ledger.messages.stream_messages["mqtt"] == len(capture.messages())
    assert capture.ledger.is_balanced


def test_a_file_in_the_library(tmp_path: Path) -> None:
    talk = Talk()
    path = tmp_path / "mqtt.pcap"
    path.write_bytes(captures.pcap(captures.timed([*talk.opening(), talk.client(connect()), *talk.closing()])))
    for protocols, kinds in ((None, ["connect"]), ("mqtt", ["connect"]), ("http", []), ("smtp", [])):
        reading = sockfilter.read(str(path), protocols=protocols)
        assert list(reading) == []
        assert [message.kind for message in reading.messages] == kinds


def test_in_tests(pytester: pytest.Pytester, broker: int) -> None:
    pytester.makepyfile(
        f"""
        import paho.mqtt.client as paho
        import pytest

        @pytest.mark.wire(protocols="mqtt", ports={broker})
        def test_it(wire):
            client = paho.Client(paho.CallbackAPIVersion.VERSION2, "me")
            client.connect("127.0.0.1", {broker})
            client.loop_start()
            client.publish("t/1", b"hello", 1).wait_for_publish(15)
            client.disconnect()
            client.loop_stop()
            wire.expect_message(protocol="mqtt", type="publish", text="hello", within=5)
        """
    )
    pytester.runpytest_subprocess("--wire=require").assert_outcomes(passed=1)


def test_through_a_broker_that_permits_it(broker: int, tmp_path: Path) -> None:
    with (
        capture_broker(tmp_path, "--protocols", "mqtt", user="0") as (path, _),
        sockfilter.capture("lo", ports=broker, protocols="mqtt", broker=path) as capture,
    ):
        talk_mqtt(broker, "3.1.1", {"t/1": (b"hello", 0)})
        capture.flush()
        assert len(capture.messages(type="publish")) == 2
        with pytest.raises(BrokerError, match="it does not capture smtp; start it with --protocols smtp"):
            sockfilter.capture("lo", protocols="smtp", broker=path)
