"""`sluice inspect`: the gateway's verdict on files, folders and what is no file; exit codes; nothing unmasked unasked."""

import json
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.cli.inspect import expand
from gateway.demo.samples import CONTRACT, NEWS, aes_zip, docx, id_list, zipped
from gateway.errors import StartError
from gateway.settings import PACKAGE_DIR

TELEGRAM = "https://api.telegram.org/bot1:x/sendDocument"
BAIDU = "https://d.pcs.baidu.com/rest/2.0/pcs/superfile2"
NUMBERS = [line.split(",")[1] for line in id_list().decode("gb18030").splitlines()[1:]]
SIGNATURES = Path("signatures").resolve()
CATALOGUE = [PACKAGE_DIR / "destinations" / "data" / f"{name}.yaml" for name in ("wecom", "telegram", "baidu_netdisk")]


@pytest.fixture
def files(folder):
    """`files(name=bytes)` in a folder."""

    def write(**contents: bytes) -> Path:
        place = folder / "files"
        place.mkdir(exist_ok=True)
        for name, data in contents.items():
            (place / name.replace("__", ".")).write_bytes(data)
        return place

    return write


@pytest.fixture
def few(config):
    """Settings with two signatures, which are compiled in no time, and what else is given."""
    own = ("identifiers/cn.resident-id.yaml", "documents/doc.contract.yaml")
    place = Path("own")
    for name in own:
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes((SIGNATURES / name).read_bytes())

    def write(**settings) -> None:
        config(signatures=["own"], catalogue=CATALOGUE, **settings)

    write()
    return write


def actions(done) -> dict[str, str]:
    told = [json.loads(line) for line in done.lines]
    return {Path(one["path"]).name: one["verdict"]["action"] for one in told}


def rules(done) -> list[str]:
    (line,) = done.lines
    return [rule["id"] for rule in json.loads(line)["verdict"]["rules"] if rule["action"] in {"block", "hold"}]


def test_shipped_signatures_and_policy(sluice, files):
    place = files(
        notice__txt=NEWS.encode(),
        roster__csv=id_list(),
        contract__docx=docx(CONTRACT),
        aes__zip=aes_zip("contract.docx", docx(CONTRACT)),
        deep__zip=zipped({"a.zip": zipped({"contract.docx": docx(CONTRACT)})}),
        empty=b"",
    )
    done = sluice("inspect", "--json", place)
    assert (done.code, done.err) == (3, "")
    assert actions(done) == {
        "aes.zip": "log",
        "contract.docx": "block",
        "deep.zip": "block",
        "empty": "allow",
        "notice.txt": "allow",
        "roster.csv": "block",
    }
    assert not [number for number in NUMBERS if number in done.out]
    told = sluice("inspect", place)
    assert told.code == 3
    assert told.lines[-1] == "6 files: 2 allow, 3 block, 1 log"


@pytest.mark.parametrize(("name", "code"), [("notice.txt", 0), ("roster.csv", 3)])
def test_one_file(sluice, few, files, name, code):
    place = files(notice__txt=NEWS.encode(), roster__csv=id_list())
    done = sluice("inspect", place / name)
    assert (done.code, done.err) == (code, "")
    assert done.lines[0] == f"{'block' if code else 'allow'}  {place / name}"
    assert not done.lines[-1].endswith("allow, 1 block")


def test_reveal_shows_values(sluice, few, files):
    place = files(roster__csv=id_list())
    assert not [number for number in NUMBERS if number in sluice("inspect", place).out]
    assert [number for number in NUMBERS if number in sluice("inspect", "--reveal", place).out]


def test_text_is_added_when_asked(sluice, few, files):
    place = files(contract__docx=docx(CONTRACT))
    assert "设备采购合同" in sluice("inspect", "--text", place).out
    (line,) = sluice("inspect", "--text", "--json", place).lines
    assert any("设备采购合同" in one["text"] for one in json.loads(line)["text"])
    assert "设备采购合同" not in sluice("inspect", place).out


@pytest.mark.parametrize(
    ("url", "stopped"),
    [
        pytest.param(TELEGRAM, ["sensitive.unencrypted", "overseas.personal-information"], id="overseas"),
        pytest.param(BAIDU, ["sensitive.unencrypted", "cloud.personal"], id="personal cloud"),
        pytest.param("http://10.0.0.1/upload", ["destination.private"], id="private address"),
        pytest.param("169.254.169.254/x", ["destination.private"], id="metadata address, no scheme"),
        pytest.param("https://[::1]:8443/", ["destination.private"], id="IPv6 loopback"),
    ],
)
def test_destination(sluice, few, files, url, stopped):
    done = sluice("inspect", "--json", "--to", url, files(roster__csv=id_list()))
    assert (done.code, sorted(rules(done))) == (3, sorted(stopped))


def test_country_of_an_address(sluice, few, files):
    few(geo={"overrides": {"203.0.113.0/24": "CN", "198.51.100.0/24": "US"}})
    place = files(roster__csv=id_list())
    assert "overseas.personal-information" not in rules(sluice("inspect", "--json", "--to", "203.0.113.9", place))
    assert "overseas.personal-information" in rules(sluice("inspect", "--json", "--to", "198.51.100.9", place))


