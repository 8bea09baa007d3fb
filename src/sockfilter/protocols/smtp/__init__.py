"""SMTP and LMTP: the mails that a client hands over."""
