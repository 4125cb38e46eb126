"""Who sends: a login to the proxy, checked beside the event loop, or else the address."""

from __future__ import annotations

import asyncio
import base64
import binascii
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import structlog
from mitmproxy import http
from mitmproxy.proxy.mode_specs import TransparentMode

from gateway.errors import ConfigError
from gateway.identity.ip import is_in, is_loopback
from gateway.identity.logins import Answer, Login, LoginResult
from metrics import catalogue as metrics

if TYPE_CHECKING:
    from collections.abc import Callable

    from mitmproxy.connection import Client

    from gateway.identity.addresses import AddressFile
    from gateway.identity.ip import Network
    from gateway.identity.senders import Senders
    from gateway.identity.verifier import Verifier
    from gateway.transfer import Actor

ASK = 'Basic realm="Sluice", charset="UTF-8"'
"""RFC 7617; the only scheme every client of a proxy has."""
LOGIN = "sluice-login"
"""Key in `flow.metadata` of the login that came with this request."""
LOOK_S = 1.0
"""Time between two looks at the addresses file."""
REFUSALS = {
    LoginResult.MISSING: (407, "Log in to the proxy.\n请登录代理服务器。\n"),
    LoginResult.WRONG: (407, "The name or the password is wrong.\n用户名或密码错误。\n"),
    LoginResult.CLEAR: (
        403,
        "This proxy takes no password unencrypted; set it as an HTTPS proxy (https://).\n代理服务器只接受加密连接上的密码，请设置为 HTTPS 代理（https://）。\n",
    ),
    LoginResult.THROTTLED: (
        429,
        "Too many wrong logins came from this address; wait.\n该地址登录失败次数过多，请稍候。\n",
    ),
    LoginResult.BUSY: (503, "Too many logins are being checked; try again.\n登录请求过多，请重试。\n"),
    LoginResult.DOWN: (503, "The directory does not answer, so nobody can log in.\n目录服务无响应，暂时无法登录。\n"),
}
"""How a login ended → status and text for the client."""

log = structlog.get_logger()


