from gateway.wire.frames.pings import MAX_PINGS, Pings


def test_the_server_sees_a_number_and_the_client_its_own_bytes():
    pings = Pings()
    sent = [pings.from_client(payload) for payload in (b"11010519491231002X", b"", b"b")]
    assert sent == [(number).to_bytes(8) for number in (1, 2, 3)]
    assert [pings.answer_of_server(number) for number in (sent[2], sent[0], sent[1])] == [
        b"b",
        b"11010519491231002X",
        b"",
    ]


def test_an_answer_to_nothing_is_none():
    pings = Pings()
    number = pings.from_client(b"a")
    assert pings.answer_of_server(b"b") is None
    assert pings.answer_of_server(number) == b"a"
    assert pings.answer_of_server(number) is None


def test_a_client_answers_what_it_was_asked_and_once():
    pings = Pings()
    pings.from_server(b"q")
    pings.from_server(b"")
    answers = (b"made up", b"q", b"q", b"")
    assert [pings.is_answer_of_client(answer) for answer in answers] == [False, True, False, True]


def test_the_oldest_are_forgotten():
    pings = Pings()
    for number in range(MAX_PINGS + 1):
        pings.from_client(b"%d" % number)
        pings.from_server(b"%d" % number)
    assert pings.answer_of_server((1).to_bytes(8)) is None
    assert pings.answer_of_server((2).to_bytes(8)) == b"1"
    assert not pings.is_answer_of_client(b"0")
    assert pings.is_answer_of_client(b"1")
