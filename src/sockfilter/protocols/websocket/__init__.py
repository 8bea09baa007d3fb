"""WebSocket (RFC 6455) with permessage-deflate (RFC 7692): the messages of both directions."""
