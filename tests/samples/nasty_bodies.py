"""Upload bodies made by hand: what ordinary clients send, and what parsers are known to disagree on."""

from __future__ import annotations

import base64
import quopri
from dataclasses import dataclass

FORM = b"multipart/form-data; boundary=b"
MIXED = b"multipart/mixed; boundary=b"
RELATED = b"multipart/related; boundary=b"
URLENCODED = b"application/x-www-form-urlencoded"
SECRET = b"id 11010519491231002X"
"""The sample of GB 11643."""
FILE = b'Content-Disposition: form-data; name="f"; filename="x.txt"'
FIELD = b'Content-Disposition: form-data; name="a"'
CHINESE = "合同"


@dataclass(frozen=True)
class Body:
    """One request body."""

    label: str
    content_type: bytes
    data: bytes


def lines(*rows: bytes, newline: bytes = b"\r\n") -> bytes:
    return newline.join(rows)


def form(*headers: bytes, content: bytes = SECRET, content_type: bytes = FORM, label: str = "") -> Body:
    """A body of one part with these header lines."""
    return Body(label, content_type, lines(b"--b", *headers, b"", content, b"--b--", b""))


def disposition(rest: bytes, label: str) -> Body:
    return form(b"Content-Disposition: form-data" + rest, label=label)


def whole(label: str, *rows: bytes, content_type: bytes = FORM, newline: bytes = b"\r\n") -> Body:
    return Body(label, content_type, lines(*rows, newline=newline))


INNER = lines(b"--c", b'Content-Disposition: file; filename="in.txt"', b"", SECRET, b"--c--", b"")

