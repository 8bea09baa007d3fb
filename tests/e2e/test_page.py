"""The page in Chromium: a report, and the live page of --web."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest

from sockfilter.cli import page as page_options
from sockfilter.cli.arguments import Options
from sockfilter.page.chunks import Chunks
from sockfilter.page.document import ReportDocument
from tests.support.browser import Browser, browser
from tests.support.command import Sniffer, run
from tests.support.page_captures import hostile, shop
from tests.support.servers import file_server
from tests.support.skips import need_root

ROWS = ".rows .row"
MANY = 100_000


@pytest.fixture(scope="module")
def window(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("chromium")) as opened:
        yield opened


def ready(window: Browser) -> None:
    window.until(lambda: window.run("return document.documentElement.dataset.state === 'ready'"), "the page")


def reported(folder: Path, capture: bytes, *arguments: str) -> str:
    """The address of a report."""
    (folder / "a.pcap").write_bytes(capture)
    path = folder / "report.html"
    done = run("report", "-r", str(folder / "a.pcap"), "-o", str(path), *arguments)
    assert done.status == 0, done.said
    return path.as_uri()


@pytest.fixture(scope="module")
def shop_report(tmp_path_factory: pytest.TempPathFactory) -> str:
    return reported(tmp_path_factory.mktemp("shop"), shop())


@pytest.fixture
def opened(window: Browser, shop_report: str) -> Browser:
    window.open(shop_report)
    ready(window)
    return window


def shown(window: Browser) -> int:
    """The number of rows that the filter selects."""
    words = window.text(".counts")
    found = re.search(r"([\d,]+) shown", words) or re.match(r"([\d,]+) line", words)
    assert found
    return int(found[1].replace(",", ""))


def filtered(window: Browser, text: str, count: int) -> None:
    window.run("document.querySelector('#filter').value = ''")
    window.type("#filter", text)
    window.press("Escape")
    script = "return new URLSearchParams(location.hash.slice(1)).get('filter')"
    window.until(lambda: window.run(script) == text, f"the filter {text}")
    window.until(lambda: shown(window) == count, f"{count} rows by {text}")
    window.run("document.activeElement.blur()")


def test_rows_and_details(opened: Browser) -> None:
    assert shown(opened) == 60
    assert opened.texts(f"{ROWS} .where")[0].startswith("shop.example/items/")
    opened.click(ROWS, "/items/")
    opened.click(".tabs button", "response")
    assert "Content-Type" in opened.texts(".fields th")
    assert "berlin: " in opened.texts(".json .key")
    opened.click(".tabs button", "overview")
    assert {"connect", "send", "wait", "receive"} <= set(opened.texts(".bars th"))
    assert opened.said() == []


def test_a_picture_is_shown(opened: Browser) -> None:
    opened.click(ROWS, ".png")
    opened.click(".tabs button", "response")
    opened.until(lambda: opened.run("return document.querySelector('img')?.naturalWidth") == 16, "the picture")


def test_secrets_are_masked(opened: Browser) -> None:
    opened.click(ROWS, "POST")
    opened.click(".tabs button", "request")
    assert 'password: "***"' in opened.texts(".json .leaf")
    assert "hunter2" not in opened.run("return document.documentElement.outerHTML")


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("status == 5xx", 12),
        ("method == GET and status < 300", 24),
        ('path ~ "^/users/\\d+$"', 12),
        ("response.header.content-type contains png", 12),
        ('json.stock.berlin == 0 or json.error contains "no such"', 24),
        ("duration > 10m", 0),
    ],
)
def test_filters(opened: Browser, text: str, count: int) -> None:
    filtered(opened, text, count)
    assert len(opened.texts(f"{ROWS} .where")) == count


def test_a_wrong_filter_is_explained(opened: Browser) -> None:
    opened.type("#filter", "stauts == 500")
    opened.press("Escape")
    opened.until(lambda: "did you mean status?" in opened.text(".fault"), "the explanation")
    assert opened.texts(".fault mark") == ["stauts"]
    assert shown(opened) == 60


def test_filters_are_completed(opened: Browser) -> None:
    opened.type("#filter", "stat")
    opened.until(lambda: opened.texts(".suggestions li"), "suggestions")
    opened.press("Tab")
    opened.until(lambda: "==" in "".join(opened.texts(".suggestions li")), "operators")
    opened.type("#filter", "== ")
    assert {"200seen", "404seen"} <= set(opened.until(lambda: opened.texts(".suggestions li"), "values"))


def test_a_click_on_a_value_filters_by_it(opened: Browser) -> None:
    opened.click(ROWS, "/users/")
    opened.click(".details .value", "404")
    opened.until(lambda: shown(opened) == 12, "the filter")
    assert opened.run("return document.querySelector('#filter').value") == "status == 404"
    opened.click(".tabs button", "response")
    opened.click(".json .value", "no such user")
    value = 'status == 404 and response.json.error == "no such user"'
    opened.until(lambda: opened.run("return document.querySelector('#filter').value") == value, "the filter")
    assert shown(opened) == 12


def test_the_address_opens_the_same_again(opened: Browser, shop_report: str) -> None:
    filtered(opened, "status == 404", 12)
    opened.click(ROWS, "/users/")
    opened.click(".tabs button", "timing")
    opened.until(lambda: "tab=timing" in opened.run("return location.hash"), "the tab in the address")
    address, title = opened.run("return location.href"), opened.text(".details h2")
    opened.open(address)
    opened.until(lambda: opened.text(".details h2") == title, "the same exchange")
    assert opened.texts(".tabs .on") == ["timing"]
    assert shown(opened) == 12


def test_keys(opened: Browser) -> None:
    opened.press("j", "j")
    first = opened.until(lambda: opened.text(".details h2"), "details")
    opened.press("e")
    opened.until(lambda: opened.text(".details h2") != first, "the next error")
    assert "error" in opened.run("return document.querySelector('.row.selected').className")
    opened.press("Escape")
    assert opened.texts(".details") == []
    opened.press("?")
    assert opened.texts("dialog h2") == ["keys", "filters"]


def test_views(opened: Browser) -> None:
    opened.press("2")
    assert len(opened.texts(".sheet tr")) == 1 + 10
    opened.press("3")
    assert "POST /cart" in opened.until(lambda: opened.texts(".statistics td:first-child"), "routes")
    opened.press("4")
    assert opened.run("return document.querySelectorAll('.place').length") >= 2
    opened.press("1", "j", "c", "j", "c")
    opened.until(lambda: "values differ" in opened.text(".view"), "the comparison")
    assert "target" in opened.texts(".compare .differs th")


def test_an_exchange_becomes_a_curl_command(opened: Browser) -> None:
    opened.run("window.copied = ''; navigator.clipboard.writeText = async text => { window.copied = text }")
    opened.click(ROWS, "/items/")
    opened.click(".details .actions button", "curl")
    copied = opened.until(lambda: opened.run("return window.copied"), "the command")
    assert copied.startswith("curl --http1.1 ")
    assert "/items/" in copied


def luminance(window: Browser) -> int:
    found = re.findall(r"\d+", window.run("return getComputedStyle(document.body).backgroundColor"))
    return sum(map(int, found[:3]))


def test_light_and_dark(opened: Browser) -> None:
    before = luminance(opened)
    opened.press("t")
    after = luminance(opened)
    assert min(before, after) < 150 < 600 < max(before, after)


def test_what_an_attacker_sends_is_text(window: Browser, tmp_path: Path) -> None:
    window.open(reported(tmp_path, hostile()))
    ready(window)
    assert shown(window) == 8
    seen = []
    for number in range(8):
        window.press("j")
        window.until(
            lambda number=number: f"exchange={number + 1}" in window.run("return location.hash"), "the exchange"
        )
        for tab in window.texts(".tabs button"):
            window.click(".tabs button", tab)
            for view in window.texts(".payload .views button"):
                window.click(".payload .views button", view)
                seen.append(window.text(".payload"))
            seen.append(window.text(".details"))
    for key in "234":
        window.press(key)
    assert window.run("return [window.attacked, ({}).attacked]") == [None, None]
    made = (
        "iframe, link, base, meta[http-equiv=refresh], object, embed, image, [onerror], [onload], a[href^=javascript]"
    )
    assert window.run("return document.querySelectorAll(arguments[0]).length", made) == 0
    assert window.run("return performance.getEntriesByType('resource').length") == 0
    assert window.said() == []
    everything = "".join(seen)
    assert not re.search("[\u202a-\u202e\u2066-\u2069\u200b\x00-\x08\x0b-\x1f\x7f-\x9f]", everything)
    assert "\\u{202e}" in everything
    assert "<script>window.attacked=1</script>" in everything
    assert "it is too large to be shown" in everything


def frozen(path: Path, lines: list[bytes]) -> str:
    """The address of a report with these lines."""
    report = ReportDocument(page_options.about(Options(read="made.pcap")))
    with path.open("wb") as file:
        file.write(report.start.encode())
        chunks = Chunks(lambda content, count: file.writelines(report.chunk(content)))
        for each in lines:
            chunks.write(memoryview(each))
        chunks.finish()
        file.write(report.end({"left_out": 0}).encode())
    return path.as_uri()


def test_messages_are_among_the_details_of_their_exchange(window: Browser, tmp_path: Path) -> None:
    opening, other = (json.loads(line(number)) for number in (0, 1))
    opening["response"] |= {"status": 101, "headers": [["Upgrade", "websocket"]], "body": {"wire_len": 0, "len": 0}}
    about = {"protocol": "websocket", "exchange": 1, "interface": "lo", "connection": 0, "problems": []}
    about |= {"kind": "message", "client": opening["client"], "server": opening["server"], "type": "text"}
    made = [opening]
    for number in range(30):
        text = {"wire_len": 12, "len": 12, "text": json.dumps({"number": number})}
        made.append(
            about | text | {"from": ("client", "server")[number % 2], "time": f"2026-11-20T09:12:{21 + number}Z"}
        )
    other["grpc"] = {
        **{"service": "shop.v1.Cart", "method": "Get", "status": 5, "status_name": "NOT_FOUND", "message": "no"},
        **{"web": False, "request": {"count": 1, "messages": [{"compressed": False, "wire_len": 2, "base64": "CAE="}]}},
        "response": {"count": 0, "messages": []},
    }
    made.append(other)
    window.open(frozen(tmp_path / "a.html", [f"{json.dumps(each)}\n".encode() for each in made]))
    ready(window)
    assert window.texts(f"{ROWS} .where") == ["many.example/items/0", "shop.v1.Cart/Get"]
    window.press("j")
    window.click(".tabs button", "messages (30)")
    assert len(window.until(lambda: window.texts(".messages summary"), "messages")) == 30
    window.click(".messages summary", '"number": 7')
    assert "number: " in window.until(lambda: window.texts(".messages .json .key"), "its content")
    filtered(window, "json.number == 7", 0)  # a message has a row of its own only if that is asked for
    window.press("m")
    window.until(lambda: shown(window) == 1, "the message")
    filtered(window, "grpc_status == NOT_FOUND", 1)
    window.press("m", "j")
    window.click(".tabs button", "calls")
    assert "from the client: 1 message" in window.text(".details")


def test_many_rows(window: Browser, tmp_path: Path) -> None:
    window.open(frozen(tmp_path / "many.html", list(map(line, range(MANY)))))
    ready(window)
    assert shown(window) == MANY
    assert window.run("return document.querySelectorAll('.row').length") < 200
    filtered(window, "status == 500", MANY // 100)
    filtered(window, "response.header.x-number == 77777", 1)
    assert window.texts(f"{ROWS} .where") == ["many.example/items/77777"]
    filtered(window, "connection == 7", 10)
    window.press("G")
    window.until(lambda: "items/79" in window.text(".details h2"), "the last row")


def line(number: int) -> bytes:
    """A line of JSON, as --format jsonl writes it."""
    ends = {"client": {"ip": "10.0.0.1", "port": 40000}, "server": {"ip": "10.0.0.2", "port": 80}}
    request = {"method": "GET", "target": f"/items/{number}", "version": "1.1", "headers": [["Host", "many.example"]]}
    response = {"status": 200 if number % 100 else 500, "reason": "OK", "version": "1.1"}
    fields = [["Content-Type", "application/json"], ["X-Number", str(number)]]
    exchange = {
        **{"kind": "exchange", "id": number + 1, "time": f"2026-11-20T09:12:20.{number:09d}Z", "interface": "lo"},
        **{"connection": number // 10, "conn_seq": number % 10 + 1, **ends},
        "request": {**request, "body": {"wire_len": 0, "len": 0}},
        "response": {**response, "headers": fields, "body": {"wire_len": 2, "len": 2, "text": "{}"}},
        **{"informational": [], "timing": {"send": 0, "wait": 0.001, "receive": 0, "total": 0.001}},
        **{"complete": True, "problems": []},
    }
    return f"{json.dumps(exchange)}\n".encode()


def get(port: int, path: str) -> None:
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", path)
    connection.getresponse().read()
    connection.close()


def page_of(sniffer: Sniffer) -> str:
    """The address of the page that a sniffer says."""
    found = re.search(r"http://\S+", sniffer.said())
    assert found
    return found[0]


def until_rows(window: Browser, count: int, is_wanted: Callable[[str], bool] = bool) -> list[str]:
    def found() -> list[str]:
        rows = [text for text in window.texts(f"{ROWS} .where") if is_wanted(text)]
        return rows if len(rows) >= count else []

    rows: list[str] = window.until(found, f"{count} rows")
    return rows


def test_the_live_page_follows(window: Browser, tmp_path: Path) -> None:
    need_root()
    (tmp_path / "small").write_text("small\n")
    with file_server(tmp_path) as site, Sniffer("-i", "lo", "--web", "--no-processes") as sniffer:
        address = page_of(sniffer)
        own = re.search(r":(\d+)/", address)
        assert own
        window.open(f"{address}#filter=server.port+%3D%3D+{site.port}")
        window.until(lambda: window.texts("#filter"), "the page")
        get(site.port, "/small?1")
        until_rows(window, 1)
        window.click(ROWS, "/small?1")
        window.click(".tabs button", "response")
        window.until(lambda: "small" in window.text(".payload"), "the content")
        window.press("Escape", " ")
        get(site.port, "/small?2")
        window.until(lambda: re.search("paused, [1-9]", window.text(".counts")), "the pause")
        assert len(window.texts(f"{ROWS} .where")) == 1
        window.press(" ")
        until_rows(window, 2)
        window.press("x")
        window.until(lambda: not window.texts(f"{ROWS} .where"), "nothing")
        window.open(f"{address}#filter=port+%3D%3D+{own[1]}")  # everything from the beginning
        ready(window)
        get(site.port, "/small?3")
        window.until(lambda: re.match(r"[3-9]|\d\d", window.text(".counts")), "the exchanges")
        assert shown(window) == 0, "the page shows its own connections"
        assert sniffer.end().status == 0
    window.until(lambda: "has ended" in window.text(".notice"), "the end")
    # the browser says that the server cannot be reached
    assert [words for words in window.said() if "ERR_CONNECTION" not in words and "ERR_INCOMPLETE" not in words] == []


def test_a_page_without_its_token_says_so(window: Browser) -> None:
    need_root()
    with Sniffer("-i", "lo", "--web", "--no-processes") as sniffer:
        address = page_of(sniffer)
        window.open(address.partition("?")[0])
        assert "lacks its token" in window.text("body")
        window.said()
