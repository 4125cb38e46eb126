"""The settings as frozen models: every key of `sluice.yaml`, its type, its default and what it means."""

from __future__ import annotations

from dataclasses import asdict, fields
from os.path import exists
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, create_model, model_validator
from pydantic_core.core_schema import ValidationInfo

from gateway.destinations.hosts import normal_host
from gateway.identity_settings import Identity
from gateway.limits import Limits
from gateway.passthrough.entries import PassthroughEntry
from gateway.request_settings import Requests
from gateway.setting_values import (
    Address,
    AddressField,
    Count,
    Country,
    ExistingPath,
    Mode,
    NetworkKey,
    NotAvailable,
    PathField,
    Paths,
    RouteKey,
    Section,
    ServerName,
    Store,
)
from gateway.tenant_settings import Tenants

__all__ = ["PACKAGE_DIR", "Address", "LimitsSection", "Section", "Settings", "normal_host", "route_for"]

PACKAGE_DIR = Path(__file__).resolve().parent
"""Where the shipped data is found, in a checkout as in an installed wheel."""


def _limits_model() -> type[BaseModel]:
    kinds: dict[object, object] = {
        "int": Annotated[int, Field(ge=1)],
        "float": Annotated[float, Field(gt=0, allow_inf_nan=False)],
    }
    keys: dict[str, Any] = {field.name: (kinds[field.type], field.default) for field in fields(Limits)}
    return create_model("LimitsSection", __base__=Section, **keys)


LimitsSection = _limits_model()
"""A section with the fields of `gateway.limits.Limits`, so that a new bound is a setting at once."""


def _limits_keys(value: object) -> object:
    return asdict(value) if isinstance(value, Limits) else value


def _limits(section: BaseModel) -> Limits:
    return Limits(**dict(section))


if TYPE_CHECKING:
    type LimitsField = Limits
else:
    LimitsField = Annotated[LimitsSection, BeforeValidator(_limits_keys), AfterValidator(_limits)]


class Upstream(Section):
    """How servers are reached."""

    trusted_ca: Paths = ()
    """PEM files with extra trust anchors for servers."""
    connect_to: dict[RouteKey, AddressField] = Field(default_factory=dict)
    """Fixed routes, like curl's --connect-to: `HOST:PORT` or `*:PORT` → `host:port`; the exact one wins."""
    login_file: ExistingPath | None = None
    """File of one line `NAME:PASSWORD`: how the gateway logs in to the proxy of mode `upstream`."""


class Tls(Section):
    """The gateway's own certificate authority."""

    ca_dir: PathField = Path("var/ca")
    """Folder of the CA's key and certificate, made at the first start; unset: `ca` in `state_dir`."""
    proxy_name: ServerName | None = None
    """Name clients reach the proxy at; with it the port speaks TLS too, under a certificate of the gateway's CA."""
    proxy_certificate: ExistingPath | None = None
    """PEM file of a certificate, its chain and its key, for TLS to the proxy's port instead of one of our CA."""
    passthrough: Annotated[tuple[PassthroughEntry, ...], Field(strict=False)] = ()
    """Hosts whose TLS is not opened, each with owner and end; an entry that ended has no effect."""

    @property
    def to_proxy(self) -> bool:
        """Whether clients may speak TLS to the proxy's own port."""
        return self.proxy_name is not None or self.proxy_certificate is not None


class Geo(Section):
    """Where servers stand."""

    database: ExistingPath | None = None
    """A MaxMind file, or a folder of `*.mmdb` files; unset: `geo` in `state_dir` where it exists, else none."""
    overrides: dict[NetworkKey, Country] = Field(default_factory=dict)
    """Network → ISO 3166-1 country; the longest prefix wins, and wins over the database."""


class Inspectors(Section):
    """The sandboxed processes that read what is sent."""

    workers: Count = "auto"
    """How many; `auto` is one per core."""
    memory_mb: Annotated[int, Field(ge=128, le=1024 * 1024)] = 1024
    """Memory limit of one inspector, in MiB."""
    timeout_s: Annotated[float, Field(gt=0, le=3600)] = 30.0
    """Longest wait for an inspector's answer, in seconds; over it the inspector is killed and the upload refused."""


class Evidence(Section):
    """What is kept of refused contents; no key in this version."""


class Retention(Section):
    """How long records are kept; no key in this version."""


