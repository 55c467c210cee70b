"""aiohttp's WebSocket, with close codes of graphql-transport-ws for what is no message of it."""

from __future__ import annotations

import asyncio
from typing import Final

from aiohttp import WSCloseCode, WSMsgType, web

INVALID, TOO_LARGE = 4400, 4413
LINGER_S = 2.0
LOOK_AGAIN_S = 0.02
REASON_BYTES_MAX = 120  # of the 123 that a close frame has room for
REFUSED: Final = {
    WSCloseCode.MESSAGE_TOO_BIG: (TOO_LARGE, b"Message too large"),
    WSCloseCode.INVALID_TEXT: (INVALID, b"WebSocket message must be valid UTF-8"),
    WSCloseCode.UNSUPPORTED_DATA: (INVALID, b"WebSocket message type must be text"),
    WSCloseCode.PROTOCOL_ERROR: (INVALID, b"Invalid WebSocket frame"),
}


class Frames(web.WebSocketResponse):
    """What is refused while it is read, too large or no text, is told in a close frame that arrives: the rest of the message is
    let come, and thrown away, or the client's machine would see a connection reset instead.
    """

    async def close(self, *, code: int = WSCloseCode.OK, message: bytes = b"", drain: bool = True) -> bool:
        try:
            return await self._close(code, message, drain=drain)
        finally:
            # What comes yet, as the answer to a close frame, has aiohttp wait for the next ping, and keep all of this until then.
            self._heartbeat = None
            self._cancel_heartbeat()

    async def _close(self, code: int, message: bytes, *, drain: bool) -> bool:
        if self.closed or code not in REFUSED:
            return await super().close(code=code, message=message, drain=drain)
        told, reason = REFUSED[WSCloseCode(code)]
        await self.send_frame(told.to_bytes(2, "big") + reason, WSMsgType.CLOSE)
        for _ in range(int(LINGER_S / LOOK_AGAIN_S)):
            if self._req is None or self._req.transport is None:
                break
            await asyncio.sleep(LOOK_AGAIN_S)
        return await super().close(code=told, message=reason, drain=False)


def shortened(reason: str) -> str:
    """A reason that fits into a close frame."""
    return reason.encode(errors="replace")[:REASON_BYTES_MAX].decode(errors="ignore")
