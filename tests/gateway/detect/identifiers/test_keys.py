import random
import time

import pytest

from gateway.detect.identifiers.keys import AWS_KEY, CLOUD_KEY, PRIVATE_KEY, entropy_bits, is_random
from tests.samples import identifiers as samples
from tests.samples.detection import matches, odds, values

BODY = "PxgL5PmucqEhR9Ico6q90/oOfe+vKc1CxE3WPF5TMR97GKIxc2fPWM2X8vIyMt8j"


@pytest.mark.parametrize("kind", ["", "RSA ", "EC ", "DSA ", "OPENSSH ", "ENCRYPTED "])
def test_private_key(kind):
    text = samples.private_key(random.Random(13), kind)
    assert [match.value for match in matches(PRIVATE_KEY, text)] == [text.splitlines()[1]]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f"-----BEGIN PGP PRIVATE KEY BLOCK-----\n\n{BODY}\n", id="PGP"),
        pytest.param(f'"-----BEGIN PRIVATE KEY-----\\n{BODY}\\n"', id="JSON"),
        pytest.param(f"PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\nPublic-Lines: 2\n{BODY}\n", id="PuTTY"),
        pytest.param(f"---- BEGIN RSA PRIVATE KEY ----\n{BODY}", id="SSH2 dashes"),
        pytest.param("-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKC...\n", id="cut"),
        pytest.param("AGE-SECRET-KEY-1" + "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7LQPZRY9X8GF2TVDW0S3JN54KHCE", id="age"),
    ],
)
def test_other_private_keys(text):
    assert len(values(PRIVATE_KEY, text)) == 1


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("-----BEGIN RSA PRIVATE KEY-----", id="header alone"),
        pytest.param("-----BEGIN RSA PRIVATE KEY-----\n(your key)\n", id="placeholder"),
        pytest.param("put the -----BEGIN PRIVATE KEY----- line first, documentation follows", id="manual"),
        pytest.param("-----BEGIN PRIVATE KEY-----\nacknowledgementsofall\n", id="a long word"),
        pytest.param(f"-----BEGIN CERTIFICATE-----\n{BODY}\n", id="certificate"),
        pytest.param(f"-----BEGIN RSA PUBLIC KEY-----\n{BODY}\n", id="public key"),
        pytest.param("AGE-SECRET-KEY-1QPZ", id="age, short"),
    ],
)
def test_no_private_key(text):
    assert values(PRIVATE_KEY, text) == set()


def test_short_body_is_less_sure():
    assert odds(PRIVATE_KEY, f"-----BEGIN PRIVATE KEY-----\n{BODY}") == 0.98
    assert odds(PRIVATE_KEY, "-----BEGIN PRIVATE KEY-----\nMIIEpAIBAAKCAQEA0\n...") == pytest.approx(0.686)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("AKIAIOSFODNN7EXAMPLE", {"AKIAIOSFODNN7EXAMPLE"}, id="access key"),
        pytest.param("id=ASIAQX4TB7ZK2MPL9WDF;", {"ASIAQX4TB7ZK2MPL9WDF"}, id="temporary"),
        pytest.param(
            "AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            {"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"},
            id="secret",
        ),
        pytest.param("AKIAIOSFODNN7EXAMPL", set(), id="too short"),
        pytest.param("AKIAIOSFODNN7EXAMPLEX", set(), id="too long"),
        pytest.param("bAKIAIOSFODNN7EXAMPLE", set(), id="inside base64"),
        pytest.param("aws_secret_access_key=" + "A" * 40, set(), id="placeholder"),
        pytest.param("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", set(), id="secret without label"),
    ],
)
def test_aws_key(text, expected):
    assert values(AWS_KEY, text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("LTAI5tRk9Qm2Xb7Zc4Vn8Wp1", {"LTAI5tRk9Qm2Xb7Zc4Vn8Wp1"}, id="Alibaba Cloud"),
        pytest.param(
            "AKIDO8gU2doXbgumw3uOehvoR5T7yuP9aSdF", {"AKIDO8gU2doXbgumw3uOehvoR5T7yuP9aSdF"}, id="Tencent Cloud"
        ),
        pytest.param("secretKey: AuefyuYf4tvKd3VuOoSyCGbL8UhDtmAB", {"AuefyuYf4tvKd3VuOoSyCGbL8UhDtmAB"}, id="secret"),
        pytest.param("LTAI" + "X" * 20, set(), id="placeholder"),
        pytest.param("LTAI5tRk9Qm2Xb7", set(), id="too short"),
        pytest.param("secretKey: " + "abcdefgh" * 4, set(), id="words"),
    ],
)
def test_cloud_key(text, expected):
    assert values(CLOUD_KEY, text) == expected


@pytest.mark.parametrize(
    ("text", "random"),
    [
        pytest.param("Auefyu4tvKd3VuOoSyCGbL8UhDtm", True, id="drawn"),
        pytest.param("Auefyuftvkdqvuoosycgblsuhdtm", False, id="letters only"),
        pytest.param("0123456789012345678901234567", False, id="digits only"),
        pytest.param("abc1abc1abc1abc1abc1abc1abc1", False, id="repeated"),
    ],
)
def test_is_random(text, random):
    assert is_random(text) is random


def test_entropy():
    assert entropy_bits("aaaa") == 0
    assert entropy_bits("abcd") == 2


@pytest.mark.parametrize("header", ["-----BEGIN PRIVATE KEY-----", "PuTTY-User-Key-File-3: x"])
def test_a_body_is_the_last_headers(header):
    found = list(matches(PRIVATE_KEY, f"{header}\n{header}\n{BODY}\n"))
    assert [match.start > 5 for match in found] == [True]


@pytest.mark.parametrize("line", ["-----BEGIN PRIVATE KEY-----\n", "PuTTY-User-Key-File-3:\n"])
def test_headers_in_a_row_take_linear_time(line):
    text = line * (400_000 // len(line))
    began = time.process_time()
    assert values(PRIVATE_KEY, text) == set()
    assert time.process_time() - began < 2