@dataclass(eq=False)
class Identify:
    """Knows the sender of every request; no password is kept, in flows or elsewhere."""

    senders: Senders
    verifier: Verifier | None = None
    """Checks logins; without one nobody is asked."""
    clear_networks: tuple[Network, ...] = ()
    """Networks whose passwords are taken from unencrypted connections."""
    address_suffices: tuple[Network, ...] = ()
    """Networks that are not asked to log in."""
    file: AddressFile | None = None
    renew: Callable[[], None] = lambda: None
    """Reads the users and passwords again; raises ConfigError."""
    close: Callable[[], None] = lambda: None
    """Lets go of what the addresses are kept in."""
    _tunnels: WeakKeyDictionary[Client, Login] = field(default_factory=WeakKeyDictionary)
    """Connections that logged in for all that follows, with CONNECT or in the SOCKS handshake."""
    _watching: asyncio.Task[None] | None = None

    def actor(self, flow: http.HTTPFlow) -> Actor:
        """Who sends the request, as far as is known. Raises LeaseError when the addresses cannot be read."""
        login = flow.metadata.get(LOGIN) or self._tunnels.get(flow.client_conn)
        ip = ip_of(flow.client_conn)
        return self.senders.by_login(login, ip) if login else self.senders.by_address(ip)

    async def http_connect(self, flow: http.HTTPFlow) -> None:
        """Check the login before a tunnel is given."""
        refusal = await self.authenticate(flow)
        if refusal is not None:
            flow.response = refusal

    @property
    def asks(self) -> bool:
        """Whether anybody is asked to log in."""
        return self.verifier is not None

    async def authenticate(self, flow: http.HTTPFlow) -> http.Response | None:
        """None when the sender may go on, else the refusal; takes the login out of the request in any case."""
        given = flow.request.headers.pop("proxy-authorization", "")
        client = flow.client_conn
        if self.verifier is None or client in self._tunnels or isinstance(client.proxy_mode, TransparentMode):
            return None
        if not given and is_in(ip_of(client), self.address_suffices):
            return None
        answer = await self._log_in(client, *credentials(given)) if given else self._count(self._unasked(client))
        if answer.login is None:
            return refusal_of(answer)
        if flow.request.method == "CONNECT":
            self._tunnels[client] = answer.login
        else:
            # Not for the connection: a proxy before this one may send requests of many people over it.
            flow.metadata[LOGIN] = answer.login
        return None

    async def log_in(self, client: Client, name: str, password: str) -> bool:
        """Whether the login of a connection is right, for all that comes over it; as SOCKS clients do (RFC 1929)."""
        answer = await self._log_in(client, name, password)
        if answer.login is not None:
            self._tunnels[client] = answer.login
        return answer.login is not None

    async def verify(self, name: str, password: str, ip: str) -> Actor | None:
        """Who that is, None when the login may not pass; for a connection that may carry a password."""
        if self.verifier is None:
            return None
        answer = self._count(await self.verifier.verify(name, password, ip))
        return self.senders.by_login(answer.login, ip) if answer.login else None

    def reload(self) -> None:
        """Read users, passwords and addresses again; what is wrong leaves everything as it was, and is counted."""
        try:
            self.renew()
        except ConfigError as error:
            self._not_read(error)
        else:
            log.info("users reloaded")

    def running(self) -> None:
        """Begin to look after the addresses file."""
        if self.file is not None:
            self._watching = asyncio.create_task(self._watch())

    def done(self) -> None:
        """Stop looking, and take no more logins."""
        if self._watching is not None:
            self._watching.cancel()
        if self.verifier is not None:
            self.verifier.close()
        self.close()

    async def look(self) -> None:
        """Take over a changed addresses file; a wrong one leaves the old in force, and is counted."""
        if self.file is None:
            return
        try:
            if await asyncio.to_thread(self.file.look):
                log.info("addresses reloaded")
        except ConfigError as error:
            self._not_read(error)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            await self.look()

    async def _log_in(self, client: Client, name: str, password: str) -> Answer:
        if self.verifier is None:
            return Answer(LoginResult.WRONG)
        if not self._may_carry_password(client):
            return self._count(Answer(LoginResult.CLEAR))
        return self._count(await self.verifier.verify(name, password, ip_of(client)))

    def _unasked(self, client: Client) -> Answer:
        # The answer 407 makes a client send its password, so it is not given where that would be read on the way.
        return Answer(LoginResult.MISSING if self._may_carry_password(client) else LoginResult.CLEAR)

    def _may_carry_password(self, client: Client) -> bool:
        ip = ip_of(client)
        return client.tls_established or is_loopback(ip) or is_in(ip, self.clear_networks)

    def _count(self, answer: Answer) -> Answer:
        metrics.LOGINS.labels(result=answer.result.value).inc()
        return answer

    def _not_read(self, error: ConfigError) -> None:
        metrics.FAILURES.labels(part="identity").inc()
        problems = [str(problem) for problem in error.problems]
        log.error("senders not reloaded; everything stays as it was", problems=problems)


def ip_of(client: Client) -> str:
    """Address of the client, IPv4 also where the socket writes it as IPv6; empty when it is not known."""
    return client.peername[0].removeprefix("::ffff:") if client.peername else ""


def refusal_of(answer: Answer) -> http.Response:
    """What the client of a refused login gets."""
    status, text = REFUSALS[answer.result]
    headers = {"Content-Type": "text/plain; charset=utf-8", "X-Sluice-Login": answer.result.value}
    if status == 407:
        headers["Proxy-Authenticate"] = ASK
    if answer.wait_s:
        headers["Retry-After"] = str(int(answer.wait_s) + 1)
    return http.Response.make(status, text.encode(), headers)


def credentials(header: str) -> tuple[str, str]:
    """Name and password of a Basic login, two empty strings for anything else.

    >>> credentials("Basic emhhbmc6cDpx")
    ('zhang', 'p:q')
    """
    scheme, _, text = header.partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        name, found, password = base64.b64decode(text, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return (name, password) if found else ("", "")
