"""The frames and messages of WebSocket connections (RFC 6455)."""
