"""Masks secrets in everything that is shown, so that they do not end up in logs.

A secret is recognised by its name (names.py) or by its own form (shapes.py). It is shown as ***.
"""

from sockfilter.masking.arguments import mask_arguments
from sockfilter.masking.bodies import mask_body, mask_content
from sockfilter.masking.fields import is_proper, mask_field, mask_fields, mask_head, mask_reason, mask_start_line
from sockfilter.masking.json_text import mask_json
from sockfilter.masking.names import MASK, has_own_names, is_secret, set_masking
from sockfilter.masking.urls import mask_query, mask_target

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
