"""The samples are what they say, and nobody's."""

import io
import zipfile
from urllib.parse import urlsplit

import pytest
import pyzipper
from stdnum.cn import ric

from gateway.demo.samples import CONTRACT, NEWS, PASSWORD, SAMPLES, aes_zip, docx, id_list, resident_id, zipped
from gateway.limits import MIB


def test_ten_uploads_to_three_services():
    assert [sample.name for sample in SAMPLES] == [
        "notice.txt",
        "screen.mp4",
        "roster.csv",
        "contract.docx",
        "contract-aes.zip",
        "contract-old.zip",
        "backup.zip",
        "report.docx",
        "roster.csv",
        "notes.txt",
    ]
    assert {urlsplit(sample.url).hostname for sample in SAMPLES} == {
        "qyapi.weixin.qq.com",
        "api.telegram.org",
        "d.pcs.baidu.com",
    }


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_every_sample_has_bytes_and_a_title_in_both_languages(sample):
    assert len(sample.make()) > 50
    assert all(sample.title[language] for language in ("zh", "en"))


@pytest.mark.parametrize("number", range(12))
def test_numbers_are_well_formed_and_differ(number):
    assert ric.is_valid(resident_id(number))
    assert resident_id(number) != resident_id(number + 1)


def test_list_has_ten_people():
    rows = id_list().decode("gb18030").splitlines()
    assert rows[0] == "姓名,身份证号,手机"
    assert len({row.split(",")[1] for row in rows[1:]}) == 10


def test_document_holds_every_line():
    with zipfile.ZipFile(io.BytesIO(docx(CONTRACT))) as archive:
        text = archive.read("word/document.xml").decode()
    assert all(line in text for line in CONTRACT.splitlines())


def test_encrypted_archive_opens_with_its_password_only():
    data = aes_zip("a.txt", NEWS.encode())
    with pyzipper.AESZipFile(io.BytesIO(data)) as archive:
        archive.setpassword(b"another")
        with pytest.raises(RuntimeError):
            archive.read("a.txt")
        archive.setpassword(PASSWORD)
        assert archive.read("a.txt") == NEWS.encode()


def test_old_encryption_opens_with_the_standard_library():
    (old,) = (sample for sample in SAMPLES if sample.name == "contract-old.zip")
    with zipfile.ZipFile(io.BytesIO(old.make())) as archive:
        assert archive.read("contract.docx", pwd=PASSWORD) == docx(CONTRACT)


def test_archives_lie_three_deep():
    (deep,) = (sample for sample in SAMPLES if sample.name == "backup.zip")
    data = deep.make()
    for name in ("a/b.zip", "c.zip", "contract.docx"):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            data = archive.read(name)
    assert data == docx(CONTRACT)


def test_recording_is_over_the_limit_of_messaging():
    (video,) = (sample for sample in SAMPLES if sample.name == "screen.mp4")
    assert len(video.make()) > 50 * MIB


def test_archive_of_nothing_is_one():
    with zipfile.ZipFile(io.BytesIO(zipped({}))) as archive:
        assert archive.namelist() == []