FRAMING = (
    whole("LF only", b"--b", FILE, b"", SECRET, b"--b--", b"", newline=b"\n"),
    whole("bare CR only", b"--b", FILE, b"", SECRET, b"--b--", b"", newline=b"\r"),
    whole("LF before the last delimiter", b"--b", FILE, b"", SECRET + b"\n--b--", b""),
    whole("LF after the first delimiter", b"--b\n" + FILE, b"", SECRET, b"--b--", b""),
    whole("LF between headers", b"--b", FILE + b"\nX-A: 1", b"", SECRET, b"--b--", b""),
    whole("LF for the empty line", b"--b", FILE + b"\n\n" + SECRET, b"", b"more", b"--b--", b""),
    whole("CR LF LF for the empty line", b"--b", FILE, b"\n" + SECRET, b"", b"more", b"--b--", b""),
    whole("missing last boundary", b"--b", FILE, b"", SECRET),
    whole("missing last boundary, with line end", b"--b", FILE, b"", SECRET, b""),
    whole("last delimiter not closing", b"--b", FILE, b"", SECRET, b"--b", b""),
    whole("cut in the closing delimiter", b"--b", FILE, b"", SECRET, b"--b-"),
    whole("closed twice", b"--b", FILE, b"", b"clean", b"--b--", b"", b"--b--", b""),
    whole("part after the close", b"--b", FILE, b"", b"clean", b"--b--", b"--b", FILE, b"", SECRET, b"--b--", b""),
    whole("preamble", SECRET, b"--b", FILE, b"", b"clean", b"--b--", b""),
    whole("preamble that is a part", FILE, b"", SECRET, b"--b", FIELD, b"", b"clean", b"--b--", b""),
    whole("line end first", b"", b"--b", FILE, b"", SECRET, b"--b--", b""),
    whole("epilogue", b"--b", FILE, b"", b"clean", b"--b--", SECRET),
    whole("epilogue in the line", b"--b", FILE, b"", b"clean", b"--b--" + SECRET),
    whole("blank after a boundary", b"--b ", FILE, b"", SECRET, b"--b--", b""),
    whole("tab after a boundary", b"--b", FIELD, b"", b"1", b"--b\t", FILE, b"", SECRET, b"--b--", b""),
    whole("blank after the closing boundary", b"--b", FILE, b"", SECRET, b"--b-- ", b""),
    whole("text after a boundary", b"--b", FIELD, b"", b"1", b"--bx", FILE, b"", SECRET, b"--b--", b""),
    whole("NUL after a boundary", b"--b", FIELD, b"", b"1", b"--b\0", FILE, b"", SECRET, b"--b--", b""),
    whole("one dash after a boundary", b"--b", FIELD, b"", b"1", b"--b-", FILE, b"", SECRET, b"--b--", b""),
    whole("boundary inside a line", b"--b", FILE, b"", b"clean--b", FILE, b"", SECRET, b"--b--", b""),
    whole("boundary after bare CR", b"--b", FILE, b"", b"clean\r--b", FILE, b"", SECRET, b"--b--", b""),
    whole("boundary after LF", b"--b", FILE, b"", b"clean\n--b", FILE, b"", SECRET, b"--b--", b""),
    whole("boundary after LF CR", b"--b", FILE, b"", b"clean\n\r--b", FILE, b"", SECRET, b"--b--", b""),
    whole("boundary after CR CR LF", b"--b", FILE, b"", b"clean\r", b"--b", FILE, b"", SECRET, b"--b--", b""),
    whole("boundary with three dashes", b"--b", FILE, b"", b"clean", b"---b", FILE, b"", SECRET, b"--b--", b""),
    whole("boundary with one dash", b"--b", FILE, b"", b"clean", b"-b", FILE, b"", SECRET, b"--b--", b""),
    whole("other case of the boundary", b"--B", FILE, b"", SECRET, b"--B--", b""),
    whole("prefix of a longer boundary", b"--bc", FILE, b"", SECRET, b"--bc--", b""),
    whole("no empty line", b"--b", FILE, SECRET, b"--b--", b""),
    whole("no headers", b"--b", b"", SECRET, b"--b--", b""),
    whole("two empty lines before the headers", b"--b", b"", b"", FILE, b"", SECRET, b"--b--", b""),
    whole("headers after an empty line", b"--b", b"", FILE, b"", SECRET, b"--b--", b""),
    whole("part of nothing", b"--b", b"--b", FILE, b"", SECRET, b"--b--", b""),
    whole("nothing but the close", b"--b--", b""),
    whole("content is delimiters", b"--b", FILE, b"", b"--b", b"--b--", b""),
    whole("no boundary in the body", FILE, b"", SECRET, b""),
    whole("NUL in the content", b"--b", FILE, b"", b"a\0" + SECRET, b"--b--", b""),
    whole("content ends in CR", b"--b", FILE, b"", SECRET + b"\r", b"--b--", b""),
    whole("content ends in CR LF", b"--b", FILE, b"", SECRET + b"\r\n", b"--b--", b""),
    whole("content starts with CR LF", b"--b", FILE, b"", b"", SECRET, b"--b--", b""),
    whole("empty content", b"--b", FILE, b"", b"", b"--b--", b""),
    whole("same name twice", *(b"--b", FILE, b"", b"clean"), *(b"--b", FILE, b"", SECRET, b"--b--", b"")),
    whole("field and file of one name", b"--b", b'Content-Disposition: form-data; name="f"', b"", SECRET, b"--b", FILE,
          b"", b"clean", b"--b--", b""),
    whole("1200 parts", *[row for i in range(1200) for row in (b"--b", b'Content-Disposition: form-data; name="%d"' % i,
          b"", b"x")], b"--b--", b""),
    whole("LF only, mixed", b"--b", FILE, b"", SECRET, b"--b--", b"", newline=b"\n", content_type=MIXED),
    whole("LF only, related", b"--b", FILE, b"", SECRET, b"--b--", b"", newline=b"\n", content_type=RELATED),
)  # fmt: skip

