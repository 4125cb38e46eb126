"""Valid-looking identifiers for tests: nobody's, drawn from a seeded generator."""

from __future__ import annotations

import random
import string
from datetime import date, timedelta

from stdnum import iban as _iban
from stdnum import luhn as _luhn
from stdnum.iso7064 import mod_11_2

REGIONS = ("110105", "310101", "440524", "320106", "500103", "650102", "810000", "430221")
"""One of them (430221) was abolished in 2018; numbers with it are in use."""
USCC_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"


def resident_id(rng: random.Random, *, region: str = "", born: date | None = None) -> str:
    """18 characters with the right check character."""
    region = region or rng.choice(REGIONS)
    born = born or date(1950, 1, 1) + timedelta(days=rng.randrange(20_000))
    front = f"{region}{born:%Y%m%d}{rng.randrange(1, 1000):03d}"
    return front + mod_11_2.calc_check_digit(front)


def old_resident_id(rng: random.Random) -> str:
    """15 digits, as before 1999."""
    born = date(1940, 1, 1) + timedelta(days=rng.randrange(15_000))
    return f"{rng.choice(REGIONS[:6])}{born:%y%m%d}{rng.randrange(1, 1000):03d}"


def mobile(rng: random.Random) -> str:
    """11 digits with a prefix that was given out."""
    return rng.choice(("138", "159", "186", "177", "199", "147")) + digits(rng, 8)


def card(rng: random.Random, prefix: str = "4", length: int = 16) -> str:
    """Digits that start with the prefix and pass the Luhn check."""
    front = prefix + digits(rng, length - len(prefix) - 1)
    return front + _luhn.calc_check_digit(front)


def uscc(rng: random.Random, *, department: str = "91", region: str = "110105") -> str:
    """18 characters, both check characters right."""
    body = "".join(rng.choice("0123456789ABCDEFGHJK") for _ in range(8))
    weights = (3, 7, 9, 10, 5, 8, 4, 2)
    alphabet = string.digits + string.ascii_uppercase
    total = sum(weight * alphabet.index(char) for weight, char in zip(weights, body, strict=True))
    front = f"{department}{region}{body}{'0X987654321'[total % 11]}"
    rest = sum(pow(3, index, 31) * USCC_ALPHABET.index(char) for index, char in enumerate(front)) % 31
    return front + USCC_ALPHABET[(31 - rest) % 31]


def iban(rng: random.Random) -> str:
    """A German account."""
    bban = digits(rng, 18)
    return f"DE{_iban.calc_check_digits('DE00' + bban)}{bban}"


def ssn(rng: random.Random) -> str:
    """With hyphens; area, group and serial as they are given out."""
    area = rng.choice([number for number in range(1, 900) if number != 666])
    return f"{area:03d}-{rng.randrange(1, 100):02d}-{rng.randrange(1, 10_000):04d}"


def plate(rng: random.Random) -> str:
    """Five characters behind province and city."""
    return rng.choice("京沪粤苏浙") + rng.choice("ABCDEF") + rng.choice("ABCDEFGH") + digits(rng, 4)


def passport(rng: random.Random) -> str:
    """An ordinary passport."""
    return "E" + digits(rng, 8)


def base64_run(rng: random.Random, length: int) -> str:
    """Characters of base64."""
    return "".join(rng.choice(string.ascii_letters + string.digits + "+/") for _ in range(length))


def private_key(rng: random.Random, kind: str = "RSA ") -> str:
    """A PEM block that holds nothing."""
    body = "\n".join(base64_run(rng, 64) for _ in range(12))
    return f"-----BEGIN {kind}PRIVATE KEY-----\n{body}\n-----END {kind}PRIVATE KEY-----\n"


def token(rng: random.Random, length: int) -> str:
    """ASCII letters and digits."""
    return "".join(rng.choice(string.ascii_letters + string.digits) for _ in range(length))


def digits(rng: random.Random, count: int) -> str:
    """Digits, each drawn by itself."""
    return "".join(rng.choice(string.digits) for _ in range(count))
