"""The live screen, as a person sees and uses it."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

pytest.importorskip("textual")

from sockfilter.model import Body, Connection, Endpoint, Process
from sockfilter.screen.app import ScreenApp
from tests.support.exchanges import exchange
from tests.support.screens import run_screen, text_of, until, watched

GOLDEN = Path(__file__).with_name("golden")
JSON = b'{"items": [{"id": 7, "name": "seven"}], "token": "abcdefghijkl", "total": 1}'
HOSTILE = "\x1b[31m\x1b]0;title\x07[bold]red[/bold]\u202e\r"


def asked(
    target: str, status: int = 200, content: bytes = b"hello", kind: str = "text/plain", number: int = 0, **options
):
    made = exchange(
        f"GET {target} HTTP/1.1\r\nHost: shop.example\r\nAuthorization: Bearer abcdefghijkl\r\n\r\n".encode(),
        f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {len(content)}\r\n\r\n".encode(),
        Body(len(content), len(content), content),
        **options,
    )
    made.id = number
    return made


def shop(count: int = 9):
    """Exchanges of which each third has failed."""
    return [asked(f"/item/{n}", 500 if n % 3 == 2 else 200, number=n + 1) for n in range(count)]


def golden(text: str) -> str:
    """The text without what is of this moment and this machine."""
    text = re.sub(r"\d{4}-\d\d-\d\d", "YYYY-MM-DD", text)
    return re.sub(r"\d\d:\d\d:\d\d", "HH:MM:SS", text)


async def check_golden(name: str, pilot) -> None:
    """Waits for the screen that a person has looked at. SOCKFILTER_GOLDEN=1 writes it anew."""
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("SOCKFILTER_GOLDEN"):
        path.write_text(golden(text_of(pilot.app)) + "\n")
    expected = path.read_text()
    await until(pilot, lambda: golden(text_of(pilot.app)) + "\n" == expected, f"{path} has:\n{expected}")


@pytest.mark.parametrize("size", [(80, 24), (220, 30)], ids=lambda size: f"{size[0]}x{size[1]}")
def test_the_whole_screen(size: tuple[int, int]):
    name = f"{size[0]}x{size[1]}"

    async def play(app: ScreenApp, pilot) -> None:
        await until(pilot, lambda: "9 of 9 shown" in text_of(app))
        await check_golden(f"table-{name}", pilot)
        await pilot.press("enter")
        await until(pilot, lambda: text_of(app).count("/item/8") == 2)
        await check_golden(f"details-{name}", pilot)
        await pilot.press("question_mark")
        await until(pilot, lambda: "next, previous exchange with an error" in text_of(app))
        await check_golden(f"help-{name}", pilot)

    run_screen(play, watched(shop()), size)


def test_a_filter_with_completion_and_its_error():
    async def play(app: ScreenApp, pilot) -> None:
        await pilot.press("slash", *"sta")
        await until(pilot, lambda: "grpc_status" in text_of(app))
        await pilot.press("tab", *"== 50", "tab")
        await until(pilot, lambda: "status == 500" in text_of(app))
        await pilot.press("enter")
        await until(pilot, lambda: " 3 of 9 shown" in text_of(app))
        assert "filter: status == 500" in text_of(app)
        await pilot.press("slash", *" and x", "enter")
        await until(pilot, lambda: "there is no field x" in text_of(app))
        await pilot.press("escape")
        await until(pilot, lambda: "filter: status == 500" in text_of(app) and "no field" not in text_of(app))

    run_screen(play, watched(shop()))


def test_an_error_is_jumped_to_and_order_turned():
    async def play(app: ScreenApp, pilot) -> None:
        await pilot.press("g", "n")
        assert app.table.recent.exchange.request.target == "/item/2"
        await pilot.press("n")
        assert app.table.recent.exchange.request.target == "/item/5"
        await pilot.press("N")
        assert app.table.recent.exchange.request.target == "/item/2"
        await pilot.press("s", "s", "s", "s", "s")  # time, method, host, path, status
        await until(pilot, lambda: "by status" in text_of(app))
        await pilot.press("g")
        assert app.table.recent.exchange.response.status == 200
        await pilot.press("S", "g")
        assert app.table.recent.exchange.response.status == 500

    run_screen(play, watched(shop()))


def test_pausing_and_letting_go():
    capture = watched(shop(), limit=10)

    async def play(app: ScreenApp, pilot) -> None:
        await pilot.press("g", "m", "space")
        for made in shop(20):
            capture.store.add(made)
        await until(pilot, lambda: "PAUSED, 20 new" in text_of(app))
        await pilot.press("space")
        # the marked one has stayed
        await until(pilot, lambda: "11 of 10 shown, 18 older let go" in text_of(app))
        assert app.table.recent.exchange.request.target == "/item/0"
        await pilot.press("G", "m", "apostrophe")
        assert app.table.recent.number == 0
        await pilot.press("X")
        await until(pilot, lambda: " 2 of 0 shown" in text_of(app))

    run_screen(play, capture)


def test_details_lay_json_out_and_mask_secrets_until_asked():
    made = asked("/a?token=abcdefghijkl", content=JSON, kind="application/json")
    process = Process(812, 812, "checkout", "/usr/bin/python3", ("python3", "shop.py"), 1000)
    made.processes = (process, process._replace(pid=900, comm="nginx"))

    async def play(app: ScreenApp, pilot) -> None:
        await pilot.press("enter", "enter")
        await until(pilot, lambda: "[JSON]" in app.details.text)
        assert '      "id": 7,' in app.details.text
        assert "checkout[812] /usr/bin/python3 shop.py (uid 1000)" in app.details.text
        assert "nginx[900]" in app.details.text
        assert "abcdefghijkl" not in app.details.text + text_of(app)
        await pilot.press("x")
        await until(pilot, lambda: "SECRETS SHOWN" in text_of(app))
        assert "Bearer abcdefghijkl" in app.details.text
        assert '"token": "abcdefghijkl"' in app.details.text
        await pilot.press("b")
        await until(pilot, lambda: "000000  7b 22 69 74" in app.details.text)

    run_screen(play, watched([made]))


@pytest.mark.parametrize(
    ("content", "kind", "wanted"),
    [
        (b"<a><b>x</b><c/></a>", "text/xml", "  <b>x</b>"),
        (b"\x89PNG\r\n\x1a\n\0\0", "image/png", "[PNG image]"),
        (b"\0\1\2", "application/octet-stream", "000000  00 01 02"),
        (b'{"a": 1}\n{"b": 2}\n', "application/jsonl", '{"b": 2}'),
        (b"{broken", "application/json", "{broken"),
        (b"[" * 100_000, "application/json", "[[["),
        ("gr\u00fc\u00dfe".encode(), "text/plain", "gr\u00fc\u00dfe"),
    ],
)
def test_bodies(content: bytes, kind: str, wanted: str):
    async def play(app: ScreenApp, pilot) -> None:
        await pilot.press("enter")
        await until(pilot, lambda: "Exchange" in app.details.text)
        assert wanted in app.details.text

    run_screen(play, watched([asked("/", content=content, kind=kind)]))


def test_problems_are_explained():
    async def play(app: ScreenApp, pilot) -> None:
        await pilot.press("enter")
        await until(pilot, lambda: "Response: none was seen" in app.details.text)

    made = asked("/")
    made.response = None
    from sockfilter.model import Problem

    made.add_problems(Problem.RESET, Problem.NO_RESPONSE)
    run_screen(play, watched([made]))


def test_what_the_network_sends_controls_nothing():
    made = asked(f"/{HOSTILE}", content=HOSTILE.encode() + b"\n[@click=app.exit]x[/]", kind="text/[red]html")
    made.request.head.method = "GE\x1bT[blink]"
    made.request.head.target = f"/{HOSTILE}"

    async def play(app: ScreenApp, pilot) -> None:
        await pilot.press("enter", "enter")
        await until(pilot, lambda: "Exchange" in app.details.text)
        shown = app.details.text + text_of(app)
        assert not set(shown) & {"\x1b", "\x07", "\r", "\u202e"}
        assert "[bold]red[/bold]" in shown
        await pilot.press("escape", "slash", *"path == ")
        await until(pilot, lambda: "[bold]red" in text_of(app))
        assert not set(text_of(app)) & {"\x1b", "\x07", "\r", "\u202e"}

    run_screen(play, watched([made]))


@pytest.mark.parametrize(
    ("key", "ending", "wanted"),
    [
        ("c", "sh", b"curl "),
        ("h", "har", b'"log"'),
        ("p", "py", b"def test_"),
        ("j", "jsonl", b'"kind":"exchange"'),
        ("r", "response.body", b'"seven"'),
        ("H", "har", b'"log"'),
    ],
)
def test_saving(tmp_path, key: str, ending: str, wanted: bytes):
    async def play(app: ScreenApp, pilot) -> None:
        await pilot.press("w", key)
        await until(pilot, lambda: any(tmp_path.iterdir()))
        await pilot.press("w", key)  # a file that is there stays
        await until(pilot, lambda: len(list(tmp_path.iterdir())) == 2)

    run_screen(play, watched([asked("/", content=JSON, number=3)]), folder=str(tmp_path))
    content = (tmp_path / f"sockfilter-3.{ending}").read_bytes()
    assert wanted in content
    assert b"abcdefghijkl" not in content
    assert (tmp_path / f"sockfilter-3.{ending}").stat().st_mode & 0o777 == 0o600
    if ending == "har":
        assert len(json.loads(content)["log"]["entries"]) == 1


def test_saving_what_is_marked_and_where_it_is_not_possible(tmp_path):
    async def play(app: ScreenApp, pilot) -> None:
        await pilot.press("g", "m", "j", "m", "w", "j")
        await until(pilot, lambda: any(tmp_path.iterdir()))
        app._folder = str(tmp_path / "nowhere")
        await pilot.press("w", "c")
        await until(pilot, lambda: "No such file or directory" in " ".join(text_of(app).split()))

    run_screen(play, watched(shop()), folder=str(tmp_path))
    assert len((tmp_path / "sockfilter-1-and-1-more.jsonl").read_bytes().splitlines()) == 2


def test_copying():
    async def play(app: ScreenApp, pilot) -> None:
        await pilot.press("c", "u")
        await until(pilot, lambda: app.clipboard != "")
        assert app.clipboard == "http://shop.example/a?token=***"

    run_screen(play, watched([asked("/a?token=abcdefghijkl")]))


def test_tabs_and_help():
    async def play(app: ScreenApp, pilot) -> None:
        await pilot.press("2")
        await until(pilot, lambda: "1 connections, 0 open" in text_of(app))
        assert "10.0.0.2:40000 > 10.0.0.1:80" in text_of(app)
        await pilot.press("3")
        await until(pilot, lambda: "GET /item/{" in text_of(app) or "GET /item/" in text_of(app))
        await pilot.press("4")
        await until(pilot, lambda: "no ledger yet" in text_of(app))
        await pilot.press("question_mark")
        await until(pilot, lambda: "next, previous exchange with an error" in text_of(app))
        await pilot.press("q")
        await until(pilot, lambda: "no ledger yet" in text_of(app))
        await pilot.press("escape")
        await until(pilot, lambda: "/item/8" in text_of(app))

    run_screen(play, watched(shop()))


def test_sizes():
    async def play(app: ScreenApp, pilot) -> None:
        await pilot.press("enter")
        for size in ((20, 5), (40, 8), (300, 80), (60, 20)):
            await pilot.resize_terminal(*size)
            await until(pilot, lambda size=size: tuple(app.size) == size)
            await pilot.pause()
            assert ("is too small" in " ".join(text_of(app).split())) == (size == (20, 5)), size
        assert app.table.recent is not None

    run_screen(play, watched(shop()))


def test_the_mouse():
    async def play(app: ScreenApp, pilot) -> None:
        await pilot.click("#table", offset=(20, 2))
        assert app.table.recent.exchange.request.target == "/item/2"
        assert not app.table.follows
        await pilot.click("TableHead", offset=(12, 0))
        await until(pilot, lambda: "by method, last first" in text_of(app))
        await pilot.click("#table", offset=(20, 4), times=2)
        await until(pilot, lambda: "Exchange" in app.details.text)

    run_screen(play, watched(shop()))


def test_an_empty_screen_takes_all_keys():
    async def play(app: ScreenApp, pilot) -> None:
        for key in ("g", "G", "n", "N", "m", "apostrophe", "c", "w", "s", "S", "x", "b", "enter", "enter", "escape"):
            await pilot.press(key)
        await until(pilot, lambda: "0 of 0 shown" in text_of(app))

    run_screen(play, watched())


def test_many_are_chosen_step_by_step():
    store = [asked("/x", 500 if n % 100 == 0 else 200) for n in range(300)] * 20

    async def play(app: ScreenApp, pilot) -> None:
        await until(pilot, lambda: "6000 of 6000 shown" in text_of(app))
        await pilot.press("slash", *"status == 500", "enter")
        await until(pilot, lambda: " 60 of 6000 shown" in text_of(app))

    run_screen(play, watched(store, limit=10_000))


def test_the_first_exchange_of_a_connection_shows_connect():
    ends = (Endpoint("10.0.0.2", 40000), Endpoint("10.0.0.1", 80))
    made = exchange(connection=Connection(1, "lo", ends, 0, syn_ns=500, synack_ns=1200))

    async def play(app: ScreenApp, pilot) -> None:
        await pilot.press("enter")
        await until(pilot, lambda: re.search(r"connect\s+1 us +-+ *\n", app.details.text) is not None, "connect")

    run_screen(play, watched([made]))
