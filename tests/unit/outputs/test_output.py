"""Lines go out whole, in the order in which they were written, however the sink takes them."""

from __future__ import annotations

import pytest

from sockfilter.outputs.jsonl import JsonOutput
from tests.support.exchanges import Collected, exchange


@pytest.mark.parametrize("step", [1, 7, 1 << 20])
def test_a_sink_that_takes_less_than_it_is_given(step: int):
    sink = Collected(step)
    output = JsonOutput(sink)
    for _ in range(3):
        output.write(exchange())
    assert not sink.data
    output.flush()
    assert sink.data == output.render(exchange()) * 3


def test_a_batch_is_one_write_and_nothing_is_none():
    sink = Collected()
    output = JsonOutput(sink)
    for _ in range(100):
        output.write(exchange())
    output.flush()
    output.flush()
    assert sink.writes == 1


def test_what_the_sink_refuses_is_not_sent_again():
    class Broken(Collected):
        def write(self, data: memoryview, /) -> int:
            raise BrokenPipeError

    output = JsonOutput(Broken())
    output.write(exchange())
    with pytest.raises(BrokenPipeError):
        output.flush()
    output.flush()