HEADERS = (
    form(FILE.replace(b"form-data;", b"form-data;\r\n"), label="folded disposition"),
    form(b'Content-Disposition: form-data; name="f";', b' filename="x.txt"', label="folded before the file name"),
    form(b'Content-Disposition: form-data; name="f";', b'\tfilename="x.txt"', label="folded with a tab"),
    form(b'Content-Disposition: form-data; name="a"', b"X: 1", b' ; filename="x.txt"', label="folded into another"),
    form(FILE, FIELD, label="two dispositions"),
    form(FIELD, FILE, label="two dispositions, file last"),
    form(FILE, b"content-disposition: form-data; name=z", label="two dispositions, other case"),
    form(b"Content-Disposition : form-data; name=f; filename=x", label="blank before the colon"),
    form(b" Content-Disposition: form-data; name=f; filename=x", label="blank before the name"),
    form(b"Content-Disposition:form-data;name=f;filename=x", label="no blanks"),
    form(b"Content-Disposition:\tform-data;\tname=f;\tfilename=x", label="tabs"),
    form(b"CONTENT-DISPOSITION: FORM-DATA; NAME=f; FILENAME=x", label="capitals"),
    form(b"Content-Disposition: form-data; name=f; filename=x\0", label="NUL in a header"),
    form(b"Content-Dispo\0sition: form-data; name=f; filename=x", label="NUL in a header's name"),
    form(b"Content-Disposition: form-data; name=f\r; filename=x", label="bare CR in a header"),
    form(b"Content-Disposition: form-data; name=f; filename=x\x0b", label="vertical tab in a header"),
    form(b"nothing of a header", FILE, label="line without a colon"),
    form(b": nothing", FILE, label="empty header name"),
    form(b"X" * 20_000 + b": 1", FILE, label="header of 20 KB"),
    form(b"Content-Type: text/plain", label="no disposition"),
    form(b"Content-Disposition: attachment; name=f; filename=x", label="attachment"),
    form(b"Content-Disposition: file; filename=x", label="file"),
    form(b"Content-Disposition: name=f; filename=x", label="no type"),
    form(b"Content-Disposition: form-data", label="no parameters"),
    form(b"Content-Disposition: form-data, form-data; name=f; filename=x", label="two types"),
    form(FILE, b"Content-Type: text/plain", b"Content-Type: application/json", label="two types of content"),
    form(FILE, b"Content-Type: application/octet-stream; name=y.txt", label="name in the type"),
    form(b'Content-Disposition: form-data; name="f"', b"Content-Type: application/octet-stream", label="typed, unnamed"),
    form(b'Content-Disposition: form-data; name="f"', b"Content-Type: text/plain; charset=utf-16le",
         content=SECRET.decode().encode("utf-16-le"), label="charset UTF-16 of a field"),
    form(b'Content-Disposition: form-data; name="f"', b"Content-Type: text/plain; charset=utf-7",
         content=b"+ADEAMQAwADEAMAA1-", label="charset UTF-7 of a field"),
    form(FIELD, content=b"+ADEAMQAwADEAMAA1-", content_type=FORM + b"; charset=utf-7", label="charset UTF-7 of the form"),
    form(FIELD, content="编号".encode("gbk") + SECRET, content_type=FORM + b"; charset=gbk", label="charset GBK"),
    form(FIELD, content=SECRET.decode().encode("cp037"), content_type=FORM + b"; charset=cp037", label="charset EBCDIC"),
    form(FIELD, content=SECRET, content_type=FORM + b"; charset=rot13", label="charset rot13"),
    form(FIELD, content=SECRET, content_type=FORM + b"; charset=nonsense", label="charset nobody knows"),
    form(FILE, b"Content-Length: 3", label="length of a part that lies"),
)  # fmt: skip

