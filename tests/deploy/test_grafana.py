"""The dashboard and how Grafana finds it."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from gateway.yamlfile import load_yaml
from tests.support.promql import NAME, SERIES, strangers, wrong_labels

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "deploy" / "grafana"
DASHBOARD = json.loads((FOLDER / "dashboards" / "sluice.json").read_text("utf-8"))
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
TARGETS = [(panel, target) for panel in PANELS for target in panel["targets"]]
IDS = [f"{panel['id']}{target['refId']}" for panel, target in TARGETS]


@pytest.mark.parametrize(("panel", "target"), TARGETS, ids=IDS)
def test_a_panel_asks_for_what_there_is(panel, target):
    assert strangers(target["expr"]) == set()
    assert list(wrong_labels(target["expr"])) == []
    assert target["datasource"] == panel["datasource"] == {"type": "prometheus", "uid": "prometheus"}
    assert 'instance=~"$instance"' in target["expr"] or "up{" in target["expr"]


@pytest.mark.parametrize(("panel", "target"), TARGETS, ids=IDS)
def test_a_legend_shows_a_label_that_the_query_keeps(panel, target):
    for label in re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]):
        assert re.search(rf"by \([^()]*\b{label}\b[^()]*\)", target["expr"])


def test_promtool_can_parse_every_query(tmp_path):
    rules = tmp_path / "rules.yaml"
    lines = []
    for number, (_, target) in enumerate(TARGETS):
        query = target["expr"].replace("$__rate_interval", "5m").replace("$instance", ".*")
        lines.append(f"      - {{record: 'panel:{number}', expr: {json.dumps(query)}}}")
    rules.write_text("groups:\n  - name: q\n    rules:\n" + "\n".join(lines) + "\n", "utf-8")
    done = subprocess.run(
        [shutil.which("promtool"), "check", "rules", rules], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr


def test_every_metric_is_shown():
    asked = {name for _, target in TARGETS for name in NAME.findall(target["expr"])}
    whole = {name.removesuffix(suffix) for name in SERIES for suffix in ("_bucket", "_sum", "_count")}
    families = {name for name in SERIES if not name.endswith(("_bucket", "_sum", "_count"))} | (
        whole & {name.removesuffix("_bucket") for name in SERIES if name.endswith("_bucket")}
    )

    assert families - {name.removesuffix("_bucket") for name in asked} == set()


def test_variables_in_queries_are_defined():
    defined = {variable["name"] for variable in DASHBOARD["templating"]["list"]}
    (variable,) = DASHBOARD["templating"]["list"]

    assert defined == {"instance"}
    assert strangers(variable["definition"]) == set()
    for _, target in TARGETS:
        assert set(re.findall(r"\$(\w+)", target["expr"])) <= defined | {"__rate_interval"}


def test_panels_lie_beside_each_other_and_have_ids_of_their_own():
    taken = {}
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                assert taken.setdefault((x, y), panel["id"]) == panel["id"]
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)


def test_titles_are_in_both_languages():
    for panel in DASHBOARD["panels"]:
        assert re.search("[A-Za-z].* · .*[\u4e00-\u9fff]", panel["title"])


def test_grafana_finds_source_and_dashboard():
    (source,) = load_yaml(str(FOLDER / "provisioning/datasources/prometheus.yaml")).value["datasources"]
    (provider,) = load_yaml(str(FOLDER / "provisioning/dashboards/sluice.yaml")).value["providers"]
    mounts = YAML(typ="safe").load(ROOT / "deploy/compose.yaml")["services"]["grafana"]["volumes"]

    assert (source["uid"], source["type"], source["url"]) == ("prometheus", "prometheus", "http://prometheus:9090")
    assert f"./grafana/dashboards:{provider['options']['path']}:ro" in mounts
    assert (FOLDER / "dashboards" / "sluice.json").is_file()
