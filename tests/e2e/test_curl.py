"""curl through a real gateway: what is clean arrives byte-exact, what is refused leaves the origin's log empty."""

import hashlib
import json
import subprocess
from dataclasses import dataclass

import pytest

from gateway.demo.samples import CONTRACT, NEWS, aes_zip, docx, id_list
from gateway.limits import MIB
from tests.samples.archives import cab_bytes, cpio_bytes, iso_bytes, piped, seven_zip_by_tool
from tests.samples.rar import rar5_bytes

pytestmark = pytest.mark.e2e
WECOM = "https://qyapi.weixin.qq.com/cgi-bin/media/upload?access_token=t&type=file"
VERSIONS = [pytest.param("--http1.1", id="http1"), pytest.param("--http2", id="http2")]


@dataclass
class Answer:
    status: str
    headers: dict[str, str]
    body: str
    uploaded_bytes: int


def curl(gateway, *arguments: str, stdin: bytes | None = None) -> Answer:
    head = gateway.folder / "head.txt"
    common = ["curl", "-sS", "-x", gateway.proxy, "--cacert", str(gateway.ca), "--max-time", "90", "-D", str(head)]
    done = subprocess.run(
        [*common, "-w", "\n%{http_code} %{size_upload}", *arguments], input=stdin, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode() + gateway.log()
    text, _, tail = done.stdout.decode().rpartition("\n")
    lines = head.read_text("latin-1").replace("\r\n", "\n").strip().split("\n\n")[-1].splitlines()
    fields = {k.strip().lower(): v.strip() for k, v in (line.split(":", 1) for line in lines[1:] if ":" in line)}
    return Answer(tail.split()[0], fields, text, int(tail.split()[1]))


def form(gateway, name: str, data: bytes) -> tuple[str, str]:
    path = gateway.folder / name
    path.write_bytes(data)
    return "-F", f"media=@{path}"


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    "options",
    [(), ("-H", "Transfer-Encoding: chunked"), ("-H", "Expect: 100-continue")],
    ids=["length", "chunked", "expect"],
)
def test_clean_file_arrives_byte_exact(gateway, origin, version, options):
    path = gateway.folder / "notice.txt"
    path.write_bytes(NEWS.encode() * 3000)
    answer = curl(gateway, version, *options, "-T", str(path), "https://upload.example.com/notice.txt")
    assert answer.status == "200", answer.body
    (seen,) = origin.requests
    assert (seen.bytes, seen.sha256) == (path.stat().st_size, hashlib.sha256(path.read_bytes()).hexdigest())


@pytest.mark.parametrize("version", VERSIONS)
def test_refused_file_leaves_nothing_at_the_origin(gateway, origin, version):
    answer = curl(gateway, version, *form(gateway, "roster.csv", id_list()), WECOM)
    assert (answer.status, answer.headers["x-sluice-verdict"]) == ("403", "block")
    told = json.loads(answer.body)
    assert "加密" in told["errmsg"]
    assert answer.headers["x-sluice-incident"] in told["errmsg"]
    assert (origin.connections, origin.requests) == (0, [])
    event = gateway.wait_event(answer.headers["x-sluice-incident"])
    assert event["outcome"] == "refused (403)"
    assert event["verdict"]["action"] == "block"
    assert {"sensitive.unencrypted"} <= {rule["id"] for rule in event["verdict"]["rules"]}
    assert {finding["signature"] for part in event["parts"] for finding in part["findings"]} >= {"cn.resident-id"}


def test_records_and_pages_hold_no_value(gateway):
    values = [line.split(",")[1] for line in id_list().decode("gb18030").splitlines()[1:]]
    answer = curl(gateway, *form(gateway, f"{values[3]}.csv", id_list()), WECOM)
    gateway.wait_event(answer.headers["x-sluice-incident"])
    kept = [path.read_bytes() for path in gateway.state.rglob("*") if path.is_file() and path.suffix != ".db"]
    kept += [(gateway.state / "sluice.db").read_bytes(), gateway.log().encode(), gateway.metrics().encode()]
    for value in values:
        assert not [1 for text in kept if value.encode() in text]


