"""`sluice check`: what is right is said in four lines, what is wrong all at once, whichever files it stands in."""

import os
import shutil
from pathlib import Path

import pytest

from gateway.cli.check import FAILED, FINE, WRONG, begin_check, check_all, end_check, say_check, what_is_right
from gateway.errors import ConfigError
from gateway.policy.kept import Kept
from gateway.policy.load import EMBEDDED

DEFAULT_POLICY = Path("gateway/policy/data/default.yaml").resolve()
SIGNATURES = Path("signatures").resolve()


@pytest.fixture(scope="module")
def state(tmp_path_factory):
    """A state directory for all tests, so that signatures are compiled once."""
    state = tmp_path_factory.mktemp("state")
    (state / "run").mkdir()
    return state


@pytest.fixture(autouse=True)
def _shared_state(folder, state):
    (folder / "var").symlink_to(state)


def problems(config) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        check_all(str(config))
    return [str(problem) for problem in caught.value.problems]


@pytest.fixture
def policy(folder):
    """A copy of the shipped policy with something replaced in it."""

    def write(old: str = "", new: str = "") -> Path:
        text = DEFAULT_POLICY.read_text("utf-8")
        assert old in text
        (folder / "policy.yaml").write_text(text.replace(old, new, 1), "utf-8")
        return folder / "policy.yaml"

    return write


