import pytest

from gateway.destinations.shape import SHAPES, Shape, upload_shape
from gateway.transfer import Request

param = pytest.param
JSON = {"content-type": "application/json"}
BYTES = {"content-type": "application/octet-stream"}


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        param(Request("POST", headers={"content-type": "multipart/form-data; boundary=b"}, bytes=1), "multipart", id="form"),
        param(Request("POST", headers={"content-type": "Multipart/Form-Data"}, bytes=1), "multipart", id="capitals"),
        param(Request("POST", headers={"content-type": "multipart/related"}, bytes=1), "related", id="related"),
        param(Request("PUT", bytes=1), "put", id="put"),
        param(Request("PUT", headers={"content-type": "text/plain"}, bytes=1), "put", id="put of a text"),
        param(Request("POST", headers={"x-http-method-override": "PUT"}, bytes=1), "put", id="put by override"),
        param(Request("PUT", headers=JSON, bytes=5000), "", id="a call by put"),
        param(Request("POST", headers=BYTES, bytes=1024), "raw", id="bytes"),
        param(Request("POST", headers=BYTES, bytes=1023), "", id="few bytes"),
        param(Request("POST", bytes=1024), "raw", id="no type"),
        param(Request("PATCH", headers={"content-type": "image/png"}, bytes=1024), "raw", id="patch"),
        param(Request("POST", headers=BYTES | {"transfer-encoding": "chunked"}), "raw", id="chunked"),
        param(Request("POST", headers=BYTES), "raw", id="HTTP/2 without a length"),
        param(Request("POST", headers=BYTES | {"content-length": "0"}), "", id="empty"),
        param(Request("POST", headers={"content-type": "text/plain"}, bytes=5000), "", id="text"),
        param(Request("POST", headers=JSON, bytes=5000), "", id="JSON"),
        param(Request("POST", headers={"content-type": "application/vnd.a+json; v=1"}, bytes=5000), "", id="JSON of a kind"),
        param(Request("POST", headers={"content-type": "application/x-www-form-urlencoded"}, bytes=5000), "", id="plain form"),
        param(Request("POST", headers=JSON | {"content-range": "bytes 0-1/2"}, bytes=2), "piece", id="range"),
        param(Request("PATCH", headers={"upload-offset": "0"}, bytes=2), "piece", id="tus"),
        param(Request("PUT", headers={"x-ms-blob-type": "BlockBlob"}, bytes=2), "piece", id="azure"),
        param(Request("PUT", query="partNumber=1&uploadId=2", bytes=2), "piece", id="numbered"),
        param(Request("POST", query="resumableChunkNumber=1&resumableTotalChunks=2", bytes=2), "piece", id="one of two"),
        param(Request("PUT", query="resumableChunkNumber=1&resumableTotalChunks=1", bytes=2), "put", id="one of one"),
        param(Request("PATCH", headers={"x-update-range": "append"}, bytes=2), "piece", id="appended"),
        param(Request("PUT", query="partnumber=1&x=2", bytes=2), "put", id="numbered without an upload"),
        param(Request("GET", headers=BYTES, bytes=5000), "", id="GET"),
        param(Request("POST"), "", id="no body"),
        param(Request("BREW", headers=BYTES, bytes=5000), "", id="own method"),
    ],
)  # fmt: skip
def test_shape(request_, expected):
    assert upload_shape(request_) == expected


def test_the_tuple_is_the_closed_set():
    assert set(SHAPES) == set(Shape.__value__.__args__)