@pytest.mark.parametrize("version", VERSIONS)
def test_encrypted_contract_passes_and_is_counted(gateway, origin, version):
    archive = aes_zip("contract.docx", docx(CONTRACT))
    answer = curl(gateway, version, *form(gateway, "contract.zip", archive), WECOM)
    assert answer.status == "200", answer.body
    assert [seen.complete for seen in origin.requests] == [True]
    assert gateway.metric("sluice_coverage_total", coverage="encrypted") >= 1


ARCHIVES = {
    "7z": seven_zip_by_tool,
    "7z of a program": lambda files: seven_zip_by_tool(files, "-m0=BCJ2", "-m1=LZMA", "-m2=LZMA", "-m3=LZMA"),
    "cab": lambda files: cab_bytes(files, "-z"),
    "iso": lambda files: iso_bytes(files, "-J"),
    "cpio": lambda files: cpio_bytes(files, "newc"),
    "lz4": lambda files: piped(b"".join(files.values()), "lz4", "-c"),
    "stored rar": lambda files: rar5_bytes(dict.fromkeys(files, False), method=0, content=b"".join(files.values())),
}


@pytest.mark.parametrize("kind", ARCHIVES)
def test_archives_are_read_in_the_sandbox(gateway, origin, kind):
    clean = curl(gateway, *form(gateway, "clean.bin", ARCHIVES[kind]({"notice.txt": NEWS.encode()})), WECOM)
    assert clean.status == "200", clean.body
    assert len(origin.requests) == 1
    listed = curl(gateway, *form(gateway, "list.bin", ARCHIVES[kind]({"roster.csv": id_list()})), WECOM)
    assert listed.status == "403"
    event = gateway.wait_event(listed.headers["x-sluice-incident"])
    assert [rule["id"] for rule in event["verdict"]["rules"]] == ["sensitive.unencrypted"]
    assert len(origin.requests) == 1


@pytest.mark.parametrize(
    ("name", "data"),
    [
        pytest.param("a.rar", rar5_bytes({"notice.txt": False}), id="packed RAR"),
        pytest.param("a.7z", seven_zip_by_tool({"notice.txt": NEWS.encode()}, "-m0=PPMd"), id="7z by PPMd"),
        pytest.param("a.7z.002", bytes(9000), id="one volume"),
    ],
)
def test_archives_that_nobody_opens_are_refused_as_such(gateway, name, data):
    answer = curl(gateway, *form(gateway, name, data), WECOM)
    event = gateway.wait_event(answer.headers["x-sluice-incident"])
    assert (answer.status, [rule["id"] for rule in event["verdict"]["rules"]]) == ("403", ["unreadable.archive-type"])
    assert "不分卷" in json.loads(answer.body)["errmsg"]


@pytest.mark.parametrize("version", VERSIONS)
def test_oversized_file_is_refused_by_its_declared_length(gateway, origin, version):
    path = gateway.folder / "big.bin"
    with path.open("wb") as file:
        file.truncate(60 * MIB)
    answer = curl(gateway, version, "-H", "Expect: 100-continue", "-F", f"media=@{path}", WECOM)
    assert (answer.status, origin.connections) == ("413", 0)
    assert answer.uploaded_bytes < (1 * MIB if version == "--http1.1" else 60 * MIB)


