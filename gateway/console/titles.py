"""What people call services and signatures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

from gateway.console.language import Language
from gateway.destinations.catalogue import load_catalogue
from gateway.errors import ConfigError
from gateway.policy.names import SIGNATURE_NAMES


class Titles:
    """Names for ids; an id without a name stands for itself."""

    def __init__(self, catalogue: Sequence[Path]) -> None:
        """`catalogue`: files or folders of the endpoint catalogue; read when a name is first asked for."""
        self._paths = catalogue

    @cached_property
    def services(self) -> Mapping[str, Mapping[str, str]]:
        """Id → language → name; empty when the catalogue has mistakes, which `sluice check` lists."""
        try:
            return {key: service.name for key, service in load_catalogue(self._paths).services.items()}
        except ConfigError:
            return {}

    def service(self, identity: str, language: Language) -> str:
        """The service's name."""
        return self.services.get(identity, {}).get(language, identity)

    def signature(self, name: str, language: Language) -> str:
        """The signature's name."""
        return SIGNATURE_NAMES.get(name, {}).get(language, name)
