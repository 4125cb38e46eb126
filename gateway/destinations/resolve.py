"""The destination of a transfer, put together from what the catalogue, the request and the connection say."""

from __future__ import annotations

from gateway.destinations.hosts import normal_host
from gateway.destinations.match import CatalogueMatch
from gateway.transfer import Destination, Region


def build_destination(
    match: CatalogueMatch, host: str, port: int, ip: str, country: str, region: Region
) -> Destination:
    """The destination; `ip` is the address that will be connected to, empty when nothing was resolved.

    The audience stays unknown here: who reads it is known by tenant and conversation, which policy judges.
    """
    return Destination(
        host=normal_host(host),
        port=port,
        ip=ip,
        country=country,
        region=region,
        service=match.service,
        endpoint=match.endpoint,
        category=match.category,
        tenant=match.tenant,
        account=match.account,
        conversation=match.conversation,
        many_files=match.many_files,
        dialect=match.dialect,
        kind=match.kind,
        reader=match.reader,
    )
