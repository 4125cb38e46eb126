"""Refusals that no policy decides: what the gateway itself cannot let through, each with its sentence."""

from __future__ import annotations

from types import MappingProxyType
from typing import NamedTuple

from gateway.findings import Action, Ground, Verdict


class Refusal(NamedTuple):
    """Text of one built-in refusal."""

    rule: str
    basis: tuple[str, ...]
    zh: str
    en: str
    guidance_zh: str
    guidance_en: str


_CHECK_ADDRESS = ("请核对地址；确需访问时请联系网络管理员。", "Check the address; ask the network team if you need it.")
_TRY_AGAIN = (
    "请稍后重试；若再次出现，请把编号告诉信息安全部门。",
    "Try again later; if it happens again, give the number to the security team.",
)
_FROM_START = (
    "请从头重新上传整个文件。",
    "Upload the whole file again from the start.",
)
_OTHER_WAY = (
    "请改用公司批准的客户端或网页上传。",
    "Use a client or web page that the company has approved.",
)

BUILTIN = {
    "identity": Refusal(
        "identity.required",
        ("S003-3#2",),
        "无法确认是谁在发送，未登录的设备不能外发。",
        "The gateway does not know who is sending, so nothing may leave.",
        "请先登录代理或使用已登记的设备。",
        "Log in to the proxy or use a registered device.",
    ),
    "private-address": Refusal(
        "destination.private",
        (),
        "目标地址属于内部或保留网段，不能经由网关访问。",
        "The address is private or reserved and cannot be reached through the gateway.",
        *_CHECK_ADDRESS,
    ),
    "unresolved": Refusal(
        "destination.unresolved",
        (),
        "找不到目标服务器。",
        "The server's name could not be resolved.",
        *_CHECK_ADDRESS,
    ),
    "host-mismatch": Refusal(
        "wire.host-mismatch",
        (),
        "请求中的服务器名称前后不一致，无法判断实际去向。",
        "The request names more than one server, so its destination is unclear.",
        "请改用公司批准的客户端或网页；自行编写的程序请让 Host 与所连接的服务器一致。",
        "Use a client or web page that the company has approved; a program of your own must name in Host the server it connects to.",
    ),
    "malformed-head": Refusal(
        "wire.malformed-head",
        (),
        "请求格式不规范，无法保证检查的内容与服务器收到的一致。",
        "The request is malformed, so what was read might not be what the server gets.",
        "请更新或更换所用的客户端；自行编写的程序请按 HTTP 标准修正请求。",
        "Update the client or use another; a program of your own must send its requests as the HTTP standard has them.",
    ),
    "upgrade": Refusal(
        "wire.upgrade",
        (),
        "该网页或程序要求改用网关不能检查的连接方式，因此没有接通。",
        "The page or program asks for a kind of connection that the gateway cannot read, so it was not made.",
        *_OTHER_WAY,
    ),
    "websocket-frames": Refusal(
        "wire.websocket",
        (),
        "实时连接（WebSocket）中的数据格式不规范，无法保证检查的内容与服务器收到的一致。",
        "The data of the live connection (WebSocket) is malformed, so what was read might not be what the server gets.",
        *_OTHER_WAY,
    ),
    "trailers": Refusal(
        "wire.trailers",
        (),
        "请求在正文之后还附带了字段，网关不予转发。",
        "The request carries fields after its body, which the gateway does not forward.",
        "请改用公司批准的客户端或网页；自行编写的程序请把这些字段放在正文之前。",
        "Use a client or web page that the company has approved; a program of your own must send these fields before the body.",
    ),
    "unexpected-body": Refusal(
        "wire.unexpected-body",
        (),
        "这种请求方式不应带有正文，网关不予转发。",
        "Requests with this method carry no body, so one that does is not forwarded.",
        "请改用公司批准的客户端或网页；自行编写的程序请改用 POST，或不带正文。",
        "Use a client or web page that the company has approved; a program of your own must send it by POST, or without a body.",
    ),
    "unknown-protocol": Refusal(
        "wire.unknown-protocol",
        ("S003-3#3",),
        "该程序使用网关无法读取的协议，因此没有连接。",
        "The program speaks a protocol that the gateway cannot read, so it was not connected.",
        "请改用公司批准的客户端或网页；工作确需使用时，请联系网络管理员。",
        "Use a client or web page that the company has approved; ask the network team if work needs this program.",
    ),
    "hidden-dns": Refusal(
        "wire.hidden-dns",
        (),
        "该程序绕过公司的域名解析服务，因此没有连接。",
        "The program looks up names past the company's own DNS servers, so it was not connected.",
        "请关闭浏览器或系统中的安全 DNS（DoH、DoT）设置。",
        "Turn off secure DNS (DoH, DoT) in the browser or the system.",
    ),
    "relay": Refusal(
        "wire.relay",
        (),
        "该服务会隐藏实际去向，因此没有连接。",
        "The service hides where traffic really goes, so it was not connected.",
        "请在系统设置中关闭 iCloud 专用代理。",
        "Turn off iCloud Private Relay in the system's settings.",
    ),
    "bare-address": Refusal(
        "wire.bare-address",
        (),
        "连接的目标是一个地址而不是名称，无法判断实际去向，因此没有连接。",
        "The connection names a bare address and no server, so its destination is unclear and it was not made.",
        "请改用服务器的域名连接；没有域名时请联系网络管理员。",
        "Connect to the server by its name; ask the network team if it has none.",
    ),
    "tls-refused": Refusal(
        "wire.tls-refused",
        ("S003-3#3",),
        "该程序不接受网关的证书，内容无法检查，因此没有连接。",
        "The program does not accept the gateway's certificate, so nothing could be read and nothing was sent.",
        "请安装网关证书；若程序固定了证书，请联系信息安全部门。",
        "Install the gateway's certificate; if the program pins its own, ask the security team.",
    ),
    "tls-unclear": Refusal(
        "wire.unclear-destination",
        (),
        "加密连接没有说明目标名称，无法判断实际去向，因此没有连接。",
        "The encrypted connection does not name its server, so its destination is unclear and it was not made.",
        "请更新所用的程序并用域名连接；若仍不能连接，请联系网络管理员。",
        "Update the program and connect to the server by its name; if that fails, ask the network team.",
    ),
    "body-limit": Refusal(
        "limits.body",
        (),
        "上传内容超过网关能够检查的大小，因此没有发送。",
        "The upload is larger than the gateway can read, so it was not sent.",
        "请分成较小的文件，或使用公司云盘。",
        "Split it into smaller files or use the company drive.",
    ),
    "upload-pieces": Refusal(
        "upload.pieces",
        ("S003-3#3",),
        "该服务把文件分成多片上传，网关无法在内容离开之前检查整个文件。",
        "The service takes the file in pieces, so the whole cannot be inspected before it leaves.",
        "请关闭分片（断点续传）后一次性上传，或改用公司批准的网盘。",
        "Upload it in one request (multipart or resumable upload switched off), or use a drive that the company has approved.",
    ),
    "upload-unknown": Refusal(
        "upload.unknown",
        ("S003-3#3",),
        "网关没有收到这个文件的其他部分，无法检查整个文件。",
        "The gateway has not seen the other pieces of this file, so the whole cannot be inspected.",
        *_FROM_START,
    ),
    "upload-refused": Refusal(
        "upload.refused",
        ("S003-3#3",),
        "这个文件此前已被拒绝，不能继续上传。",
        "This file was refused before, so its upload cannot go on.",
        "请按第一次被拒绝时的提示处理后，从头重新上传。",
        "Follow the advice of the first refusal, then upload it again from the start.",
    ),
    "upload-changed": Refusal(
        "upload.changed",
        ("S003-3#3",),
        "检查之后又收到了这个文件的内容，检查结果不再有效。",
        "More of this file arrived after it was inspected, so the verdict no longer holds.",
        *_FROM_START,
    ),
    "uploads-full": Refusal(
        "upload.no-room",
        (),
        "网关暂时没有空间保存分片上传的内容，因此没有发送。",
        "The gateway has no room to keep the pieces of the upload at the moment, so they were not sent.",
        *_TRY_AGAIN,
    ),
    "spool": Refusal(
        "gateway.spool",
        (),
        "网关暂时没有空间接收上传，因此没有发送。",
        "The gateway has no room for the upload at the moment, so it was not sent.",
        *_TRY_AGAIN,
    ),
    "internal": Refusal(
        "gateway.not-inspected",
        (),
        "网关未能完成检查，为安全起见没有发送。",
        "The gateway could not finish reading the upload, so it was not sent.",
        *_TRY_AGAIN,
    ),
    "unrecorded": Refusal(
        "gateway.not-recorded",
        ("S001-1#3",),
        "网关暂时无法留存记录，为安全起见没有发送。",
        "The gateway cannot keep a record at the moment, so nothing was sent.",
        *_TRY_AGAIN,
    ),
    "draining": Refusal(
        "gateway.draining",
        (),
        "网关正在重新启动，因此没有发送。",
        "The gateway is restarting, so nothing was sent.",
        *_TRY_AGAIN,
    ),
}
"""Reason → refusal; the rule ids are part of the interface (metrics label, records)."""


def builtin_verdict(reason: str, policy_digest: str, *, because: str = "") -> Verdict:
    """A block with the one ground that `reason` names; `because` adds facts, never values.

    >>> builtin_verdict("upgrade", "d").action.word
    'block'
    """
    text = BUILTIN[reason]
    ground = Ground(
        rule=text.rule,
        action=Action.BLOCK,
        basis=text.basis,
        because=because or f"{text.zh}{text.en}",
        says=MappingProxyType({"zh": text.zh, "en": text.en}),
        guidance=MappingProxyType({"zh": text.guidance_zh, "en": text.guidance_en}),
        is_size=reason == "body-limit",
    )
    return Verdict(action=Action.BLOCK, grounds=(ground,), policy_digest=policy_digest)
