"""Scrape configuration and alerts, by promtool's own word and against the catalogue and the runbook."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from gateway.yamlfile import load_yaml
from tests.support.promql import NAME, SERIES, strangers, wrong_labels

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "deploy" / "prometheus"
RUNBOOK = ROOT / "deploy" / "RUNBOOK.md"
RULES = [rule for group in load_yaml(str(FOLDER / "alerts.yaml")).value["groups"] for rule in group["rules"]]
IDS = [rule["alert"] for rule in RULES]


def promtool(*arguments):
    program = shutil.which("promtool")
    assert program, "promtool is missing (Debian package prometheus, deploy/system-packages.sh test)"
    return subprocess.run([program, *arguments], cwd=FOLDER, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(("check", "config", "prometheus.yaml"), id="config"),
        pytest.param(("check", "rules", "alerts.yaml"), id="rules"),
        pytest.param(("test", "rules", "alerts.test.yaml"), id="unit tests of the rules"),
    ],
)
def test_promtool_accepts(arguments):
    done = promtool(*arguments)

    assert done.returncode == 0, done.stdout + done.stderr


def test_promtool_would_refuse_a_broken_rule(tmp_path):
    broken = tmp_path / "alerts.yaml"
    broken.write_text((FOLDER / "alerts.yaml").read_text("utf-8").replace("for: 1m", "for: soon", 1), "utf-8")

    assert promtool("check", "rules", str(broken)).returncode != 0


def test_every_alert_fires_in_the_unit_tests():
    text = (FOLDER / "alerts.test.yaml").read_text("utf-8")

    assert set(re.findall(r'alertname="(\w+)"', text)) == set(IDS)


def test_alerts_have_different_names():
    assert len(set(IDS)) == len(IDS)


@pytest.mark.parametrize("rule", RULES, ids=IDS)
def test_an_alert_asks_for_what_there_is(rule):
    assert strangers(rule["expr"]) == set()
    assert list(wrong_labels(rule["expr"])) == []
    assert NAME.findall(rule["expr"]) or rule["alert"] == "SluiceDown"


@pytest.mark.parametrize("rule", RULES, ids=IDS)
def test_an_alert_says_in_both_languages_what_is_wrong(rule):
    notes = rule["annotations"]

    assert rule["labels"]["severity"] in {"warning", "critical"}
    assert set(notes) == {"summary", "summary_zh", "description", "description_zh", "runbook_url"}
    assert notes["summary"].isascii()
    assert notes["description"].isascii()
    for text in (notes["summary_zh"], notes["description_zh"]):
        assert re.search("[\u4e00-\u9fff]", text)
    assert "$labels.instance" in notes["summary"]
    assert "$labels.instance" in notes["summary_zh"]


@pytest.mark.parametrize("rule", RULES, ids=IDS)
def test_an_alert_leads_to_its_section_of_the_runbook(rule):
    assert rule["annotations"]["runbook_url"] == f"deploy/RUNBOOK.md#{rule['alert'].lower()}"
    assert re.search(rf"^### {rule['alert']}$", RUNBOOK.read_text("utf-8"), re.MULTILINE)


def test_the_runbook_has_no_section_of_an_alert_that_is_gone():
    assert re.findall(r"^### (Sluice\w+)$", RUNBOOK.read_text("utf-8"), re.MULTILINE) == IDS


def test_the_document_on_metrics_names_every_alert_and_no_other():
    text = (ROOT / "docs" / "metrics.md").read_text("utf-8")

    assert set(re.findall(r"\bSluice[A-Z]\w+", text)) == set(IDS)


@pytest.mark.parametrize("path", ["deploy/RUNBOOK.md", "docs/metrics.md", "deploy/prometheus/alerts.test.yaml"])
def test_documents_name_only_metrics_that_exist(path):
    assert strangers((ROOT / path).read_text("utf-8")) == set()


def test_the_check_on_names_would_see_a_stranger():
    assert strangers('rate(sluice_transfers[5m]) + sluice_upload_hold_seconds_bucket{le="1"}') == {"sluice_transfers"}
    assert list(wrong_labels('sum by (host) (sluice_blocked_total{user="x"})')) == [
        "sluice_blocked_total{user}",
        "host",
    ]
    assert "sluice_upload_hold_seconds_sum" in SERIES


def test_queries_in_the_document_are_queries(tmp_path):
    text = (ROOT / "docs" / "metrics.md").read_text("utf-8")
    queries = re.findall(r"^\| [^|`]+\? \| `([^`]+)` \|$", text, re.MULTILINE)
    rules = tmp_path / "rules.yaml"
    lines = [f"      - {{record: 'q:{n}', expr: '{query}'}}" for n, query in enumerate(queries)]
    rules.write_text("groups:\n  - name: q\n    rules:\n" + "\n".join(lines) + "\n", "utf-8")
    done = promtool("check", "rules", str(rules))

    assert len(queries) == 6
    assert done.returncode == 0, done.stderr
    assert [problem for query in queries for problem in wrong_labels(query)] == []
