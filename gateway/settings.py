"""The settings as frozen models: every key of `sluice.yaml`, its type, its default and what it means."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, create_model, model_validator
from pydantic_core.core_schema import ValidationInfo

from gateway.limits import Limits

type Network = ipaddress.IPv4Network | ipaddress.IPv6Network

PACKAGE_DIR = Path(__file__).resolve().parent
"""Where the shipped data is found, in a checkout as in an installed wheel."""

_HOST = re.compile(r"[a-z0-9_](?:[a-z0-9_.-]{0,251}[a-z0-9_])?")


class Address(NamedTuple):
    """A host and a port."""

    host: str
    """Lower case, A-label or textual IP address without brackets; `*` only as the key of a fixed route."""
    port: int

    def __str__(self) -> str:
        """`host:port`, IPv6 in brackets."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def normal_host(host: str) -> str:
    """The host in the one form used for comparing: lower case, no brackets, no trailing dot.

    >>> normal_host("API.Example.com.")
    'api.example.com'
    """
    host = host.lower().removesuffix(".")
    return host[1:-1] if host.startswith("[") and host.endswith("]") else host


def parse_address(value: object, *, any_host: bool = False) -> Address:
    """`host:port` → Address; raises ValueError saying what is allowed.

    >>> parse_address("[::1]:8080")
    Address(host='::1', port=8080)
    >>> parse_address("8080")
    Traceback (most recent call last):
    ValueError: not an address; allowed: HOST:PORT with a port of 1 to 65535, IPv6 in brackets
    """
    wrong = ValueError("not an address; allowed: HOST:PORT with a port of 1 to 65535, IPv6 in brackets")
    if isinstance(value, Address):
        return value
    if not isinstance(value, str):
        raise wrong
    text, _, digits = value.rpartition(":")
    host = normal_host(text)
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= 5 and 1 <= int(digits) <= 65535):
        raise wrong
    if text.startswith("["):
        try:
            host = str(ipaddress.IPv6Address(host))
        except ValueError:
            raise wrong from None
    elif not (_HOST.fullmatch(host) or (any_host and host == "*")):
        raise wrong
    return Address(host, int(digits))


def _route_key(value: object) -> Address:
    return parse_address(value, any_host=True)


def _network(value: object) -> Network:
    try:
        if isinstance(value, ipaddress.IPv4Network | ipaddress.IPv6Network):
            return value
        if isinstance(value, str):
            return ipaddress.ip_network(value)
    except ValueError as error:
        reason = "has host bits set" if "host bits" in str(error) else "is not a network"
        raise ValueError(f"{reason}; allowed: ADDRESS/PREFIX such as 10.0.0.0/8 or 2001:db8::/32") from None
    raise ValueError("is not a network; allowed: ADDRESS/PREFIX such as 10.0.0.0/8 or 2001:db8::/32")


def _country(value: object) -> str:
    if isinstance(value, str) and re.fullmatch("[A-Z]{2}", value):
        return value
    raise ValueError("not a country; allowed: two capital letters of ISO 3166-1, such as CN")


def _path(value: object, info: ValidationInfo) -> Path:
    if isinstance(value, Path) or (isinstance(value, str) and value and "\0" not in value):
        base = (info.context or {}).get("base", Path())
        return Path(base, value)
    raise ValueError("not a path; allowed: a path, relative to the folder of the settings file")


def _existing(path: Path) -> Path:
    if not path.exists():
        raise ValueError("the path does not exist")
    return path


def _auto_or_count(value: object) -> str | int:
    if value == "auto" or (isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 1024):
        return value
    raise ValueError("not a count; allowed: auto, or a whole number of 1 to 1024")


def _mode(value: object) -> str:
    if value == "regular":
        return "regular"
    known = value in {"transparent", "socks5"} or (isinstance(value, str) and value.startswith("upstream:"))
    raise ValueError("only regular is available in this version" if known else "not a mode; allowed: regular")


def _store(value: object) -> str:
    if value == "sqlite":
        return "sqlite"
    if isinstance(value, str) and value.startswith("postgresql://"):
        raise ValueError("postgresql is not available in this version; allowed: sqlite")
    raise ValueError("not a store; allowed: sqlite")


def _not_available(value: object) -> None:
    if value is not None:
        raise ValueError("not available in this version; allowed: null")


def _nothing_passes(value: object) -> tuple[str, ...]:
    if isinstance(value, list | tuple) and not value:
        return ()
    raise ValueError("passing TLS through unread is not available in this version; allowed: []")


type AddressField = Annotated[Address, BeforeValidator(parse_address)]
type RouteKey = Annotated[Address, BeforeValidator(_route_key)]
type Country = Annotated[str, BeforeValidator(_country)]
type Mode = Annotated[str, BeforeValidator(_mode)]
type Store = Annotated[str, BeforeValidator(_store)]
type NotAvailable = Annotated[None, BeforeValidator(_not_available)]
type Nothing = Annotated[tuple[str, ...], BeforeValidator(_nothing_passes)]
type NetworkKey = Annotated[Network, BeforeValidator(_network)]
type PathField = Annotated[Path, BeforeValidator(_path)]
type ExistingPath = Annotated[Path, BeforeValidator(_path), AfterValidator(_existing)]
type Count = Annotated[Literal["auto"] | int, BeforeValidator(_auto_or_count)]
type Paths = Annotated[tuple[ExistingPath, ...], Field(strict=False)]


class Section(BaseModel):
    """Base of every section: frozen, strict types, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


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


class Tls(Section):
    """The gateway's own certificate authority."""

    ca_dir: PathField = Path("var/ca")
    """Folder of the CA's key and certificate, made at the first start; unset: `ca` in `state_dir`."""
    passthrough: Nothing = ()
    """Hosts whose TLS would not be opened; only the empty list in this version."""


class Geo(Section):
    """Where servers stand."""

    database: ExistingPath | None = None
    """A MaxMind file, or a folder of `*.mmdb` files; unset: `geo` in `state_dir` where it exists, else none."""
    overrides: dict[NetworkKey, Country] = Field(default_factory=dict)
    """Network → ISO 3166-1 country; the longest prefix wins, and wins over the database."""


class Identity(Section):
    """Who sends."""

    required: bool = False
    """Whether a sender nobody knows is refused."""
    proxy_auth: Literal["off", "users"] = "off"
    """Whether the proxy asks for a name and password of the users file."""
    users: ExistingPath | None = None
    """The users file."""
    networks: dict[NetworkKey, str] = Field(default_factory=dict)
    """Network → user who sends from it; the longest prefix wins."""


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


class Settings(Section):
    """Everything a person may set; all paths are ready to open."""

    listen: AddressField = Address("127.0.0.1", 8080)
    """Address of the proxy."""
    mode: Mode = "regular"
    """How clients reach the proxy; only `regular` (an explicit proxy) in this version."""
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
        if not isinstance(state_dir, str | Path) or not state_dir:
            return given
        base = (info.context or {}).get("base", Path())
        state_dir = Path(base, state_dir)
        derived = {"tls": ("ca_dir", "ca"), "events": ("jsonl", "events.jsonl")}
        if (state_dir / "geo").exists():
            derived["geo"] = ("database", "geo")
        filled = {**given, "state_dir": state_dir}
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