@pytest.mark.parametrize(("extra_bytes", "status"), [(0, "200"), (1, "413")], ids=["exactly 50 MiB", "one byte more"])
def test_size_limit_is_inclusive(gateway, origin, extra_bytes, status):
    path = gateway.folder / "edge.txt"
    line = ("今天天气很好，适合出门散步。\n" * 100).encode()
    size = 50 * MIB + extra_bytes
    path.write_bytes((line * (size // len(line) + 1))[: size - 1] + b"\n")
    # The cut may fall inside a character; spaces at the end make the text whole again.
    data = path.read_bytes()
    path.write_bytes(data[:-8].decode("utf-8", "ignore").encode().ljust(size, b" "))
    assert path.stat().st_size == size
    answer = curl(gateway, "-F", f"media=@{path}", WECOM)
    assert answer.status == status, answer.body
    assert len(origin.requests) == (1 if status == "200" else 0)


def test_chunked_upload_is_cut_at_the_limit_by_counting(gateway, origin):
    data = b"z" * (52 * MIB)
    url = "https://api.telegram.org/bot1:x/sendDocument"
    answer = curl(
        gateway, "--http1.1", "-X", "POST", "-H", "Content-Type: application/octet-stream", "-T", "-", url, stdin=data
    )
    assert (answer.status, origin.connections) == ("413", 0)


def test_personal_information_to_overseas_is_told_beside_the_block(gateway, origin):
    answer = curl(gateway, *form(gateway, "roster.csv", id_list()), "https://api.telegram.org/bot1:x/sendDocument")
    event = gateway.wait_event(answer.headers["x-sluice-incident"])
    actions = {rule["id"]: rule["action"] for rule in event["verdict"]["rules"]}
    assert (event["destination"]["region"], event["verdict"]["action"]) == ("overseas", "block")
    assert actions["overseas.personal-information"] == "hold"
    assert origin.connections == 0


def test_personal_cloud_is_refused_whatever_it_holds(gateway, origin):
    answer = curl(
        gateway, *form(gateway, "notes.txt", NEWS.encode()), "https://d.pcs.baidu.com/rest/2.0/pcs/file?method=upload"
    )
    event = gateway.wait_event(answer.headers["x-sluice-incident"])
    assert [rule["id"] for rule in event["verdict"]["rules"] if rule["action"] == "block"] == ["cloud.personal"]
    assert origin.connections == 0


def test_plain_http_travels_the_same_way(gateway, origin):
    path = gateway.folder / "roster.csv"
    path.write_bytes(id_list())
    refused = curl(gateway, "-T", str(path), "http://upload.example.com/roster.csv")
    assert (refused.status, origin.connections) == ("403", 0)
    path.write_bytes(NEWS.encode())
    assert curl(gateway, "-T", str(path), "http://upload.example.com/notice.txt").status == "200"


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:9/x", "http://169.254.169.254/latest/meta-data/", "http://10.0.0.1/", "http://[::1]:9/"],
)
def test_private_and_metadata_addresses_are_refused(gateway, url):
    answer = curl(gateway, "-g", "-d", "a=b", url)
    assert (answer.status, json.loads(answer.body)["rules"]) == ("403", ["destination.private"])


@pytest.mark.parametrize(
    ("options", "rule"),
    [
        (("-H", "Host: other.example.com"), "wire.host-mismatch"),
        (("-H", "Upgrade: websocket", "-H", "Connection: Upgrade"), "wire.upgrade"),
    ],
    ids=["host differs", "websocket"],
)
def test_heads_with_two_readings_are_refused(gateway, origin, options, rule):
    answer = curl(gateway, "--http1.1", *options, "-d", "a=b", "https://upload.example.com/x")
    assert (answer.status, json.loads(answer.body)["rules"], origin.connections) == ("403", [rule], 0)


def test_a_page_is_fetched_without_a_record(gateway, origin):
    before = gateway.metric("sluice_transfers_total")
    assert curl(gateway, "https://upload.example.com/index.html").status == "200"
    assert len(origin.requests) == 1
    assert gateway.metric("sluice_transfers_total") == before


def test_identifier_in_a_query_is_refused(gateway, origin):
    answer = curl(gateway, "https://upload.example.com/q?id=11010519491231002X")
    assert (answer.status, origin.connections) == ("403", 0)
