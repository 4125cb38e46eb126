"""Markup without its tags."""

import time

import pytest

from gateway.content.markup import strip_markup


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        pytest.param("plain", "plain", id="no markup"),
        pytest.param("", "", id="empty"),
        pytest.param("1<b>38</b>0013<i>8</i>000", "13800138000", id="inline tags join"),
        pytest.param("<p>a</p><p>b</p>", "\na\n\nb\n", id="blocks part"),
        pytest.param("<tr><td>a</td><td>b</td></tr>", "\na\tb\t\n", id="cells keep their columns"),
        pytest.param("<TD>a</TD>", "a\t", id="upper case"),
        pytest.param("<svg:text>a</svg:text>", "\na\n", id="prefixes"),
        pytest.param("&#26426;&#x5BC6;&lt;&nbsp;", "机密<\xa0", id="entities"),
        pytest.param("&#99999999999999999999;x", ";x", id="a number no character has"),
        pytest.param("1<!-- c -->38", "138\n c ", id="comment joins, its words go aside"),
        pytest.param("a<!-- b", "a<!-- b", id="comment without an end"),
        pytest.param("<![CDATA[a<b]]>c", "<![CDATA[ac", id="CDATA with a tag in it"),
        pytest.param("<![CDATA[words]]>c", "wordsc", id="CDATA"),
        pytest.param("a < b > c", "a < b > c", id="signs that are no tags"),
        pytest.param("<p", "<p", id="tag without an end"),
        pytest.param("<!DOCTYPE html>x", "<!DOCTYPE html>x", id="declaration"),
        pytest.param('<img alt="secret">', "\nsecret", id="alternative text"),
        pytest.param("<input value='a' title=b data-name=\"c\">", "\n\na\nb\nc", id="attributes"),
        pytest.param('<a class="x" href="mailto:a@b.cn">t</a>', "t\nmailto:a@b.cn", id="link"),
        pytest.param('<a id="x">t</a>', "t", id="attributes without words"),
        pytest.param("<script>var a='138'</script>", "\nvar a='138'\n", id="scripts stay"),
        pytest.param("<p style='display:none'>hidden</p>", "\nhidden\n", id="hidden text stays"),
    ],
)
def test_strip_markup(markup, expected):
    assert strip_markup(markup) == expected


def test_long_markup_is_the_same_in_slices():
    row = "<tr><td>13<b>8</b></td><td title='t'>x</td></tr>"
    assert strip_markup(row * 60_000) == "\n138\tx\t\n" * 60_000 + "\n" + "\n".join(["t"] * 60_000)


@pytest.mark.parametrize(
    "unit", ["<", "<a ", "<!--", "<a title='", '<a title="x', "&#", "&#1", "<![CDATA[", "</", "<a =", "title="]
)
def test_hostile_markup_takes_linear_time(unit):
    def seconds(count):
        started = time.process_time()
        strip_markup(unit * count)
        strip_markup("<a " + unit * count + ">")
        return time.process_time() - started

    assert seconds(60_000) < 1.5