@pytest.fixture
def signatures(folder):
    """A copy of two shipped signatures and one file of rules."""
    for name in ("identifiers/us.ssn.yaml", "identifiers/iban.yaml", "yara/keys.yar", "yara/keys.cases.yaml"):
        (folder / "own" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(SIGNATURES / name, folder / "own" / name)
    return folder / "own"


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")


def test_embedded_default_is_fine(sluice):
    done = sluice("check")
    assert (done.code, done.err) == (0, "")
    assert done.lines[0] == f"settings   {EMBEDDED}: fine"
    assert done.lines[1].startswith(f"policy     {EMBEDDED}: ")
    assert [line.split()[0] for line in done.lines] == ["settings", "policy", "signatures", "catalogue"]


def test_settings_file_of_the_working_directory_is_used(sluice, config, policy):
    config(policy=policy())
    done = sluice("check")
    assert done.lines[0] == "settings   ./sluice.yaml: fine"
    assert done.lines[1].startswith(f"policy     {policy()}: ")
    assert sluice("check", "--config", config()).lines[0] == f"settings   {config()}: fine"


def test_every_file_is_looked_at_though_the_settings_are_wrong(folder, config, policy, signatures):
    replace(signatures / "identifiers" / "us.ssn.yaml", "severity:", "severty:")
    replace(signatures / "yara" / "keys.yar", "condition:", "conditon:")
    (folder / "more.yaml").write_text("services:\n  - nonsense: 1\n", "utf-8")
    (folder / "users.yaml").write_text("users:\n  - name: li.si\n    role: boss\n", "utf-8")
    path = config(
        listen=8080,
        policy=policy("action: block", "action: blok"),
        signatures=["own"],
        catalogue=["more.yaml"],
        identity={"users": "users.yaml", "proxy_auth": "off"},
    )
    found = problems(path)
    for place in (
        f"{path}:1: listen: not an address",
        f"{folder}/policy.yaml:",
        f"{signatures}/identifiers/us.ssn.yaml:",
        f"{signatures}/yara/keys.yar:",
        f"{folder}/more.yaml:",
        f"{folder}/users.yaml:3: users.0.role:",
    ):
        assert any(line.startswith(place) for line in found), (place, found)
    assert len(found) == len(set(found))


def test_detector_that_is_none_is_named(config, signatures):
    replace(signatures / "identifiers" / "us.ssn.yaml", "detector: ", "detector: no")
    (found,) = problems(config(signatures=["own"]))
    assert found.startswith(f"{signatures}/identifiers/us.ssn.yaml:")
    assert "detector: " in found


def test_good_signatures_are_looked_at_though_others_cannot_be_read(config, signatures):
    """The second fault shows only when signatures are put together, which broken files would keep from happening."""
    replace(signatures / "identifiers" / "us.ssn.yaml", "severity:", "severty:")
    replace(signatures / "identifiers" / "iban.yaml", "detector: ", "detector: no")
    replace(signatures / "yara" / "keys.cases.yaml", "find:", "fnd:")
    twin = signatures / "documents" / "twin.yaml"
    twin.parent.mkdir()
    twin.write_text((signatures / "identifiers" / "iban.yaml").read_text("utf-8"), "utf-8")
    found = problems(config(signatures=["own"]))
    assert [line.split(":")[0].removeprefix(f"{signatures}/") for line in found] == sorted(
        line.split(":")[0].removeprefix(f"{signatures}/") for line in found
    )
    for place in ("identifiers/us.ssn.yaml", "identifiers/iban.yaml", "yara/keys.cases.yaml"):
        assert any(line.startswith(f"{signatures}/{place}:") for line in found), (place, found)
    assert not [line for line in found if "/tmp" in line.replace(str(signatures), "")]


def test_signatures_none_of_which_can_be_read(config, signatures):
    for path in (signatures / "identifiers").iterdir():
        path.write_text("name: [\n")
    shutil.rmtree(signatures / "yara")
    found = problems(config(signatures=["own"]))
    assert len([line for line in found if ".yaml:" in line]) == len(found) == 2


def test_compiled_signatures_are_kept_for_the_start(folder, config, signatures):
    (folder / "state" / "run").mkdir(parents=True)
    check_all(str(config(signatures=["own"], state_dir="state")))
    assert list((folder / "state" / "run" / "compiled").iterdir())


def test_policy_is_held_against_the_installed_signatures(folder, config, policy):
    path = config(policy=policy("signature: [", "signature: [made.up, "))
    assert any("made.up" in line and line.startswith(f"{folder}/policy.yaml:") for line in problems(path))


def test_failed_case_of_the_policy_has_its_line(config, policy):
    path = policy()
    lines = path.read_text("utf-8").splitlines()
    at = next(index for index in range(lines.index("cases:"), len(lines)) if "action: block" in lines[index])
    lines[at] = lines[at].replace("action: block", "action: allow")
    path.write_text("\n".join(lines), "utf-8")
    (found,) = problems(config(policy=path))
    file, line, message = found.split(":", 2)
    assert file == str(path)
    assert lines[int(line) - 1].lstrip().startswith("- ")
    assert message.startswith(" cases: FAILED: ")


OWN_RULE = """  - id: own.rule
    when: {destination: {service: nobody-there}}
    action: block
    basis: ["S001-3.3#2"]
    says: {zh: 不能发送。, en: It may not be sent.}
    guidance: {zh: 请联系。, en: Please ask.}
    owner: it
    since: 2026-12-01
"""


def test_rule_that_stops_and_has_no_case_is_a_problem(config, policy):
    path = policy("rules:\n", "rules:\n" + OWN_RULE.replace("service: nobody-there", "service: wecom"))
    (found,) = problems(config(policy=path))
    assert found.startswith(f"{path}:63: rules 'own.rule': no case shows what it does; ")


def test_service_that_the_catalogue_does_not_know_is_a_problem(config, policy):
    (found,) = problems(config(policy=policy("rules:\n", "rules:\n" + OWN_RULE)))
    assert ": rules 'own.rule': when.destination.service.0: no service 'nobody-there' in the catalogue" in found


def test_what_is_worth_a_look_is_noted(sluice, config, policy):
    own = OWN_RULE.replace("service: nobody-there", "service: wecom").replace("basis:", "mode: monitor\n    basis:")
    path = policy("rules:\n", "rules:\n" + own)
    done = sluice("check", "--config", config(policy=path))
    assert (done.code, done.lines[2]) == (
        0,
        f"note       {path}:63: rules 'own.rule': no case shows what it does; write one",
    )


def test_what_was_judged_is_kept_only_when_a_reload_asks(sluice, config, policy, folder):
    path, kept = policy("busy: block", "busy: hold"), Kept(folder / "var")
    sluice("check", "--config", config(policy=path))
    assert kept.in_force() == ""
    assert sluice("check", "--keep", "--config", config(policy=path)).code == 0
    digest = kept.in_force()
    assert (kept.text(digest), kept.load(digest).digest) == (path.read_text("utf-8"), digest)
    assert sluice("check", "--keep", "--config", config(policy=policy("action: block", "action: blok"))).code == 2
    assert kept.in_force() == digest


def test_database_of_countries_is_opened(folder, config):
    (folder / "geo.mmdb").write_bytes(b"no database")
    assert any("geo.mmdb" in line for line in problems(config(geo={"database": "geo.mmdb"})))


@pytest.mark.parametrize("text", ["listen: [", "- a list"], ids=["no YAML", "no mapping"])
def test_file_that_is_no_settings_at_all(folder, text):
    (folder / "sluice.yaml").write_text(text)
    found = problems(folder / "sluice.yaml")
    assert [line.split(" ")[0] for line in found] in ([f"{folder}/sluice.yaml:1:"], [f"{folder}/sluice.yaml:2:"])


def test_what_is_right_is_kept(folder, config, policy, monkeypatch):
    (folder / "other").mkdir()
    config(policy=policy(), signatures=["nowhere"], identity={"users": 1}, listen=1)
    right = what_is_right(None)
    assert (right.policy, right.identity.users) == (policy(), None)
    assert right.signatures == what_is_right(str(folder / "none.yaml")).signatures
    monkeypatch.setenv("SLUICE__SIGNATURES", "[other]")
    monkeypatch.setenv("SLUICE__POLICY", "[")
    monkeypatch.setenv("SLUICE__IDENTITY__USERS", "other")
    right = what_is_right(None)
    assert (right.signatures, right.policy, right.identity.users) == ((folder / "other",), None, folder / "other")


def test_environment_alone(folder, monkeypatch, policy):
    monkeypatch.setenv("SLUICE__POLICY", str(policy()))
    assert what_is_right(None).policy == policy()


@pytest.mark.parametrize(("given", "code"), [({}, FINE), ({"workrs": 1}, WRONG)], ids=["fine", "wrong"])
def test_check_beside_the_start(config, capfd, given, code):
    path = str(config(**given))
    assert say_check(path) == code
    told = capfd.readouterr().err
    assert ("workrs" in told) is bool(given)
    assert end_check(begin_check(path)) == code
    assert capfd.readouterr().err == told


def test_check_that_breaks_is_no_fine_one(config, capfd, monkeypatch):
    monkeypatch.setattr("gateway.cli.check.say_check", lambda path: 1 // 0)
    assert end_check(begin_check(None)) == FAILED
    assert "ZeroDivisionError" in capfd.readouterr().err


def test_check_that_is_killed_is_no_fine_one(monkeypatch):
    monkeypatch.setattr("gateway.cli.check.say_check", lambda path: os.kill(os.getpid(), 9))
    assert end_check(begin_check(None)) == FAILED