NAMES = (
    disposition(b'; name="f"; filename="x.txt"; filename="y.exe"', "two file names"),
    disposition(b'; name="f"; filename="y.exe"; filename="x.txt"; name="g"', "two names"),
    disposition(b'; name="f"; FileName="x.txt"; filename="y.exe"', "two file names, other case"),
    disposition(b"; name=\"f\"; filename=\"x.txt\"; filename*=UTF-8''y.txt", "both forms"),
    disposition(b"; name=\"f\"; filename*=UTF-8''y.txt; filename=\"x.txt\"", "both forms, extended first"),
    disposition(b"; name=\"f\"; filename=\"x.txt\"; filename*=UTF-8''y.exe", "both forms, other type"),
    disposition(b"; name=\"f\"; filename*=UTF-8''%E5%90%88%E5%90%8C.txt", "extended only"),
    disposition(b"; name=\"f\"; filename*=utf-8'zh'%e5%90%88%e5%90%8c.txt", "extended with language"),
    disposition(b"; name=\"f\"; filename*=GBK''%BA%CF%CD%AC.txt", "extended GBK"),
    disposition(b"; name=\"f\"; filename*=UTF-7''+AEE-.txt", "extended UTF-7"),
    disposition(b'; name="f"; filename*=x.txt', "extended without character set"),
    disposition(b'; name="f"; filename*0="x"; filename*1=".txt"', "continued"),
    disposition(b'; name="f"; filename*1=".txt"; filename*0="x"', "continued, other order"),
    disposition(b"; name=\"f\"; filename*0*=UTF-8''%E5%90%88; filename*1=\".txt\"", "continued, extended"),
    disposition(b'; name="f"; filename*0="x"; filename*2=".txt"', "continued with a gap"),
    disposition(b"; name*=UTF-8''f; filename=\"x.txt\"", "extended field name"),
    disposition(b'; name*0=f; name*1=g; filename="x.txt"', "continued field name"),
    disposition(b'; name="f"; filename="' + CHINESE.encode() + b'.txt"', "raw UTF-8"),
    disposition(b'; name="f"; filename="' + CHINESE.encode("gbk") + b'.txt"', "raw GBK"),
    disposition(b'; name="f"; filename="' + "誠".encode("big5") + b'.txt"', "raw Big5, with a backslash in it"),
    disposition(b'; name="f"; filename="=?UTF-8?B?5ZCI5ZCM?=.txt"', "encoded word"),
    disposition(b'; name="f"; filename="%E5%90%88%E5%90%8C.txt"', "percent"),
    disposition(b'; name="f"; filename="&#21512;&#21516;.txt"', "character references"),
    disposition(b'; name="f"; filename="a\\"b.txt"', "escaped quote"),
    disposition(b'; name="f"; filename="a%22b.txt"', "percent quote"),
    disposition(b'; name="f"; filename="C:\\Users\\x\\y.txt"', "Windows path"),
    disposition(b'; name="f"; filename="..\\\\..\\\\y.txt"', "escaped backslashes"),
    disposition(b'; name="f"; filename="../../y.txt"', "path upwards"),
    disposition(b'; name="f"; filename="x.txt', "open quote"),
    disposition(b'; name="f"; filename=x.txt"', "closing quote only"),
    disposition(b"; name='f'; filename='x.txt'", "single quotes"),
    disposition(b"; name=f; filename=x y.txt", "blank in a bare value"),
    disposition(b'; name="f"; filename="a;b.txt"', "semicolon in quotes"),
    disposition(b'; name="f"; filename="a; filename=b.txt"', "parameter in quotes"),
    disposition(b'; name="f"; filename="a"b.txt', "text after the quotes"),
    disposition(b'; name="f"; filename=""', "empty file name"),
    disposition(b'; name="f"; filename', "parameter without a value"),
    disposition(b'; name="f"; filename=', "parameter with nothing"),
    disposition(b'; name="f";; filename="x.txt"', "two semicolons"),
    disposition(b'; name="f"; filename = "x.txt"', "blanks about the equals sign"),
    disposition(b'; name="f" filename="x.txt"', "no semicolon"),
    disposition(b'; name="f", filename="x.txt"', "comma"),
    disposition(b'; name="f"; x="; filename=y.txt"; filename="x.txt"', "decoy in another parameter"),
    disposition(b'; xname="f"; name="g"; xfilename="a.txt"; filename="x.txt"', "names that end alike"),
    disposition(b'; name="f"; filename="x.txt"; filename*0="y"; filename*1=".exe"', "plain beside continued"),
    disposition(b'; name="f[a][b]"; filename="x.txt"', "nested field name"),
    disposition(b'; name="f[a"; filename="x.txt"', "open bracket"),
    disposition(b'; name="f a.b"; filename="x.txt"', "blank and dot in the field name"),
    disposition(b'; name=""; filename="x.txt"', "empty field name"),
    disposition(b'; filename="x.txt"', "no field name"),
    disposition(b'; name="_charset_"', "field _charset_"),
    disposition(b'; name="MAX_FILE_SIZE"', "field MAX_FILE_SIZE"),
    disposition(b'; name="id 11010519491231002X"', "field name that tells"),
    disposition(b'; name="f"; filename="11010519491231002X.txt"', "file name that tells"),
    disposition(b'; name="__proto__"; filename="x.txt"', "field __proto__"),
    disposition(b'; name="f"; filename="a\tb.txt"', "tab in a name"),
    disposition(b'; name="f"; filename=\xff\xfe.txt', "no character set at all"),
    disposition(b'; name="f"; filename="' + b"x" * 3000 + b'.txt"', "name of 3 KB"),
)  # fmt: skip

