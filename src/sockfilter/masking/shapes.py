"""Masks secrets that are recognised by their own form, anywhere."""

from __future__ import annotations

import re

from sockfilter.masking.names import BEGINNING, MASK

# Issuers document these prefixes so that scanners find leaked secrets. road/express/secret.c has the same beginnings.
SHAPE = re.compile(
    r"(?<![\w-])eyJ[\w-]{5,}\.[\w-]+(?:\.[\w-]*){0,3}"  # a JSON Web Token (RFC 7519)
    r"|\bgh[pousr]_\w{10,}|github_pat_\w{10,}"  # GitHub
    r"|\bglpat-[\w-]{10,}"  # GitLab
    r"|\b[srp]k_(?:live|test)_\w{8,}"  # Stripe
    r"|\bsk-[\w-]{20,}"  # OpenAI, Anthropic
    r"|\bxox[abeoprs]-[\w-]{8,}"  # Slack
    r"|\b(?:AKIA|ASIA)[0-9A-Z]{12,}"  # Amazon's access keys
    r"|\bAIza[\w-]{30,}|\bya29\.[\w.-]{10,}"  # Google
    r"|\bhv[sbr]\.[\w-]{10,}"  # Vault
    r"|\bnpm_\w{20,}|\bpypi-[\w-]{16,}"
    r"|\bSG\.[\w-]{10,}\.[\w-]{10,}"  # SendGrid
    r"|\bshp(?:at|ca|pa|ss)_\w{16,}"  # Shopify
    r"|\bdop_v1_\w{16,}"  # DigitalOcean
    r"|-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]{0,30}KEY-----|$)"
)


def mask_shapes(text: str) -> str:
    """A text with such secrets masked."""
    return SHAPE.sub(MASK, text) if BEGINNING.search(text.lower().replace("_", "-")) else text
