"""Machines of a test: a network namespace each, with its own mounts, gone with the process that holds it open."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.waiting import eventually

CLIENT4, CLIENT6 = "10.77.0.2", "fd77::2"
INSIDE4, INSIDE6 = "10.77.0.1", "fd77::1"
"""The gateway's addresses on its clients' side."""
OUTSIDE4, OUTSIDE6 = "203.0.113.1", "2001:db8:77::1"
"""The gateway's addresses on the servers' side."""
ORIGIN4, ORIGIN6 = "203.0.113.10", "2001:db8:77::10"
FOREIGN4 = "198.51.100.9"
"""Another address of the origin, for a server that stands elsewhere."""
RESOLVER4, RESOLVER6 = "203.0.113.53", "2001:db8:77::53"
OTHER_RESOLVER4 = "203.0.113.54"

SEEN = """
table inet seen {
  counter web { }
  counter quic { }
  counter ssh { }
  counter dns { }
  counter other_dns { }
  counter rest { }
  chain prerouting {
    type filter hook prerouting priority raw; policy accept;
    tcp dport { 80, 443 } counter name web accept
    udp dport 443 counter name quic accept
    tcp dport 22 counter name ssh accept
    ip daddr 203.0.113.54 meta l4proto { tcp, udp } th dport 53 counter name other_dns accept
    meta l4proto { tcp, udp } th dport 53 counter name dns accept
    meta l4proto { icmp, ipv6-icmp } accept
    counter name rest
  }
}
"""
"""What reaches the origin's machine, before anything there looks at it."""


def missing() -> str:
    """Why namespaces cannot be made here; empty when they can."""
    if os.geteuid() != 0:
        return "making network namespaces needs root"
    done = subprocess.run(["unshare", "--net", "--mount", "true"], capture_output=True, check=False)
    return "" if done.returncode == 0 else "the kernel lets nobody make network namespaces here"


