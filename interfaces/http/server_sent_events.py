"""Server-sent events, as bytes: each is encoded once, however many clients it goes to."""

MEDIA_TYPE = "text/event-stream"
HEARTBEAT = b": still here\n\n"  # a comment: it carries no id, so it moves no client on
RECONNECT_MILLISECONDS = 1_000


def beginning(event_id: str) -> bytes:
    """Return what a stream begins with: an id without an event says where to resume from."""
    return f"retry: {RECONNECT_MILLISECONDS}\nid: {event_id}\n\n".encode()


def encoded(data: bytes, *, event: str = "", event_id: str = "") -> bytes:
    """Return one event; `data` is JSON on one line, `event_id` what a client resumes from."""
    lines = [f"id: {event_id}\n".encode()] if event_id else []
    if event:
        lines.append(f"event: {event}\n".encode())
    return b"".join((*lines, b"data: ", data, b"\n\n"))
