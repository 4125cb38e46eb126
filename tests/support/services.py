"""What services answer that take a file in several requests, for the origin of the tests; they put the pieces together."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from itertools import count
from urllib.parse import parse_qs, urlsplit

from tests.support.origin import Seen

type Reply = tuple[int, dict[str, str], bytes]

_NUMBERS = count()
_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")


@dataclass
class Services:
    """`origin.reply = services`, with `origin.keep_bodies`; `stored` is what each service has of a file, whole or not."""

    stored: dict[str, dict[int, bytes]] = field(default_factory=dict)
    """Upload → offset or number → bytes."""
    completed: list[str] = field(default_factory=list)
    name: str = field(default_factory=lambda: f"u{next(_NUMBERS)}")
    """Id of the one upload that it gives out; as with real services, no two are alike."""

    def __call__(self, seen: Seen) -> Reply:
        host = seen.headers.get("host", seen.headers.get(":authority", "")).partition(":")[0]
        if "amazonaws" in host:
            return self._s3(seen)
        if "googleapis" in host:
            return self._google(seen, host)
        if "sharepoint" in host or "graph.microsoft" in host:
            return self._graph(seen)
        if "feishu" in host:
            return self._feishu(seen)
        if "dingtalk" in host:
            return self._dingtalk(seen)
        if "tus-resumable" in seen.headers:
            return self._tus(seen)
        return self._range(seen)

    def whole(self, upload: str) -> bytes:
        """What the service would put together."""
        pieces = self.stored.get(upload, {})
        return b"".join(pieces[key] for key in sorted(pieces))

    def _s3(self, seen: Seen) -> Reply:
        query = parse_qs(urlsplit(seen.path).query, keep_blank_values=True)
        if "uploads" in query:
            own = f"<UploadId>{self.name}</UploadId>"
            return _xml(f"<InitiateMultipartUploadResult>{own}</InitiateMultipartUploadResult>")
        if seen.method == "PUT" and "uploadId" in query:
            self._keep(query["uploadId"][0], int(query["partNumber"][0]), seen.body)
            return 200, {"etag": f'"{hashlib.md5(seen.body).hexdigest()}"'}, b""
        if seen.method == "POST" and "uploadId" in query:
            self.completed.append(query["uploadId"][0])
            return _xml("<CompleteMultipartUploadResult><ETag>e</ETag></CompleteMultipartUploadResult>")
        return 200, {"etag": '"0"'}, b""

    def _google(self, seen: Seen, host: str) -> Reply:
        query = parse_qs(urlsplit(seen.path).query)
        if "upload_id" not in query:
            path = urlsplit(seen.path).path
            return 200, {"location": f"https://{host}{path}?uploadType=resumable&upload_id={self.name}"}, b""
        return self._piece(seen, query["upload_id"][0], (308, {}, b""))

    def _graph(self, seen: Seen) -> Reply:
        if "createUploadSession" in seen.path:
            own = f"/sites/x/_api/v2.0/uploadSession?guid={self.name}"
            return _json({"uploadUrl": f"https://example.sharepoint.com{own}"})
        return self._piece(seen, self.name, (202, {}, b"{}"))

    def _feishu(self, seen: Seen) -> Reply:
        if "tenant_access_token" in seen.path:
            return _json({"code": 0, "tenant_access_token": "t-test", "expire": 7200})
        if seen.path.endswith("upload_prepare"):
            return _json({"code": 0, "data": {"upload_id": self.name, "block_size": 4194304, "block_num": 2}})
        if seen.path.endswith("upload_part"):
            number = int(re.search(rb'name="seq"\r\n(?:[^\r]+\r\n)*\r\n(\d+)', seen.body)[1])  # type: ignore[index]
            self._keep(self.name, number, seen.body)
        elif seen.path.endswith("upload_finish"):
            self.completed.append(self.name)
        return _json({"code": 0, "data": {"file_token": "k"}})

    def _dingtalk(self, seen: Seen) -> Reply:
        query = parse_qs(urlsplit(seen.path).query)
        if "chunk_sequence" in query:
            self._keep(self.name, int(query["chunk_sequence"][0]), seen.body)
        elif "upload_id" in query:
            self.completed.append(self.name)
        return _json({"errcode": 0, "upload_id": self.name})

    def _tus(self, seen: Seen) -> Reply:
        own = {"tus-resumable": "1.0.0"}
        if seen.method == "POST":
            return 201, {**own, "location": f"/files/{self.name}"}, b""
        if seen.method == "HEAD":
            return 200, {**own, "upload-offset": str(len(self.whole(self.name)))}, b""
        self._keep(self.name, int(seen.headers["upload-offset"]), seen.body)
        return 204, {**own, "upload-offset": str(int(seen.headers["upload-offset"]) + len(seen.body))}, b""

    def _range(self, seen: Seen) -> Reply:
        return self._piece(seen, self.name, (202, {}, b""))

    def _piece(self, seen: Seen, upload: str, more: Reply) -> Reply:
        found = _RANGE.fullmatch(seen.headers.get("content-range", ""))
        start, end, total = (int(number) for number in found.groups()) if found else (0, seen.bytes - 1, seen.bytes)
        self._keep(upload, start, seen.body)
        if end + 1 < total:
            return more
        self.completed.append(upload)
        return _json({"id": "1"})

    def _keep(self, upload: str, at: int, data: bytes) -> None:
        self.stored.setdefault(upload, {})[at] = data


def _xml(text: str) -> Reply:
    return 200, {"content-type": "application/xml"}, text.encode()


def _json(value: object) -> Reply:
    return 200, {"content-type": "application/json"}, json.dumps(value).encode()
