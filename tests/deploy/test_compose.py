"""The compose file: what it mounts exists, its ports are those of the settings, every service is closed."""

import re
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from gateway.config import load_settings
from gateway.setting_values import parse_address
from gateway.supervisor import STOP_S
from gateway.yamlfile import load_yaml, parse_yaml

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
COMPOSE = YAML(typ="safe").load(DEPLOY / "compose.yaml")
SERVICES = COMPOSE["services"]
GATEWAY = SERVICES["gateway"]
EXAMPLE = load_yaml(str(DEPLOY / "sluice.example.yaml")).value
GIB = 1024**3


def published(service):
    """Container port → (address, port) on the machine."""
    found = {}
    for text in SERVICES[service]["ports"]:
        *address, port, inside = text.split(":")
        found[int(inside)] = ("".join(address) or "0.0.0.0", int(port))
    return found


def test_services():
    assert set(SERVICES) == {"gateway", "prometheus", "grafana"}


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_a_service_is_closed(name):
    service = SERVICES[name]

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["restart"] == "unless-stopped"
    assert all("noexec" in mount and "size=" in mount for mount in service["tmpfs"])
    assert service["mem_limit"]
    assert service["cpus"]
    assert service["pids_limit"]
    assert service["healthcheck"]["test"][0] == "CMD"
    assert not {"privileged", "cap_add", "network_mode", "pid", "devices"} & set(service)


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_an_image_has_a_name_and_a_version_and_no_registry(name):
    assert re.fullmatch(r"(?:[a-z]+/)?[a-z]+:v?\d+\.\d+\.\d+", SERVICES[name]["image"])


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_what_is_mounted_exists_and_is_read_only_unless_it_is_a_volume(name):
    for mount in SERVICES[name]["volumes"]:
        source, target, *mode = mount.split(":")
        assert target.startswith("/")
        if source.startswith("."):
            assert (DEPLOY / source).exists(), source
            assert mode == ["ro"]
        else:
            assert source in COMPOSE["volumes"]


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_networks_are_defined(name):
    assert set(SERVICES[name]["networks"]) <= set(COMPOSE["networks"])


def test_the_image_is_built_from_the_containerfile():
    build = GATEWAY["build"]

    assert (DEPLOY / build["context"] / build["dockerfile"]).resolve() == DEPLOY / "Containerfile"


def test_ports_agree_with_the_example_settings():
    proxy, console, metrics = (
        parse_address(text).port
        for text in (EXAMPLE["listen"], EXAMPLE["console"]["listen"], EXAMPLE["metrics"]["listen"])
    )

    assert published("gateway") == {proxy: ("0.0.0.0", 8080), console: ("127.0.0.1", 8081)}
    assert f":{console}/readyz" in GATEWAY["healthcheck"]["test"][-1]
    assert GATEWAY["environment"]["SLUICE__CONSOLE__LISTEN"] == f"0.0.0.0:{console}"
    assert GATEWAY["environment"]["SLUICE__METRICS__LISTEN"] == f"0.0.0.0:{metrics}"
    (job,) = load_yaml(str(DEPLOY / "prometheus" / "prometheus.yaml")).value["scrape_configs"]
    assert (job["job_name"], job["static_configs"]) == ("sluice", [{"targets": [f"gateway:{metrics}"]}])


@pytest.mark.parametrize("name", ["prometheus", "grafana"])
def test_only_the_machine_itself_reaches_what_has_no_login_of_ours(name):
    assert {address for address, _ in published(name).values()} == {"127.0.0.1"}


def test_the_gateway_starts_with_what_is_mounted(tmp_path):
    """The three files under the names they are mounted with, and the variables: together they are valid settings."""
    for mount in GATEWAY["volumes"]:
        source, target, *_ = mount.split(":")
        if target.startswith("/etc/sluice/"):
            (tmp_path / Path(target).name).write_bytes((DEPLOY / source).read_bytes())
    settings = load_settings(str(tmp_path / "sluice.yaml"), GATEWAY["environment"])

    assert str(settings.state_dir) in {mount.split(":")[1] for mount in GATEWAY["volumes"]}
    assert settings.workers == settings.inspectors.workers == GATEWAY["cpus"] == 4
    inspectors_bytes = settings.inspectors.workers * settings.inspectors.memory_mb * 1024**2
    assert GATEWAY["mem_limit"] == "8g"
    assert inspectors_bytes <= 8 * GIB / 2


def test_variables_are_settings():
    assert all(name.startswith("SLUICE__") for name in GATEWAY["environment"])
    assert all(parse_yaml(value, "variable").value is not None for value in GATEWAY["environment"].values())


def test_it_is_given_the_time_to_drain():
    assert int(GATEWAY["stop_grace_period"].removesuffix("s")) > sum(STOP_S.values())


def test_it_is_as_healthy_as_the_image_says():
    line = (
        (DEPLOY / "Containerfile").read_text("utf-8").partition("HEALTHCHECK")[2].partition("CMD ")[2].partition("\n")
    )

    assert YAML(typ="safe").load(line[0]) == GATEWAY["healthcheck"]["test"][1:]


def test_nobody_gets_into_grafana_by_a_known_password():
    environment = SERVICES["grafana"]["environment"]

    assert environment["GF_SECURITY_ADMIN_PASSWORD"].startswith("${GRAFANA_ADMIN_PASSWORD:?")
    assert environment["GF_AUTH_ANONYMOUS_ENABLED"] == "false"


def test_prometheus_reads_the_folder_that_is_mounted():
    command = dict(word.removeprefix("--").split("=") for word in SERVICES["prometheus"]["command"])

    assert command["config.file"] == "/etc/prometheus/prometheus.yaml"
    assert "./prometheus:/etc/prometheus:ro" in SERVICES["prometheus"]["volumes"]
    assert f"prometheus:{command['storage.tsdb.path']}" in SERVICES["prometheus"]["volumes"]
