"""Options that commands share."""

import click
import pytest

from gateway.cli.options import config_option, json_option, settings_of
from gateway.errors import ConfigError


@config_option
@json_option
@click.command()
def command(config, as_json):
    click.echo(f"{config} {as_json}")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [([], "None False\n"), (["--config", "a.yaml", "--json"], "a.yaml True\n")],
    ids=["nothing", "both"],
)
def test_options(capsys, arguments, told):
    command.main(arguments, standalone_mode=False)
    assert capsys.readouterr().out == told


def test_folder_is_no_settings_file(folder):
    with pytest.raises(click.BadParameter, match="is a directory"):
        command.main(["--config", str(folder)], standalone_mode=False)


def test_settings_come_from_file_and_environment(config, monkeypatch):
    monkeypatch.setenv("SLUICE__LISTEN", "127.0.0.1:9")
    settings = settings_of(str(config(workers=3)))
    assert (str(settings.listen), settings.workers) == ("127.0.0.1:9", 3)


def test_wrong_settings(config):
    with pytest.raises(ConfigError, match=r"sluice\.yaml:1: workrs: unknown key"):
        settings_of(str(config(workrs=3)))
