"""What an exchange says of itself: its times, its problems, and whether it is whole."""

from __future__ import annotations

import pytest

from sockfilter.model import Connection, Endpoint, Exchange, Problem, Timing
from tests.support.exchanges import OK, exchange

ENDS = (Endpoint("10.0.0.1", 80), Endpoint("10.0.0.2", 40000))
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


def at(request: tuple[int, int | None] | None, response: tuple[int, int | None] | None) -> Exchange:
    """One whose halves begin and end at these nanoseconds."""
    made = exchange(None if request is None else b"GET / HTTP/1.1\r\n\r\n", None if response is None else OK)
    if made.request is not None and request is not None:
        made.request.start_ns, made.request.end_ns = request
    if made.response is not None and response is not None:
        made.response.start_ns, made.response.end_ns = response
    return made


@pytest.mark.parametrize(
    ("request_ns", "response_ns", "timing"),
    [
        ((10, 20), (40, 80), Timing(None, 10e-9, 20e-9, 40e-9, 70e-9)),
        ((10, 10), (10, 10), Timing(None, 0, 0, 0, 0)),
        ((10, 50), (40, 80), Timing(None, 40e-9, None, 40e-9, 70e-9)),
        ((10, 90), (40, 80), Timing(None, 80e-9, None, 40e-9, 80e-9)),
        ((10, None), (40, 80), Timing(None, None, None, 40e-9, 70e-9)),
        ((10, 20), (40, None), Timing(None, 10e-9, 20e-9, None, None)),
        ((10, 20), None, Timing(None, 10e-9, None, None, None)),
        (None, (40, 80), Timing(None, None, None, 40e-9, None)),
    ],
    ids=["all", "at once", "early", "early and over", "cut request", "cut response", "no response", "no request"],
)
def test_times(request_ns: tuple[int, int] | None, response_ns: tuple[int, int] | None, timing: Timing):
    assert at(request_ns, response_ns).timing == timing


def test_connecting_counts_on_the_first_exchange_alone():
    made = exchange(connection=Connection(1, "lo", ENDS, 0, syn_ns=5, synack_ns=25))
    assert made.timing.connect == 20e-9
    made.conn_seq = 2
    assert made.timing.connect is None


@pytest.mark.parametrize(("syn_ns", "synack_ns"), [(None, 5), (5, None), (None, None)])
def test_connecting_that_was_not_seen(syn_ns: int | None, synack_ns: int | None):
    assert Connection(1, "lo", ENDS, syn_ns=syn_ns, synack_ns=synack_ns).connect_ns is None


@pytest.mark.parametrize(("halves", "start_ns"), [(((10, 20), (40, 80)), 1010), ((None, (40, 80)), 1040)])
def test_it_begins_with_its_first_byte_by_the_wall_clock(halves: tuple[object, object], start_ns: int):
    made = at(*halves)  # type: ignore[arg-type]  # as above
    made.clock_offset_ns = 1000
    assert made.start_ns == start_ns


def test_it_may_begin_with_an_informational_response():
    assert exchange(None, None, informational=(CONTINUE,)).start_ns == 3000


def test_problems_of_all_its_parts_are_told_once():
    made = exchange(informational=(CONTINUE,))
    made.request.add_problem(Problem.RESYNCHRONISED)
    made.informational[0].add_problem(Problem.GAP)
    made.response.add_problem(Problem.GAP)
    made.response.add_problem(Problem.GAP)
    made.add_problems(Problem.EARLY_RESPONSE)
    assert made.problems == (Problem.EARLY_RESPONSE, Problem.RESYNCHRONISED, Problem.GAP)


@pytest.mark.parametrize(("whole", "halves"), [(True, ()), (False, ("request",)), (False, ("response",))])
def test_it_is_whole_if_both_halves_are(whole: bool, halves: tuple[str, ...]):
    made = exchange()
    for half in halves:
        getattr(made, half).complete = False
    assert made.complete == whole


@pytest.mark.parametrize("half", ["request", "response"])
def test_one_half_is_not_whole(half: str):
    made = exchange(**{half: None})
    made.add_problems(Problem.NO_RESPONSE, Problem.RESET)
    assert not made.complete
    assert made.reason is Problem.RESET
    assert f"no {half}" in repr(made)


@pytest.mark.parametrize(("client_end", "client", "server"), [(0, 0, 1), (1, 1, 0), (None, 0, 1)])
def test_who_asks(client_end: int | None, client: int, server: int):
    made = exchange(connection=Connection(1, "lo", ENDS, client_end))
    assert (made.client, made.server) == (ENDS[client], ENDS[server])
    assert made.connection.route == f"{ENDS[client]} > {ENDS[server]}"


def test_endpoints_as_people_write_them():
    assert [str(Endpoint(ip, 80)) for ip in ("10.0.0.1", "::1")] == ["10.0.0.1:80", "[::1]:80"]


def test_they_say_what_they_are():
    made = exchange()
    assert repr(made) == "<Exchange 17 10.0.0.2:40000 > 10.0.0.1:80 GET /a 200>"
    assert repr(made.request) == "<Request GET /a>"
    assert repr(made.response) == "<Response 200 OK>"
    assert repr(made.connection) == "<Connection 3 10.0.0.2:40000 > 10.0.0.1:80>"


def test_problems_are_their_names():
    assert f"{Problem.NO_RESPONSE}" == str(Problem.NO_RESPONSE) == Problem.NO_RESPONSE == "no-response"
    assert Problem("gap") is Problem.GAP


def test_a_repr_shows_no_secret_and_moves_no_cursor():
    made = exchange(b"GET http://u:pa55@h/?token=t0ken&\x1b=\xff HTTP/1.1\r\n\r\n")
    assert repr(made).endswith(" GET http://u:***@h/?token=***&\\x1b=\\xff 200>")
