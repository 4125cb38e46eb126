"""`python -m addons --slot N [--config FILE]`: composition root of one proxy worker."""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
import sys
from datetime import UTC, datetime
from importlib.metadata import version

import structlog

from addons.judge import QUEUE_S, Judge, today
from addons.loop import GatewayLoop
from addons.resolve import Resolver
from addons.senders import build_identify
from addons.shares import Shares, Turns
from addons.uploads import Uploads
from addons.worker import fail, serve
from gateway.config import load_settings
from gateway.destinations.catalogue import load_catalogue
from gateway.destinations.geo import Geo
from gateway.errors import ConfigError, SluiceError
from gateway.inspectors.bounds import bounds_of
from gateway.inspectors.client import InspectorClient
from gateway.inspectors.slots import Slots
from gateway.login import read_login
from gateway.policy.kept import Kept
from gateway.policy.load import load_policy
from gateway.policy.model import Policy
from gateway.process import die_with_parent
from gateway.records.journal import Journal
from gateway.setting_values import parent_of
from gateway.settings import Settings
from metrics import catalogue as metrics

TURNS_PER_INSPECTOR = 4
"""Inspections of one address at once; enough to keep all inspectors busy for it while nobody else sends."""

log = structlog.get_logger()


class PolicyInForce:
    """The policy of this worker: the one that the supervisor put in force, or the file where nobody did.

    A bad reload keeps the old one, counts and says so.
    """

    def __init__(self, path: str | None, kept: Kept | None = None) -> None:
        self.path, self.kept = path, kept
        self.policy: Policy = self.load()
        metrics.POLICY_INFO.labels(digest=self.policy.digest).set(1)
        self.count_exceptions()

    def __call__(self) -> Policy:
        """The policy to decide by, now."""
        if self.counted_on != today():
            self.count_exceptions()
        return self.policy

    def load(self) -> Policy:
        """The policy to decide by from now on; raises ConfigError."""
        digest = self.kept.in_force() if self.kept else ""
        return self.kept.load(digest) if self.kept and digest else load_policy(self.path)

    def count_exceptions(self) -> None:
        """Tell how many exceptions apply today; they end with their last day, without a reload."""
        self.counted_on = today()
        active = sum(exception.expires >= self.counted_on for exception in self.policy.exceptions)
        metrics.EXCEPTIONS_ACTIVE.set(active)

    def reload(self) -> None:
        """Load what is in force now."""
        try:
            fresh = self.load()
        except ConfigError as error:
            metrics.POLICY_RELOAD_FAILURES.inc()
            log.error("policy not reloaded; the old one stays", problems=[str(problem) for problem in error.problems])
            return
        metrics.POLICY_INFO.labels(digest=self.policy.digest).set(0)
        self.policy = fresh
        metrics.POLICY_INFO.labels(digest=fresh.digest).set(1)
        self.count_exceptions()
        log.info("policy reloaded", digest=fresh.digest)


def build_judge(settings: Settings, loop: GatewayLoop, slot: int) -> tuple[Judge, PolicyInForce]:
    """Everything a verdict needs; raises SluiceError with what a person must mend."""
    policy = PolicyInForce(str(settings.policy) if settings.policy else None, Kept(settings.state_dir))
    node = socket.gethostname()
    journal = Journal.open(
        settings.state_dir / "journal",
        node=node,
        worker=str(slot),
        version=version("sluice-dlp"),
        now=lambda: datetime.now(UTC),
    )
    database = str(settings.geo.database) if settings.geo.database else None
    parent, bounds = parent_of(settings.mode), bounds_of(settings)
    loop.routes.only = (parent.address.host, parent.address.port) if parent else None
    catalogue = load_catalogue([str(path) for path in settings.catalogue])
    judge = Judge(
        resolver=Resolver(settings, catalogue, Geo.open(database, settings.geo.overrides)),
        identify=build_identify(settings),
        identity_required=settings.identity.required,
        policy=policy,
        inspectors=InspectorClient(
            str(settings.state_dir / "run" / "inspectors.sock"), settings.inspectors.timeout_s, queue_s=QUEUE_S
        ),
        slots=Slots(settings.state_dir / "run", bounds.workers),
        journal=journal,
        routes=loop.routes,
        uploads=Uploads.open(settings.state_dir / "uploads", settings.limits, catalogue.is_piecewise),
        node=node,
        shares=Shares(settings.limits),
        turns=Turns(TURNS_PER_INSPECTOR * bounds.workers),
        large_turns=Turns(max(1, bounds.workers // 2)),
        rules=settings.requests,
    )
    return judge, policy


def main() -> int:
    """Run one worker; 0 after a drain, 1 when it could not start, 2 for a bad configuration."""
    parser = argparse.ArgumentParser(prog="python -m addons")
    parser.add_argument("--config")
    parser.add_argument("--slot", type=int, default=0)
    parser.add_argument("--ready-fd", type=int, default=-1)
    arguments = parser.parse_args()
    die_with_parent()
    try:
        settings = load_settings(arguments.config, os.environ)
        with asyncio.Runner(loop_factory=GatewayLoop) as runner:
            loop = runner.get_loop()
            assert isinstance(loop, GatewayLoop)
            judge, policy = build_judge(settings, loop, arguments.slot)
            try:
                login = read_login(settings.upstream.login_file, os.environ) if parent_of(settings.mode) else ""
                runner.run(serve(settings, judge, ready_fd=arguments.ready_fd, reload=policy.reload, login=login))
            finally:
                judge.journal.close()
                judge.uploads.close()
    except ConfigError as error:
        fail(str(error))
        return 2
    except (SluiceError, OSError) as error:
        return fail(str(error))
    return 0


if __name__ == "__main__":
    sys.exit(main())
