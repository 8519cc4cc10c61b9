"""A server that dies between commit and reply: `python -m tests.support.dying_server FILE`.

A request with the header `Die: please` is served to its end; then its whole answer goes to FILE
instead of the client, and the process is killed.
"""

import os
import signal
import sys
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from interfaces.http.server import server_config
from interfaces.settings import Settings


class DiesBeforeAnswering:
    """Passes everything on, but the answer that it was asked to die with."""

    def __init__(self, app: ASGIApp, file: Path) -> None:
        self._app, self._file = app, file

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        dies = (b"die", b"please") in scope.get("headers", ())

        async def kept(message: Message) -> None:
            if message["type"] == "http.response.body":
                with self._file.open("wb") as file:
                    file.write(message["body"])
                    os.fsync(file.fileno())
                os.kill(os.getpid(), signal.SIGKILL)

        await self._app(scope, receive, kept if dies else send)


def main() -> None:
    """Serve until somebody asks to die."""
    config = server_config(Settings(port=0))
    config.app = DiesBeforeAnswering(config.app, Path(sys.argv[1]))  # type: ignore[arg-type] # it is ours
    uvicorn.Server(config).run()


if __name__ == "__main__":
    main()
