"""The forms of an exchange, as exchanges ask for them.

The forms stand above the nouns and import them. So the package, which stands above both, puts them here when it is
imported, which is before any module of it is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

# as the functions of these names are, of an exchange
transcript: Callable[[Any], str]
to_dict: Callable[..., dict[str, Any]]
as_curl: Callable[[Any], str]
as_pytest: Callable[[Any], str]
