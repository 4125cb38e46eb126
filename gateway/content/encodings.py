"""Which character encoding bytes are in: validity first, then how common the characters are that come out."""

from __future__ import annotations

import codecs
import re

from gateway.transfer import Buffer

SAMPLE_BYTES = 64 * 1024
"""What decides whether a content is text at all."""
SCORE_BYTES = 4096
"""What the frequency of characters is judged on."""
MAX_CONTROLS_RATIO = 0.01
"""Control bytes that text may hold; compressed and encrypted data hold a tenth."""
WIDE_THRESHOLD = 0.5
"""Least score for bytes with NUL in them to count as UTF-16 or UTF-32."""
MARGIN = 0.2
"""Readings that score this close to the best are all kept."""
AMBIGUOUS_BYTES = 4096
"""Longest content that is valid UTF-8 and may be GB18030 all the same; longer ones never are by chance."""
BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (b"\x84\x31\x95\x33", "gb18030"),
)
"""Byte order marks; UTF-32's starts with UTF-16's, so it comes first."""
WIDE = ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")
LEGACY = ("utf-8", "gb18030", "big5", "utf-16-le", "utf-16-be", "cp1252")
"""Tried in this order for bytes that are not valid UTF-8; UTF-8 again, because one bad byte does not make it another."""
_TEXT_BYTES = bytes([8, 9, 10, 11, 12, 13, 27, *range(32, 127), *range(128, 256)])
_EBCDIC = bytes(
    {0x0D, 0x15, 0x25, 0x40, 0x4B, 0x60, 0x61, 0x6B, *range(0xF0, 0xFA)}
    | {start + step for start in (0x81, 0x91, 0xC1, 0xD1) for step in range(9)}
    | {start + step for start in (0xA2, 0xE2) for step in range(8)}
)
"""Line ends, blank, full stop, hyphen, slash, comma, digits and letters in every EBCDIC."""
EBCDIC_RATIO = 0.9
"""Share of those bytes in a text in EBCDIC; Chinese in any encoding has less than two thirds of them."""
_EBCDIC_BLANK = 0x40
_NON_ASCII = re.compile(rb"[\x80-\xff]")
_THREE_BYTES = re.compile("[\u0800-\U0010ffff]")
"""Characters that take three bytes or more in UTF-8."""
FREQUENT = frozenset(
    "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里用道行所然家种事成方多经么去法学如都同"
    "现当没动面起看定天分还进好小部其些主样理心她本前开但因只从想实日军者意无力它与长把机十民第公此已工使情明性知全三又关点正业外将两高间由问"
    "很最重并物手应战向头文体政美相见被利什二等产或新己制身果加西斯月话合回特代内信表化老给世位次度门任常先海通教儿原东声提立及比员解水名真论"
    "处走义各入几口认条平系气题活尔更别打女变四神总何电数安少报才结反受目太量再感建务做接必场件计管期市直德资命山金指克许统区保至队形社便空决"
    "治展马科司五基眼书非则听白却界达光放强即像难且权思王象完设式色路记南品住告类求据程北边死张该交规万取拉格望觉术领共确传师观清今切院让识候"
    "带导争运笔项约姓号码密绝机合同协议价客户电话手址卡银账签甲乙款证编單號機國會這個們時來為說對電話學習資料訊户籍邮箱报告表单位负责联系务"
)
"""Characters that make up about three quarters of running Chinese text, and those of forms and contracts."""


def bom_encoding(data: Buffer) -> tuple[str, int]:
    r"""Encoding that a byte order mark names, and the mark's length; empty and 0 without one.

    >>> bom_encoding(b"\xef\xbb\xbfa")
    ('utf-8', 3)
    >>> bom_encoding(b"a")
    ('', 0)
    """
    head = bytes(data[:4])
    return next(((encoding, len(bom)) for bom, encoding in BOMS if head.startswith(bom)), ("", 0))


def is_textual(data: Buffer) -> bool:
    """Whether a content is text in some encoding, judged on its first 64 KiB.

    >>> is_textual("客户名单".encode("gb18030"))
    True
    >>> is_textual(bytes(range(256)))
    False
    """
    encoding, _ = bom_encoding(data)
    sample = bytes(data[:SAMPLE_BYTES])
    if encoding.startswith(("utf-8", "gb18030")) or _has_few_controls(sample):
        return _has_few_controls(sample)
    if encoding:
        return _score(sample[:SCORE_BYTES], encoding) >= WIDE_THRESHOLD
    return bool(_wide(sample))


