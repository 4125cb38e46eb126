from gateway.console.titles import Titles
from gateway.settings import Settings


def test_names_of_what_ships():
    titles = Titles(Settings().catalogue)
    assert [titles.service("wecom", language) for language in ("zh", "en")] == ["企业微信", "WeCom"]
    assert titles.signature("cn.resident-id", "zh") == "居民身份证号"


def test_what_has_no_name_stands_for_itself(tmp_path):
    broken = tmp_path / "broken.yaml"
    broken.write_text("services: 1\n")
    titles = Titles([broken])
    assert titles.service("wecom", "zh") == "wecom"
    assert titles.signature("own.rule", "en") == "own.rule"
