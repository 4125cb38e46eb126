"""What is known of an upload, and what nobody has said yet."""

from gateway.uploads.state import Facts, State, Upload


def test_an_upload_of_which_nothing_is_known():
    upload = Upload("u", "li", Facts())
    assert (upload.state, upload.facts.size_bytes, upload.facts.name, upload.complete) == (State.OPEN, -1, "", False)
    assert (upload.stored_bytes, upload.content_bytes, upload.conflict, upload.became_complete) == (0, 0, False, False)


def test_states_are_their_words():
    assert [state.value for state in State] == ["open", "passed", "refused"]
