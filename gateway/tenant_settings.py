"""The section `tenants` of the settings: accounts at foreign services that the company's people may use there."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from typing import Annotated

from pydantic import Field, model_validator

from gateway.setting_values import Section

_ID = r"^[A-Za-z0-9_-][A-Za-z0-9._-]{0,254}$"

type Id = Annotated[str, Field(pattern=_ID)]
type Ids = Annotated[tuple[Id, ...], Field(strict=False)]
type TenantAndPolicy = Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,64}:[A-Za-z0-9-]{1,64}$")]
type Organization = Annotated[str, Field(pattern=r"^[0-9]{1,30}$")]


class Microsoft(Section):
    """Microsoft Entra: tenant restrictions of either version, read by the sign-in hosts."""

    tenants: Ids = ()
    """Domains or directory ids that may be signed in to (version 1)."""
    context: Id | None = None
    """Directory id of the company, whose log tells of refused sign-ins; needed with `tenants`."""
    policy: TenantAndPolicy | None = None
    """`DIRECTORY-ID:POLICY-ID` of the cross-tenant access policy (version 2)."""
    refuse_consumers: bool = False
    """Whether private Microsoft accounts are refused (version 1); with `policy` that policy says it."""

    @model_validator(mode="after")
    def _fits_together(self) -> Microsoft:
        if bool(self.tenants) != (self.context is not None):
            raise ValueError("tenants and context need each other")
        if self.policy and self.refuse_consumers:
            raise ValueError("policy and refuse_consumers are sent in the same header; the policy says it itself")
        return self


class Slack(Section):
    """Slack: workspaces and organizations."""

    workspaces: Ids = ()
    """Ids (T… or E…) that may be signed in to."""
    requester: Id | None = None
    """Id of the company's own workspace or organization; needed with `workspaces`."""

    @model_validator(mode="after")
    def _fits_together(self) -> Slack:
        if bool(self.workspaces) != (self.requester is not None):
            raise ValueError("workspaces and requester need each other")
        return self


class OpenAI(Section):
    """ChatGPT and the OpenAI API."""

    workspaces: Ids = ()
    """Workspaces of ChatGPT."""
    organizations: Ids = ()
    """Organizations of the API."""


class Tenants(Section):
    """Accounts that may be used, by vendor; a vendor without a value is left as it is."""

    google: Ids = ()
    """Domains of Google Workspace; `consumer_accounts` for private accounts, too."""
    google_cloud: Annotated[tuple[Organization, ...], Field(strict=False)] = ()
    """Organizations of Google Cloud, by number."""
    microsoft: Microsoft = Microsoft()
    slack: Slack = Slack()
    dropbox: Ids = ()
    """Team ids of Dropbox."""
    openai: OpenAI = OpenAI()
    anthropic: Ids = ()
    """Organization ids of Claude."""
    github: Id | None = None
    """Enterprise (slug or number) of GitHub; for enterprises with managed users only."""
    webex: Ids = ()
    """Domains of Webex."""

    def values(self) -> Mapping[str, str]:
        """Word of `gateway.destinations.tenant_headers.VALUES` → the header's value, for all that is set.

        >>> dict(Tenants(google=("corp.example", "corp.test")).values())
        {'google': 'corp.example,corp.test'}
        """
        found = {
            "google": ",".join(self.google),
            "google_cloud": _allowed_resources(self.google_cloud),
            "microsoft.tenants": ",".join(self.microsoft.tenants),
            "microsoft.context": self.microsoft.context or "",
            "microsoft.policy": self.microsoft.policy or "",
            "microsoft.consumers": "restrict-msa" if self.microsoft.refuse_consumers else "",
            "slack.workspaces": ",".join(self.slack.workspaces),
            "slack.requester": self.slack.requester or "",
            "dropbox": ",".join(self.dropbox),
            "openai.workspaces": ",".join(self.openai.workspaces),
            "openai.organizations": ",".join(self.openai.organizations),
            "anthropic": ",".join(self.anthropic),
            "github": self.github or "",
            "webex": ",".join(self.webex),
        }
        return {word: value for word, value in found.items() if value}


def _allowed_resources(organizations: tuple[str, ...]) -> str:
    """Web-safe base64 of a JSON object, cloud.google.com/resource-manager/docs/organization-restrictions."""
    if not organizations:
        return ""
    told = {"resources": [f"organizations/{number}" for number in organizations], "options": "strict"}
    return urlsafe_b64encode(json.dumps(told, separators=(",", ":")).encode()).decode()
