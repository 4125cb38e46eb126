"""Steps of uploads in the shipped catalogue: the protocols that must be known, and what every step needs to be of use."""

import pytest

from gateway.destinations.catalogue import load_catalogue
from gateway.settings import PACKAGE_DIR

SERVICES = load_catalogue([PACKAGE_DIR / "destinations" / "data"]).services
SPLITS = {
    f"{service.id}/{endpoint.id}": endpoint.split
    for service in SERVICES.values()
    for endpoint in service.endpoints
    if endpoint.split
}


@pytest.mark.parametrize(
    ("names", "steps"),
    [
        pytest.param(["aws_s3/init", "aws_s3/part", "aws_s3/complete"], "init chunk finish", id="S3"),
        pytest.param(["aliyun_oss/init", "aliyun_oss/part", "aliyun_oss/complete"], "init chunk finish", id="OSS"),
        pytest.param(["tencent_cos/init", "tencent_cos/part", "tencent_cos/complete"], "init chunk finish", id="COS"),
        pytest.param(["huawei_obs/init", "huawei_obs/part", "huawei_obs/complete"], "init chunk finish", id="OBS"),
        pytest.param(["gcs/json_start", "gcs/json_part"], "init chunk", id="GCS"),
        pytest.param(["google_drive/drive_start", "google_drive/drive_chunk"], "init chunk", id="Drive"),
        pytest.param(["google_drive/photos_start", "google_drive/photos_chunk"], "init chunk", id="Photos"),
        pytest.param(["gmail/api_start", "gmail/api_chunk"], "init chunk", id="Gmail"),
        pytest.param(["youtube/api_start", "youtube/api_chunk"], "init chunk", id="YouTube"),
        pytest.param(["gemini/api_file", "gemini/api_file_chunk"], "init chunk", id="Gemini"),
        pytest.param(["onedrive_sharepoint/graph_session", "sharepoint/put_range"], "init chunk", id="Graph"),
        pytest.param(["onedrive_personal/create_session", "onedrive_personal/put_range"], "init chunk", id="OneDrive"),
        pytest.param(["outlook_mail/attachment_init", "outlook_mail/attachment_session"], "init chunk", id="mail"),
        pytest.param(
            ["dropbox/session_start", "dropbox/session_append", "dropbox/session_finish"], "init chunk finish", id="Dropbox"
        ),
        pytest.param(["box/session", "box/part", "box/commit"], "init chunk finish", id="Box"),
        pytest.param(["generic/tus_create", "generic/tus_part", "generic/tus_status"], "init chunk status", id="tus"),
        pytest.param(["generic/nextcloud_part", "generic/nextcloud_finish"], "chunk finish", id="Nextcloud"),
        pytest.param(
            ["feishu/drive_prepare", "feishu/drive_part", "feishu/drive_finish"], "init chunk finish", id="Feishu"
        ),
        pytest.param(["lark/drive_prepare", "lark/drive_part", "lark/drive_finish"], "init chunk finish", id="Lark"),
        pytest.param(
            ["dingtalk/upload_transaction", "dingtalk/upload_chunk", "dingtalk/upload_commit"],
            "init chunk finish",
            id="DingTalk transaction",
        ),
        pytest.param(
            ["dingtalk/storage_init", "dingtalk/storage_put", "dingtalk/storage_commit"],
            "init whole finish",
            id="DingTalk storage",
        ),
        pytest.param(["wecom/wedrive_init", "wecom/wedrive_part", "wecom/wedrive_finish"], "init chunk finish", id="WeDrive"),
        pytest.param(
            ["baidu_netdisk/precreate", "baidu_netdisk/superfile2", "baidu_netdisk/create"], "init chunk finish", id="Baidu"
        ),
        pytest.param(
            ["aliyun_drive/create", "aliyun_drive/put", "aliyun_drive/complete"], "init chunk finish", id="Aliyun Drive"
        ),
        pytest.param(["drive_115/init", "drive_115/put"], "init whole", id="115"),
        pytest.param(["drive_123/create", "drive_123/slice", "drive_123/complete"], "init chunk finish", id="123"),
        pytest.param(["quark_drive/pre", "quark_drive/part", "quark_drive/finish"], "init chunk finish", id="Quark"),
        pytest.param(["drive_139/create", "drive_139/complete"], "init finish", id="139"),
        pytest.param(["slack/get_upload_url", "slack/put_bytes", "slack/complete"], "init whole finish", id="Slack"),
        pytest.param(["wechat_web/uploadmedia"], "chunk", id="web WeChat"),
        pytest.param(["discord/attach_init", "discord/attach_put"], "init whole", id="Discord"),
        pytest.param(["wetransfer/file", "wetransfer/storm_part", "wetransfer/file_finish"], "init chunk finish", id="WeTransfer"),
        pytest.param(["github/web_policy", "github/web_s3"], "init whole", id="GitHub"),
        pytest.param(["github/lfs_batch", "github/lfs_put"], "init whole", id="LFS"),
        pytest.param(
            ["chatgpt/web_file_init", "chatgpt/web_file_put", "chatgpt/web_file_done"], "init whole finish", id="ChatGPT"
        ),
        pytest.param(["kimi/presign", "kimi/web_file"], "init finish", id="Kimi"),
        pytest.param(["icloud/docws_init", "icloud/content_put", "icloud/update"], "init whole finish", id="iCloud"),
    ],
)  # fmt: skip
def test_the_protocol_is_known(names, steps):
    assert [SPLITS[name].step for name in names] == steps.split()


def test_an_announcement_whose_answer_names_nothing_shares_a_key_with_its_pieces():
    """Pieces would not find it otherwise; S3 names the upload in XML, which its pieces then carry in the query."""
    silent = {
        name for name, split in SPLITS.items() if split.step == "init" and not split.gives and not split.gives_url
    }
    assert {name.partition("/")[2] for name in silent} == {"init", "path_init"}


def test_only_what_the_protocol_can_say_truthfully_is_answered_by_the_gateway():
    answers = {name: split.answer for name, split in SPLITS.items() if split.answer}
    assert set(answers.values()) == {"google-308", "graph-202", "tus-204"}
    assert not [name for name in answers if SPLITS[name].step != "chunk"]