class Metrics(Section):
    """The Prometheus exporter."""

    listen: AddressField = Address("127.0.0.1", 9464)
    """Address it answers on."""


class Console(Section):
    """The console and its API."""

    listen: AddressField = Address("127.0.0.1", 8081)
    """Address it answers on."""


class Events(Section):
    """Where records go besides the store."""

    jsonl: PathField = Path("var/events.jsonl")
    """File that gets one JSON line per transfer; unset: `events.jsonl` in `state_dir`."""
    syslog: NotAvailable = None
    """Only null in this version."""
    webhook: NotAvailable = None
    """Only null in this version."""


SECTIONS = frozenset(
    {
        "upstream",
        "tls",
        "geo",
        "identity",
        "tenants",
        "requests",
        "limits",
        "inspectors",
        "evidence",
        "retention",
        "metrics",
        "console",
        "events",
    }
)
"""Keys of Settings that hold keys themselves."""


class Settings(Section):
    """Everything a person may set; all paths are ready to open."""

    listen: AddressField = Address("127.0.0.1", 8080)
    """Address of the proxy."""
    mode: Mode = "regular"
    """How clients reach the proxy: `regular`, `transparent`, `socks5`, or `upstream:URL` of the next proxy."""
    workers: Count = "auto"
    """Proxy processes sharing the port; `auto` is one per core."""
    http2: bool = True
    """Whether HTTP/2 is spoken, with clients and with servers."""
    state_dir: PathField = Path("var")
    """Folder of the journal, spool, CA, evidence, store and events; made with mode 0700."""
    policy: ExistingPath | None = None
    """The policy file; unset: the shipped policy."""
    signatures: Paths = (PACKAGE_DIR.parent / "signatures",)
    """Signature folders; unset: the shipped signatures."""
    catalogue: Paths = (PACKAGE_DIR / "destinations" / "data",)
    """Endpoint catalogue files or folders of them, merged in order; unset: the shipped catalogue."""
    store: Store = "sqlite"
    """Where records are indexed; only `sqlite` in this version."""
    upstream: Upstream = Upstream()
    upstream_private: Annotated[tuple[NetworkKey, ...], Field(strict=False)] = ()
    """Private networks that servers may stand in; all other private addresses are refused."""
    tls: Tls = Tls()
    geo: Geo = Geo()
    identity: Identity = Identity()
    tenants: Tenants = Tenants()
    requests: Requests = Requests()
    limits: LimitsField = Limits()
    """Bounds of the inspection, see `gateway/limits.py`."""
    inspectors: Inspectors = Inspectors()
    evidence: Evidence = Evidence()
    retention: Retention = Retention()
    metrics: Metrics = Metrics()
    console: Console = Console()
    events: Events = Events()

    @model_validator(mode="before")
    @classmethod
    def _paths_in_state_dir(cls, given: object, info: ValidationInfo) -> object:
        """The keys whose default lies in the state directory, filled in where they are not given."""
        if not isinstance(given, dict):
            return given
        state_dir = given.get("state_dir", "var")
        if not isinstance(state_dir, str | Path) or not state_dir or "\0" in str(state_dir):
            return given
        base = (info.context or {}).get("base", Path())
        state_dir = Path(base, state_dir)
        derived = {"tls": ("ca_dir", "ca"), "events": ("jsonl", "events.jsonl")}
        if exists(state_dir / "geo"):  # noqa: PTH110 - Path.exists raises where a folder may not be read
            derived["geo"] = ("database", "geo")
        # A section whose keys are all commented out is null in YAML.
        filled = {key: value for key, value in given.items() if value is not None or key not in SECTIONS}
        filled["state_dir"] = state_dir
        for section, (key, name) in derived.items():
            own = filled.get(section, {})
            if isinstance(own, dict) and own.get(key) is None:
                filled[section] = {**own, key: state_dir / name}
        return filled


def route_for(settings: Settings, host: str, port: int) -> tuple[str, int] | None:
    """The fixed route for a server, an exact one before `*`; None when it is to be resolved as usual.

    >>> route_for(Settings.model_validate({"upstream": {"connect_to": {"*:443": "127.0.0.1:9443"}}}), "a.example", 443)
    Address(host='127.0.0.1', port=9443)
    >>> route_for(Settings(), "a.example", 443) is None
    True
    """
    routes = settings.upstream.connect_to
    return routes.get(Address(normal_host(host), port)) or routes.get(Address("*", port))
