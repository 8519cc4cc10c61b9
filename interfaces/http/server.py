"""The server: one process, one event loop, on this machine alone."""

import ipaddress
from socket import socket
from typing import Any

import uvicorn

from interfaces.http.app import create_app
from interfaces.service import Follow
from interfaces.settings import Settings

GRACE_SECONDS = 10


class NotLoopback(ValueError):
    """The server was asked to listen where other machines can reach it."""

    def __init__(self, host: str) -> None:
        self.host = host
        super().__init__(
            f"Host {host}: the server has no keys to tell callers apart yet, so it listens on "
            "this machine alone; use 127.0.0.1, ::1 or localhost"
        )


def serve(settings: Settings, projector: Follow | None = "process") -> None:
    """Serve until SIGINT or SIGTERM, then answer who waits. Raises NotLoopback."""
    Server(server_config(settings, projector=projector)).run()


class Server(uvicorn.Server):
    """Ends the event streams first: they end by nothing else, and would use up the whole grace."""

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        """Stop serving."""
        app: Any = self.config.app
        app.state.streams.end()
        await super().shutdown(sockets)


def server_config(settings: Settings, *, projector: Follow | None = "process") -> uvicorn.Config:
    """Return how the server is run. Raises NotLoopback."""
    check_loopback(settings.host)
    return uvicorn.Config(
        create_app(settings, projector=projector),
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="on",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )


def check_loopback(host: str) -> None:
    """Raise NotLoopback unless only this machine can reach a host."""
    if host == "localhost":
        return
    try:
        loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise NotLoopback(host)