@dataclass
class Namespace:
    """`with Namespace() as machine`; it vanishes when its holder ends, and that ends with the test's process."""

    def __enter__(self) -> Namespace:
        self.holder = subprocess.Popen(
            ["unshare", "--net", "--mount", "sh", "-c", "echo made; exec cat"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self.holder.stdout is not None
        assert self.holder.stdout.readline() == b"made\n"
        self.run("ip", "link", "set", "lo", "up")
        return self

    def __exit__(self, *_: object) -> None:
        assert self.holder.stdin is not None
        assert self.holder.stdout is not None
        self.holder.stdin.close()
        self.holder.wait(10)
        self.holder.stdout.close()

    @property
    def prefix(self) -> tuple[str, ...]:
        """What goes before a command that is to run on this machine."""
        return ("nsenter", "--target", str(self.holder.pid), "--net", "--mount", "--")

    def run(self, *command: str, given: str = "") -> str:
        """Standard output of a command on this machine; AssertionError with what it said when it fails."""
        done = subprocess.run([*self.prefix, *command], input=given, capture_output=True, text=True, check=False)
        assert done.returncode == 0, (command, done.stderr)
        return done.stdout

    def write(self, path: str, text: str) -> None:
        """Write to a file of the kernel, such as /proc/sys/net/…"""
        self.run("sh", "-c", 'cat >"$0"', path, given=text)

    def bind(self, source: Path, target: str) -> None:
        """Show a file in another's place, on this machine only."""
        self.run("mount", "--bind", str(source), target)

    @contextmanager
    def entered(self) -> Iterator[None]:
        """This thread, and what it starts, in the machine's network; files stay the test's own."""
        with ExitStack() as stack:
            own = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
            stack.callback(os.close, own)
            other = os.open(f"/proc/{self.holder.pid}/ns/net", os.O_RDONLY)
            stack.callback(os.close, other)
            os.setns(other, os.CLONE_NEWNET)
            stack.callback(os.setns, own, os.CLONE_NEWNET)
            yield

    def addresses(self, interface: str, *given: str) -> None:
        """Bring an interface up with these addresses, `ADDRESS/PREFIX`."""
        for address in given:
            # Duplicate detection would keep an IPv6 address back for a second.
            self.run("ip", "addr", "add", address, "dev", interface, *(["nodad"] if ":" in address else []))
        self.run("ip", "link", "set", interface, "up")


def connect(left: Namespace, name: str, right: Namespace, other: str) -> None:
    """A cable between two machines."""
    pid = str(right.holder.pid)
    left.run("ip", "link", "add", name, "type", "veth", "peer", "name", other, "netns", pid)


@dataclass
class Network:
    """client ── lan0 gateway wan0 ── origin; the gateway routes, and the origin counts what reaches it."""

    folder: Path
    client: Namespace = field(default_factory=Namespace)
    gateway: Namespace = field(default_factory=Namespace)
    origin: Namespace = field(default_factory=Namespace)

    def __enter__(self) -> Network:
        self._stack = ExitStack()
        try:
            for machine in (self.client, self.gateway, self.origin):
                self._stack.enter_context(machine)
            self._wire()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _wire(self) -> None:
        connect(self.client, "eth0", self.gateway, "lan0")
        connect(self.gateway, "wan0", self.origin, "eth0")
        self.client.addresses("eth0", f"{CLIENT4}/24", f"{CLIENT6}/64")
        self.gateway.addresses("lan0", f"{INSIDE4}/24", f"{INSIDE6}/64")
        self.gateway.addresses("wan0", f"{OUTSIDE4}/24", f"{OUTSIDE6}/64")
        servers = [f"{address}/24" for address in (ORIGIN4, RESOLVER4, OTHER_RESOLVER4, FOREIGN4)]
        self.origin.addresses("eth0", *servers, f"{ORIGIN6}/64", f"{RESOLVER6}/64")
        self.client.run("ip", "route", "add", "default", "via", INSIDE4)
        self.client.run("ip", "-6", "route", "add", "default", "via", INSIDE6)
        self.origin.run("ip", "route", "add", "default", "via", OUTSIDE4)
        self.origin.run("ip", "-6", "route", "add", "default", "via", OUTSIDE6)
        self.gateway.run("ip", "route", "add", "198.51.100.0/24", "via", ORIGIN4)
        self.gateway.write("/proc/sys/net/ipv4/ip_forward", "1")
        self.gateway.write("/proc/sys/net/ipv6/conf/all/forwarding", "1")
        self.origin.run("nft", "-f", "-", given=SEEN)
        resolver = self.folder / "resolv.conf"
        resolver.write_text(f"nameserver {RESOLVER4}\noptions timeout:2 attempts:2\n")
        hosts = self.folder / "hosts"
        hosts.write_text("127.0.0.1 localhost\n::1 localhost\n")
        for machine in (self.client, self.gateway):
            machine.bind(resolver, "/etc/resolv.conf")
            machine.bind(hosts, "/etc/hosts")

    def seen(self) -> dict[str, int]:
        """Packets that reached the origin's machine, by kind, without the kinds of which there was none."""
        return _packets(self.origin.run("nft", "-j", "list", "counters"))

    def forget(self) -> None:
        """Begin to count anew, once what was open to the origin is closed: its last packets are nobody's any more."""
        eventually(lambda: not self._open_connections())
        self.origin.run("nft", "reset", "counters")

    def _open_connections(self) -> list[str]:
        """Lines of TCP sockets of the origin's machine that neither listen nor only remember (proc_net_tcp)."""
        lines = self.origin.run("cat", "/proc/net/tcp", "/proc/net/tcp6").splitlines()
        return [line for line in lines if (fields := line.split())[0] != "sl" and fields[3] not in {"0A", "06"}]


def counted(machine: Namespace, table: str) -> dict[str, int]:
    """Packets by counter of one nftables table, without those that counted none."""
    return _packets(machine.run("nft", "-j", "list", "counters", "table", "inet", table))


def _packets(listing: str) -> dict[str, int]:
    entries = [entry["counter"] for entry in json.loads(listing)["nftables"] if "counter" in entry]
    return {entry["name"]: entry["packets"] for entry in entries if entry["packets"]}
