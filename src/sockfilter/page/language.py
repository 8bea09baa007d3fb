"""What the front end must know of the filter language and of the problems, so that it repeats none of it."""

from __future__ import annotations

from typing import Any

from sockfilter.filters import fields, kinds
from sockfilter.filters.fields import FilterField
from sockfilter.filters.message_fields import MESSAGE_FIELDS, OF_CONNECTION
from sockfilter.filters.names import FIELDS, GROUPS, INSTEAD, NAMES, dotted
from sockfilter.forms.problems import explained
from sockfilter.model import Problem

# the kinds by the names that the front end has for them; any other is one of some words
KINDS = {
    kinds.TEXT: "text",
    kinds.METHOD: "method",
    kinds.PATH: "path",
    kinds.FOLDED: "folded",
    kinds.WHOLE: "whole",
    kinds.SECONDS: "seconds",
    kinds.BYTES: "bytes",
    kinds.FLAG: "flag",
    kinds.ADDRESS: "address",
    kinds.ANY: "any",
}
ONE = "one"


def description() -> dict[str, Any]:
    """The filter language and the problems, as the front end's language/description.ts has them."""
    from sockfilter.filters.conditions import CONDITIONS

    return {
        "fields": [_field(name, field, of_message=name not in CONDITIONS) for name, field in FIELDS.items()],
        "names": NAMES,
        "instead": INSTEAD,
        "groups": GROUPS,
        "ofConnection": OF_CONNECTION,
        "messageFields": [_field(name, field, of_message=True) for name, field in MESSAGE_FIELDS.items()],
        "problems": {each.name: f"{each.meaning} {each.remedy}" for each in explained(Problem)},
    }


def _field(condition: str, field: FilterField, *, of_message: bool) -> dict[str, Any]:
    return {
        "condition": condition,
        "name": dotted(condition),
        "kind": KINDS.get(field.kind, ONE),
        "many": field.many,
        "keys": field.keys,
        "article": field.kind.name,
        "words": field.kind.names,
        "numbers": field.kind is fields.GRPC_STATUS.kind,
        "ofMessage": of_message,
    }
