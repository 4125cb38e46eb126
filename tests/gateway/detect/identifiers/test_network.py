import pytest

from gateway.detect.identifiers.network import EMAIL, IPV4
from tests.samples.detection import matches, values


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("zhang.san@example.com", {"zhang.san@example.com"}, id="plain"),
        pytest.param("Zhang.San@Example.COM", {"zhang.san@example.com"}, id="case"),
        pytest.param("<li+x@mail.example.co.uk>", {"li+x@mail.example.co.uk"}, id="tag and subdomains"),
        pytest.param("邮箱：a@example.cn。", {"a@example.cn"}, id="in Chinese"),
        pytest.param("user@example.com:Secret1", {"user@example.com"}, id="colon behind"),
        pytest.param("mailto:user@example.com", {"user@example.com"}, id="colon in front"),
        pytest.param("user%40example.com", {"user@example.com"}, id="percent"),
        pytest.param("user@example", set(), id="no top-level domain"),
        pytest.param("user@example.notadomain", set(), id="unknown top-level domain"),
        pytest.param("icon@2x.png", set(), id="picture"),
        pytest.param("git@github.com", set(), id="mailbox of a machine"),
        pytest.param("a@b.call()", set(), id="code"),
        pytest.param("@example.com", set(), id="no mailbox"),
        pytest.param("x..y@", set(), id="no domain"),
    ],
)
def test_email(text, expected):
    assert values(EMAIL, text) == expected


def test_email_is_a_person():
    assert [match.person for match in matches(EMAIL, "a@example.com")] == ["mail:a@example.com"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("192.0.2.1", {"192.0.2.1"}, id="plain"),
        pytest.param("server 192.0.2.1:80", {"192.0.2.1"}, id="port"),
        pytest.param("http://192.0.2.1/x", {"192.0.2.1"}, id="URL"),
        pytest.param("192.0.2.1.", {"192.0.2.1"}, id="end of a sentence"),
        pytest.param("192.0.2.256", set(), id="octet"),
        pytest.param("192.0.2.01", set(), id="leading zero"),
        pytest.param("192.0.2.1.5", set(), id="five numbers"),
        pytest.param("version 192.0.2.1", set(), id="version"),
        pytest.param("v192.0.2.1", set(), id="letter in front"),
    ],
)
def test_ipv4(text, expected):
    assert values(IPV4, text) == expected


def test_a_log_is_looked_at_in_part():
    log = "\n".join(f"10.{n >> 8}.{n & 255}.1 ok" for n in range(3000))
    # The last window may show a few more.
    assert 1000 <= len(values(IPV4, log)) < 1010