CODED = (
    form(FILE, b"Content-Transfer-Encoding: base64", content=base64.b64encode(SECRET), label="base64"),
    form(FILE, b"Content-Transfer-Encoding: BASE64", content=base64.encodebytes(SECRET * 9), label="base64, lines"),
    form(FILE, b"Content-Transfer-Encoding: base64", content=b"*" + base64.b64encode(SECRET), label="base64, damaged"),
    form(FILE, b"Content-Transfer-Encoding: base64", content=base64.b64encode(SECRET).rstrip(b"="), label="base64, no padding"),
    form(FILE, b"Content-Transfer-Encoding: base64", content=base64.b64encode(b"a") + base64.b64encode(SECRET), label="base64, padding inside"),
    form(FIELD, b"Content-Transfer-Encoding: base64", content=base64.b64encode(SECRET), label="base64 field"),
    form(FILE, b"Content-Transfer-Encoding: quoted-printable", content=quopri.encodestring(SECRET + b"="), label="quoted-printable"),
    form(FILE, b"Content-Transfer-Encoding: quoted-printable", content=b"a=\r\nb=3d=zz", label="quoted-printable, damaged"),
    form(FILE, b"Content-Transfer-Encoding: binary", label="binary"),
    form(FILE, b"Content-Transfer-Encoding: x-uuencode", label="uuencode"),
    form(FILE, b"Content-Transfer-Encoding: 7bit, base64", content=base64.b64encode(SECRET), label="two encodings"),
    form(FILE, b"Content-Transfer-Encoding: base64 ", content=base64.b64encode(SECRET), label="blank after the encoding"),
    form(FILE, b"Content-Transfer-Encoding: base64;x", content=base64.b64encode(SECRET), label="parameter of the encoding"),
    form(FILE, b'Content-Transfer-Encoding: "base64"', content=base64.b64encode(SECRET), label="quoted encoding"),
    form(b'Content-Disposition: form-data; name="f"', b"Content-Type: multipart/mixed; boundary=c", content=INNER, label="nested mixed"),
    form(FILE, b"Content-Type: multipart/mixed; boundary=c", content=INNER, label="nested mixed with a file name"),
    form(FILE, b"Content-Type: multipart/mixed; boundary=b", content=INNER.replace(b"--c", b"--b"), label="nested with one boundary"),
    form(b'Content-Disposition: form-data; name="f"', b"Content-Type: multipart/mixed", content=INNER, label="nested without boundary"),
    form(b'Content-Disposition: form-data; name="f"', b"Content-Type: message/rfc822", content=b"Subject: x\r\n\r\n" + SECRET, label="message in a part"),
)  # fmt: skip


