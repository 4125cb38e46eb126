import unicodedata

from gateway.console.words_zh import WORDS


def test_chinese_strings_have_no_half_width_punctuation_between_characters():
    def is_han(character):
        return unicodedata.name(character, "").startswith("CJK UNIFIED")

    wrong = [
        text
        for text in WORDS.values()
        for before, mark, after in zip(text, text[1:], text[2:], strict=False)
        if mark in ",;:?!()" and is_han(before) and is_han(after)
    ]
    assert wrong == []
