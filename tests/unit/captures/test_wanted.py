"""The groups of a capture's arguments are those of capture(): each once, of the same type, with the same default."""

from __future__ import annotations

import inspect

import sockfilter
from sockfilter.captures.wanted import CaptureArguments, Keeping, Traffic, Whose

GIVEN = inspect.signature(sockfilter.capture).parameters
# the argument body, in bytes, becomes a policy
AS_POLICY = {"body"}
# what is made of a key log, which is an argument of read() alone
MADE = {"secrets"}
# objects that a program makes
OBJECTS = {"emit_message", "emit", "policy", "outputs"}


def annotation(group: type, name: str) -> str:
    return str(group.__annotations__[name].__forward_arg__)


def test_the_groups_are_the_arguments():
    found = [name for group in (Traffic, Whose, Keeping) for name in group._fields if name not in MADE]
    assert sorted(found) == sorted(GIVEN.keys() - AS_POLICY)
    for group in (Traffic, Whose, Keeping):
        for name, default in group._field_defaults.items():
            if name in MADE:
                continue
            assert default == GIVEN[name].default, name
            assert annotation(group, name) == GIVEN[name].annotation, name


def test_a_wire_takes_the_arguments_that_can_be_written_in_a_test():
    taken = CaptureArguments.__annotations__.keys()
    assert taken == GIVEN.keys() - OBJECTS - {"interface"}
    for name in taken:
        assert annotation(CaptureArguments, name) == GIVEN[name].annotation, name
