"""What stands between browsers and the page: who may ask, for what, and what the page may load."""

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware

# The browser itself refuses to load anything from elsewhere, and to send anything there.
POLICY = (
    "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; frame-ancestors 'self'; "
    "form-action 'self'"
)
MAX_EVENT_BYTES = 10**6  # of what a browser says of an event; files are sent by another way
Scope = MutableMapping[str, Any]
Handler = Callable[..., Awaitable[None]]


def guards(own_names: list[str]) -> list[Middleware]:
    """Return what each request passes, the first one first.

    Args:
        own_names: By which browsers may call this computer; `*`: any. A page elsewhere whose name
            leads here is another host to browsers, so it is refused.
    """
    return [
        Middleware(TrustedHostMiddleware, allowed_hosts=own_names, www_redirect=False),
        Middleware(OnlyFromHere),
        Middleware(OnlyFiles),
    ]


class OnlyFromHere:
    """Makes browsers load nothing from elsewhere, and send nothing there.

    Args:
        app: What comes next.
    """

    def __init__(self, app: Handler):
        self._app = app

    async def __call__(self, scope: Scope, receive: Handler, send: Handler) -> None:
        """Pass a request on, and its answer with the policy."""

        async def send_with_policy(message: Scope) -> None:
            if message["type"] == "http.response.start":
                policy = (b"content-security-policy", POLICY.encode())
                message["headers"] = [*message.get("headers", ()), policy]
            await send(message)

        await self._app(scope, receive, send_with_policy)


class OnlyFiles:
    """Refuses an event that names an address where a file should be: Gradio would fetch it.

    Args:
        app: What comes next.
    """

    def __init__(self, app: Handler):
        self._app = app

    async def __call__(self, scope: Scope, receive: Handler, send: Handler) -> None:
        """Pass a request on, unless it is refused."""
        kind = dict(scope.get("headers", ())).get(b"content-type", b"").lower()
        if scope.get("method") != "POST" or (kind and b"json" not in kind):
            await self._app(scope, receive, send)
            return
        body = await _read_body(receive)
        if body is None or has_address(body):
            await send({"type": "http.response.start", "status": 400, "headers": []})
            await send({"type": "http.response.body", "body": b"Only files can be sent."})
            return
        messages = [{"type": "http.request", "body": body, "more_body": False}]

        async def read_again() -> Scope:
            return messages.pop() if messages else await receive()

        await self._app(scope, read_again, send)


def has_address(body: bytes) -> bool:
    """Return whether JSON has an address as the `path` of anything, or cannot be read.

    Example:
        >>> has_address(b'{"data": [{"path": "/tmp/a.mp4"}]}')
        False
        >>> has_address(b'{"data": [{"path": "http://elsewhere/a.mp4"}]}')
        True
    """
    try:
        waiting = [json.loads(body)] if body else []
    except (ValueError, RecursionError):
        return True
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            if "://" in str(value.get("path")):
                return True
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
    return False


async def _read_body(receive: Handler) -> bytes | None:
    """Return what a browser sends; None where it is too much, or the browser is gone."""
    body, has_more = b"", True
    while has_more:
        message = await receive()
        if message["type"] != "http.request":
            return None
        body += message.get("body", b"")
        has_more = message.get("more_body", False)
        if len(body) > MAX_EVENT_BYTES:
            return None
    return body
