"""The nouns that the stages pass on: messages, exchanges, connections and problems."""

from sockfilter.model.body import NO_BODY, Body
from sockfilter.model.connection import Connection, Endpoint
from sockfilter.model.exchange import Exchange, StreamReset
from sockfilter.model.head import Head, LostField
from sockfilter.model.headers import Headers
from sockfilter.model.message import Message, Request, Response
from sockfilter.model.problem import Problem
from sockfilter.model.process import Process
from sockfilter.model.stream_message import Close, StreamMessage
from sockfilter.model.timing import Timing

__all__ = [
    "NO_BODY",
    "Body",
    "Close",
    "Connection",
    "Endpoint",
    "Exchange",
    "Head",
    "Headers",
    "LostField",
    "Message",
    "Problem",
    "Process",
    "Request",
    "Response",
    "StreamMessage",
    "StreamReset",
    "Timing",
]
