from addons.conversation import Message
from gateway.spool import Spool


def test_a_message_is_refused_until_somebody_says_otherwise(tmp_path):
    message = Message(Spool(str(tmp_path)), is_text=True)
    assert (message.may_leave, message.close) == (False, (1011, "not inspected"))
