import pytest

from gateway.detect.identifiers.names import PERSON_NAME
from tests.samples.detection import matches, values


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("姓名：张三", {"张三"}, id="two characters"),
        pytest.param("姓名：张三 性别：男", {"张三"}, id="next label behind a blank"),
        pytest.param("联系人: 李 四，", {"李四"}, id="blank inside"),
        pytest.param("收件人是欧阳修远", {"欧阳修远"}, id="four characters"),
        pytest.param('"姓名": "王小明"', {"王小明"}, id="JSON"),
        pytest.param("姓名\t赵云", {"赵云"}, id="cell"),
        pytest.param("姓名：必填", set(), id="no surname"),
        pytest.param("姓名：张三李四王五赵六", set(), id="too long"),
        pytest.param("姓名 张三", set(), id="no sign between"),
        pytest.param("张三", set(), id="no label"),
    ],
)
def test_name(text, expected):
    assert values(PERSON_NAME, text) == expected


def test_name_is_a_person():
    assert [match.person for match in matches(PERSON_NAME, "姓名：张三")] == ["name:张三"]
