"""The forms of an exchange, for the methods of Exchange.

The folder forms imports the model, so the model cannot import forms. The package imports both. It sets these names
when it is imported, which is before any of its modules is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

# the functions of the same names in forms
transcript: Callable[[Any], str]
to_dict: Callable[..., dict[str, Any]]
message_dict: Callable[..., dict[str, Any]]
as_curl: Callable[[Any], str]
as_pytest: Callable[[Any], str]