def test_fixed_route_lifts_the_refusal_of_private_addresses(sluice, few, files):
    few(upstream={"connect_to": {"test.example.com:443": "127.0.0.1:9443"}})
    done = sluice("inspect", "--to", "https://test.example.com/", files(notice__txt=NEWS.encode()))
    assert "destination.private" not in done.out


@pytest.mark.parametrize("url", ["ftp://a.example/", "https://", "https://a.example:0/", "https://a.example:x/"])
def test_wrong_url(sluice, few, files, url):
    done = sluice("inspect", "--to", url, files(notice__txt=NEWS.encode()))
    assert (done.code, done.out) == (2, "")
    assert "needs an http or https URL" in done.err


def test_user_with_a_role_and_one_nobody_knows(sluice, few, files, folder):
    (folder / "users.yaml").write_text("users:\n  - {name: li.si, role: head, groups: [sales]}\n")
    few(identity={"users": "users.yaml"})
    place = files(notice__txt=NEWS.encode())
    assert sluice("inspect", "--as", "li.si", place).err == ""
    done = sluice("inspect", "--as", "li.is", place)
    assert done.err == f"note: li.is is not in {folder}/users.yaml, and has no role or group here\n"


def test_nobody_may_send_where_a_login_is_asked_for(sluice, few, files, folder):
    (folder / "users.yaml").write_text("users:\n  - {name: li.si}\n")
    few(identity={"users": "users.yaml", "proxy_auth": "users", "required": True})
    place = files(notice__txt=NEWS.encode())
    assert rules(sluice("inspect", "--json", place)) == ["identity.required"]
    assert sluice("inspect", "--as", "li.si", place).code == 0


def test_file_larger_than_any_body(sluice, few, files):
    few(limits={"max_body_bytes": 10})
    done = sluice("inspect", "--json", files(notice__txt=NEWS.encode()))
    assert (done.code, rules(done), json.loads(done.out)["coverage"]) == (3, ["limits.body"], "too-large")


def test_time_and_memory_are_those_of_the_settings(sluice, few, files):
    few(inspectors={"timeout_s": 0.01})
    done = sluice("inspect", "--json", files(long__txt=NEWS.encode() * 50_000))
    assert (done.code, rules(done), json.loads(done.out)["coverage"]) == (3, ["gateway.not-inspected"], "timeout")


def special(folder: Path, name: str) -> Path:
    """What is there and is no file."""
    path = folder / name
    if name == "pipe":
        os.mkfifo(path)
    elif name == "socket":
        with socket.socket(socket.AF_UNIX) as one:
            one.bind(str(path))
    else:
        path = Path("/dev/zero")
    return path


@pytest.mark.parametrize(
    ("name", "why"),
    [("pipe", "is not a file"), ("socket", "cannot be read (No such device or address)"), ("device", "is not a file")],
)
def test_what_is_no_file_is_told_and_the_rest_goes_on(sluice, few, files, folder, name, why):
    place = files(notice__txt=NEWS.encode(), roster__csv=id_list())
    path = special(folder, name)
    done = sluice("inspect", path, place / "notice.txt")
    assert (done.code, done.err) == (1, f"sluice: {path}: {why}\n")
    assert done.lines == [f"allow  {place / 'notice.txt'}", "", "1 file: 1 allow; 1 could not be read"]
    assert sluice("inspect", path, place / "roster.csv").code == 3


def test_missing_file_ends_before_anything(sluice, few, files, folder):
    place = files(notice__txt=NEWS.encode())
    done = sluice("inspect", place, folder / "none")
    assert (done.code, done.out, done.err) == (1, "", f"sluice: {folder}/none: no such file or folder\n")


def test_names_are_shown_without_what_a_terminal_obeys(sluice, few, files):
    place = files()
    (place / "a\x1b[2J.txt").write_bytes(NEWS.encode())
    (place / os.fsdecode(b"\xff.txt")).write_bytes(NEWS.encode())
    done = sluice("inspect", place)
    assert done.lines[:2] == [f"allow  {place}/a\\x1b[2J.txt", f"allow  {place}/\\udcff.txt"]
    assert [json.loads(line)["path"] for line in sluice("inspect", "--json", place).lines] == [
        f"{place}/a\x1b[2J.txt",
        f"{place}/\udcff.txt",
    ]


def test_folders_are_read_in_order_without_following_links(files, folder):
    place = files(b__txt=b"", a__txt=b"")
    (place / "inner").mkdir()
    (place / "inner" / "c.txt").write_bytes(b"")
    (place / "loop").symlink_to(place)
    names: Callable[..., list[str]] = lambda *paths: [path.name for path in expand(paths)]  # noqa: E731
    assert names(place) == ["a.txt", "b.txt", "c.txt"]
    assert names(place / "b.txt", place / "inner") == ["b.txt", "c.txt"]
    with pytest.raises(StartError, match="no such file or folder"):
        names(folder / "none")


def test_empty_folder(sluice, few, files):
    done = sluice("inspect", files())
    assert (done.code, done.lines) == (0, ["", "0 files: nothing to inspect"])
