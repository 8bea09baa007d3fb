"""Secrets, masked in what is shown: the log of a sniffer must not become a key ring.

Names decide, and for some secrets their own form does; see names.py and shapes.py. What is masked is shown as ***.
"""

from sockfilter.outputs.secrets.arguments import mask_arguments
from sockfilter.outputs.secrets.bodies import mask_body, mask_content
from sockfilter.outputs.secrets.fields import (
    is_proper,
    mask_field,
    mask_fields,
    mask_head,
    mask_reason,
    mask_start_line,
)
from sockfilter.outputs.secrets.json_text import mask_json
from sockfilter.outputs.secrets.names import MASK, has_own_names, is_secret, set_masking
from sockfilter.outputs.secrets.urls import mask_query, mask_target

__all__ = [
    "MASK",
    "has_own_names",
    "is_proper",
    "is_secret",
    "mask_arguments",
    "mask_body",
    "mask_content",
    "mask_field",
    "mask_fields",
    "mask_head",
    "mask_json",
    "mask_query",
    "mask_reason",
    "mask_start_line",
    "mask_target",
    "set_masking",
]