def boundary(content_type: bytes, mark: bytes, label: str) -> Body:
    return Body(label, content_type, lines(b"--" + mark, FILE, b"", SECRET, b"--" + mark + b"--", b""))


BOUNDARIES = (
    boundary(b'multipart/form-data; boundary="b"', b"b", "quoted"),
    boundary(b'multipart/form-data; boundary="b c"', b"b c", "quoted, with a blank"),
    boundary(b"multipart/form-data; boundary=b c", b"b c", "bare, with a blank"),
    boundary(b"multipart/form-data; boundary=b c", b"b", "bare, up to the blank"),
    boundary(b'multipart/form-data; boundary="b\\"c"', b'b"c', "quoted quote"),
    boundary(b'multipart/form-data; boundary="b\\c"', b"bc", "quoted backslash taken away"),
    boundary(b'multipart/form-data; boundary="b\\c"', b"b\\c", "quoted backslash kept"),
    boundary(b'multipart/form-data; boundary="b;c"', b"b;c", "quoted semicolon"),
    boundary(b'multipart/form-data; boundary="b;c"', b'"b', "semicolon in quotes that nobody sees"),
    boundary(b"multipart/form-data; boundary=b,c", b"b", "up to the comma"),
    boundary(b"multipart/form-data; boundary=b,c", b"b,c", "comma"),
    boundary(b"multipart/form-data; boundary=b; boundary=c", b"b", "two, the first"),
    boundary(b"multipart/form-data; boundary=b; boundary=c", b"c", "two, the last"),
    boundary(b"multipart/form-data; boundary=b; BOUNDARY=c", b"c", "two, other case"),
    boundary(b"multipart/form-data; xboundary=b; boundary=c", b"b", "decoy that ends alike"),
    boundary(b"multipart/form-data; x=boundary=b; boundary=c", b"b", "decoy in a value"),
    boundary(b'multipart/form-data; x="boundary=b"; boundary=c', b"b", "decoy in a quoted value"),
    boundary(b"multipart/form-data; boundary*=UTF-8''b", b"b", "extended"),
    boundary(b"multipart/form-data; boundary=c; boundary*=UTF-8''b", b"b", "extended beside plain"),
    boundary(b"multipart/form-data; boundary*0=b; boundary*1=c", b"bc", "continued"),
    boundary(b"multipart/form-data; boundary = b", b"b", "blanks about the equals sign"),
    boundary(b"multipart/form-data;boundary=b;", b"b", "semicolon last"),
    boundary(b"multipart/form-data; boundary=b ", b"b", "blank last"),
    boundary(b"multipart/form-data, boundary=b", b"b", "comma for the semicolon"),
    boundary(b"multipart/form-data boundary=b", b"b", "no semicolon"),
    boundary(b"Multipart/Form-Data; Boundary=b", b"b", "capitals"),
    boundary(b"multipart/form-data", b"b", "no parameter"),
    boundary(b"multipart/form-data; boundary=", b"", "nothing"),
    boundary(b'multipart/form-data; boundary=""', b"", "nothing in quotes"),
    boundary(b"multipart/form-data; boundary=" + b"x" * 70, b"x" * 70, "70 bytes"),
    boundary(b"multipart/form-data; boundary=" + b"x" * 250, b"x" * 250, "250 bytes"),
    boundary(b"multipart/form-data; boundary=\xe4\xbd\xa0", b"\xe4\xbd\xa0", "other characters"),
    boundary(b"multipart/form-data; boundary='b'", b"'b'", "single quotes"),
    boundary(b"multipart/form-data; boundary=b--", b"b--", "ends in dashes"),
    boundary(b"multipart/form-data; boundary=--b", b"--b", "starts with dashes"),
    boundary(b"multipart/form-data; boundary=(b)", b"(b)", "comment"),
    boundary(b"multipart/x; boundary=b", b"b", "unknown subtype"),
    boundary(b"multipart/mixed; boundary=b", b"b", "mixed"),
    boundary(b"multipart/form-datax; boundary=b", b"b", "longer subtype"),
    boundary(b"text/plain; multipart/form-data; boundary=b", b"b", "as a parameter"),
    boundary(b"text/plain, multipart/form-data; boundary=b", b"b", "second of two types"),
    boundary(b"application/x-www-form-urlencoded; boundary=b", b"b", "labelled a form"),
    boundary(b"text/plain; boundary=b", b"b", "labelled text"),
    boundary(b"", b"b", "no label"),
    boundary(b" multipart/form-data; boundary=b", b"b", "blank first"),
    boundary(b"multipart/form-data\t;\tboundary=b", b"b", "tabs"),
    boundary(b"multipart /form-data; boundary=b", b"b", "blank before the slash"),
)  # fmt: skip