def _has_few_controls(sample: bytes) -> bool:
    return len(sample.translate(None, _TEXT_BYTES)) <= len(sample) * MAX_CONTROLS_RATIO


def _wide(sample: bytes) -> list[str]:
    """UTF-16 and UTF-32 readings of bytes with NUL or controls in them, best first."""
    scored = [(_score(sample[:SCORE_BYTES], encoding), encoding) for encoding in WIDE]
    best = max(score for score, _ in scored)
    near = [(score, encoding) for score, encoding in scored if score >= max(WIDE_THRESHOLD, best - MARGIN)]
    return [encoding for _, encoding in sorted(near, key=lambda pair: -pair[0])]


def encodings(data: Buffer) -> list[str]:
    """Plausible encodings of a text without a byte order mark that is not valid UTF-8, best first; never empty."""
    sample = bytes(data[:SAMPLE_BYTES])
    if not _has_few_controls(sample):
        return _wide(sample) or ["utf-8"]
    first = _NON_ASCII.search(data)
    start = (first.start() & ~1) if first else 0
    sample = bytes(data[start : start + SCORE_BYTES])
    scored = [(_score(sample, encoding), encoding) for encoding in LEGACY]
    best = max(score for score, _ in scored)
    return [encoding for score, encoding in sorted(scored, key=lambda pair: -pair[0]) if score >= best - MARGIN]


def may_be_gb18030(data: Buffer, text: str) -> bool:
    """Whether `data`, valid UTF-8 that reads `text`, reads at least as well in GB18030.

    Only hanzi with certain codes look like UTF-8, and then like its sequences of two bytes: 平台 reads `ƽ̨`.
    """
    if len(data) > AMBIGUOUS_BYTES or text.isascii() or _THREE_BYTES.search(text):
        return False
    raw = bytes(data)
    return _score(raw, "gb18030") >= _score(raw, "utf-8") - MARGIN


def looks_ebcdic(data: Buffer) -> bool:
    """Whether bytes that are no ASCII are text in EBCDIC, as mainframes write it.

    >>> looks_ebcdic("CUSTOMER 13800138000".encode("cp037")), looks_ebcdic("客户名单".encode("gb18030"))
    (True, False)
    """
    sample = bytes(data[:SCORE_BYTES])
    if not sample or sample.isascii():
        return False
    return len(sample.translate(None, _EBCDIC)) <= len(sample) * (1 - EBCDIC_RATIO) and _EBCDIC_BLANK in sample


def _score(sample: bytes, encoding: str) -> float:
    """How much a reading looks like writing, 1 at best; −1 when the bytes cannot be read so at all."""
    if encoding.startswith("utf-16") and len(sample) % 2:
        sample = sample[:-1]
    strict = encoding in WIDE
    decoder = codecs.getincrementaldecoder(encoding)("strict" if strict else "replace")
    try:
        text = decoder.decode(sample)
    except UnicodeDecodeError:
        return -1.0
    foreign = [character for character in text if not " " <= character <= "~" and character not in "\t\r\n\f"]
    if not foreign:
        return 1.0 if text else -1.0
    total = sum(map(_weight, foreign))
    return total / len(foreign) if not strict else (total + len(text) - len(foreign)) / len(text)


def _weight(character: str) -> float:
    """Plausibility of one character outside printable ASCII."""
    if character in FREQUENT or "\u3000" <= character <= "\u3011" or "\uff01" <= character <= "\uff5e":
        return 1.0
    if "\u4e00" <= character <= "\u9fa5":
        return 0.3
    if "\u3041" <= character <= "\u30ff" or "\uac00" <= character <= "\ud7a3" or "\u2010" <= character <= "\u2026":
        return 0.5
    if "\u00a0" <= character <= "\u024f" or "\u0391" <= character <= "\u044f":
        return 0.4
    return -1.0 if character < " " or character == "\ufffd" or "\ue000" <= character <= "\uf8ff" else 0.0
