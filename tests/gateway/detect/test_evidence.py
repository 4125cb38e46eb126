import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.detect.evidence import mask


@pytest.mark.parametrize(
    ("value", "kind", "masked"),
    [
        pytest.param("11010519491231002X", "number", "**************002X", id="resident ID"),
        pytest.param("4111111111111111", "number", "************1111", id="card"),
        pytest.param("E12345678", "number", "*******78", id="passport"),
        pytest.param("12345", "number", "*****", id="short number"),
        pytest.param("", "number", "***", id="empty number"),
        pytest.param("13800138000", "mobile", "*******8000", id="mobile"),
        pytest.param("1380", "mobile", "****", id="short mobile"),
        pytest.param("zhang.san@example.com", "email", "***@example.com", id="e-mail"),
        pytest.param("no-at-sign", "email", "***", id="no e-mail"),
        pytest.param("AKIAIOSFODNN7EXAMPLE", "secret", "AKIA***", id="key with a public prefix"),
        pytest.param("github_pat_11AAAA", "secret", "***", id="key without one"),
        pytest.param("-----BEGIN", "secret", "----***", id="PEM"),
        pytest.param("eyJ1234", "secret", "eyJ***", id="short prefix"),
        pytest.param("AKIA", "secret", "***", id="nothing but the prefix"),
        pytest.param("张三", "name", "张*", id="name"),
        pytest.param("浙江省杭州市西湖区文三路478号", "name", "浙*******", id="address"),
        pytest.param("张", "name", "***", id="one character"),
        pytest.param("内部资料", "word", "内***", id="word"),
        pytest.param("绝密", "none", "", id="nothing"),
    ],
)
def test_mask(value, kind, masked):
    assert mask(value, kind) == masked


@given(
    st.text(alphabet=st.characters(exclude_characters="*"), min_size=1, max_size=60),
    st.sampled_from(["number", "mobile", "email", "secret", "name", "word", "none"]),
)
def test_a_mask_never_holds_the_value(value, kind):
    masked = mask(value, kind)
    assert value not in masked
    kept = masked.replace("*", "") if kind != "email" else masked.partition("@")[0].replace("*", "")
    assert len(kept) <= 4