FORMS = tuple(
    Body(label, content_type, data)
    for label, content_type, data in (
        ("fields", URLENCODED, b"a=1&b=id+11010519491231002X"),
        ("percent", URLENCODED, b"a=%31%31%30105&%62=2"),
        ("semicolons", URLENCODED, b"a=1;b=11010519491231002X"),
        ("no equals sign", URLENCODED, b"11010519491231002X"),
        ("two equals signs", URLENCODED, b"a=b=11010519491231002X"),
        ("empty pairs", URLENCODED, b"&&a=1&&=2&=&"),
        ("damaged escape", URLENCODED, b"a=%zz%3&b=%"),
        ("blank", URLENCODED, b"a=id 11010519491231002X&b=1"),
        ("line ends", URLENCODED, b"a=1\r\n&b=id\r\n"),
        ("NUL", URLENCODED, b"a=1%00id&b\0=2"),
        ("UTF-8", URLENCODED, "a=合同&b=%E5%90%88".encode()),
        ("raw GBK", URLENCODED, b"a=" + "合同".encode("gbk")),
        ("percent GBK with label", URLENCODED + b"; charset=gbk", b"a=%BA%CF%CD%AC"),
        ("charset UTF-7", URLENCODED + b"; charset=utf-7", b"a=%2BADEAMQAwADEAMAA1-"),
        ("charset EBCDIC", URLENCODED + b"; charset=cp037", b"a=%F1%F1%F0%F1"),
        ("charset UTF-16", URLENCODED + b"; charset=utf-16", "a=1".encode("utf-16")),
        ("array", URLENCODED, b"a[]=1&a[]=id&b[x][y]=2"),
        ("quoted file", URLENCODED, b'--b\r\nContent-Disposition: form-data; name="f"\r\n\r\nx\r\n--b--'),
        ("JSON", URLENCODED, b'{"id": "11010519491231002X"}'),
        ("two labels", URLENCODED + b", multipart/form-data; boundary=b", b"a=1&b=2"),
        ("capitals", URLENCODED.upper(), b"a=id+1&b=2"),
        ("no label", b"", b"a=id+1&b=2"),
        ("labelled text", b"text/plain", b"a=id+1&b=2"),
        ("unicode escapes", URLENCODED, b"a=%u0031%u0031"),
        ("encoded separators", URLENCODED, b"a=1%26b%3D2"),
    )
)

NASTY = {
    f"{family}: {body.label}": body
    for family, bodies in (
        ("framing", FRAMING),
        ("headers", HEADERS),
        ("names", NAMES),
        ("coded", CODED),
        ("boundary", BOUNDARIES),
        ("urlencoded", FORMS),
    )
    for body in bodies
}
"""Name → body. Some of them every parser reads alike; most not."""
