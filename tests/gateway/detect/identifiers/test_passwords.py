import pytest

from gateway.detect.identifiers.passwords import CONNECTION_STRING, MESSAGE_PASSWORD, PASSWORD
from tests.samples.detection import odds, values


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param('password = "hunter2-Blue"', "hunter2-Blue", id="quoted"),
        pytest.param("db_password='correcthorsebattery'", "correcthorsebattery", id="quoted words"),
        pytest.param("PASSWD=Tr0ub4dor", "Tr0ub4dor", id="environment"),
        pytest.param('{"pwd": "s3cr3tValue"}', "s3cr3tValue", id="JSON"),
        pytest.param("password := `x`; password: Qwe123!@#", "Qwe123!@#", id="YAML"),
        pytest.param("<password>Zx9!kk21</password>", "Zx9!kk21", id="XML"),
        pytest.param("tool --password Abc_12345", "Abc_12345", id="option"),
    ],
)
def test_password(text, value):
    assert values(PASSWORD, text) == {value}


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("password: str", id="type"),
        pytest.param("password = get_password()", id="call"),
        pytest.param("password = settings.password", id="attribute"),
        pytest.param("password = None", id="none"),
        pytest.param("password=${PASSWORD}", id="shell variable"),
        pytest.param("password: {{ password }}", id="template"),
        pytest.param('password = "your_password"', id="yours"),
        pytest.param('password = "changeme"', id="change me"),
        pytest.param('password = "********"', id="stars"),
        pytest.param('password = "aaaaaa"', id="one letter"),
        pytest.param("password: correct", id="a word"),
        pytest.param("--password $SECRET", id="option, variable"),
        pytest.param("--password secret", id="option, placeholder"),
        pytest.param("--password prompting", id="option, a word"),
        pytest.param("the password field", id="prose"),
        pytest.param('"OLDPWD": "/home/user/project1"', id="working directory"),
        pytest.param("PWD=/home/user/project1", id="working directory, shell"),
        pytest.param("cat /etc/passwd > /dev/null2", id="redirection"),
        pytest.param("password = base64.b16encode(data)", id="call with digits"),
        pytest.param("passphrase: :py:data:`bytes`", id="markup"),
    ],
)
def test_no_password(text):
    assert values(PASSWORD, text) == set()


def test_plain_words_are_less_sure():
    assert odds(PASSWORD, 'password = "hunter2-Blue"') == 0.8
    assert odds(PASSWORD, 'password = "correcthorse"') == pytest.approx(0.56)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("postgres://app:s3cr3t-Pw@db:5432/main", {"s3cr3t-Pw"}, id="URL"),
        pytest.param("https://me:Tok3nTok3n@git.example.com/r.git", {"Tok3nTok3n"}, id="git"),
        pytest.param("redis://:p4ssw0rd99@10.0.0.5:6379", {"p4ssw0rd99"}, id="no user"),
        pytest.param("Server=db1;Database=crm;User=sa;Password=Str0ng!Pw;", {"Str0ng!Pw"}, id="ADO"),
        pytest.param("postgres://user:password@db/main", set(), id="placeholder"),
        pytest.param("postgres://user:<pass>@db/main", set(), id="template"),
        pytest.param("http://example.com:80/a@b", set(), id="port"),
        pytest.param("a;password=;b", set(), id="nothing"),
    ],
)
def test_connection_string(text, expected):
    assert values(CONNECTION_STRING, text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("密码是 Abc123!", {"Abc123!"}, id="is"),
        pytest.param("解压密码：2024report", {"2024report"}, id="colon"),
        pytest.param("提取码: x7k2", {"x7k2"}, id="share"),
        pytest.param("口令改为「Moon-77」", {"Moon-77"}, id="changed, quoted"),
        pytest.param("密码为778899.", {"778899"}, id="digits, end of a sentence"),
        pytest.param("The password for report.zip is Blue-Horse-7.", {"Blue-Horse-7"}, id="English"),
        pytest.param("密码是什么", set(), id="question"),
        pytest.param("密码：******", set(), id="stars"),
        pytest.param("密码是password", set(), id="placeholder"),
        pytest.param("密码是abc.", set(), id="short"),
        pytest.param("the password is required", set(), id="English prose"),
        pytest.param("(password is None) and", set(), id="code"),
    ],
)
def test_message_password(text, expected):
    assert values(MESSAGE_PASSWORD, text) == expected
