"""A real directory for tests: OpenLDAP's slapd on free ports of loopback, with a certificate, people and groups."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

import trustme

from tests.support.gateway import free_port

SLAPD = shutil.which("slapd", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/lib/openldap")
SUFFIX = "dc=example,dc=com"
READER, READER_PASSWORD = f"cn=reader,{SUFFIX}", "reader's own"
SCHEMAS = ("core", "cosine", "inetorgperson")

CONFIG = """
{includes}
pidfile {folder}/slapd.pid
modulepath /usr/lib/ldap
moduleload back_mdb
TLSCACertificateFile {folder}/ca.pem
TLSCertificateFile {folder}/server.pem
TLSCertificateKeyFile {folder}/server.key
{security}
database mdb
maxsize 10485760
suffix "{suffix}"
rootdn "cn=root,{suffix}"
rootpw secret
directory {folder}/data
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="{reader}" read by * none
"""

PEOPLE = """
dn: {suffix}
objectClass: dcObject
objectClass: organization
dc: example
o: Example

dn: {reader}
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: reader
userPassword: {reader_password}

dn: ou=people,{suffix}
objectClass: organizationalUnit
ou: people

dn: ou=groups,{suffix}
objectClass: organizationalUnit
ou: groups
"""

PERSON = """
dn: {dn}
objectClass: inetOrgPerson
uid: {uid}
cn: {uid}
sn: {uid}
userPassword: {password}
"""

GROUP = """
dn: cn={name},ou=groups,{suffix}
objectClass: groupOfNames
cn: {name}
member: {dn}
"""


@dataclass
class Slapd:
    """`with Slapd(folder, people={"zhang": "secret"}, groups={"sales": ["zhang"]}) as directory`."""

    folder: Path
    people: dict[str, str]
    groups: dict[str, list[str]] = field(default_factory=dict)
    dn_of: dict[str, str] = field(default_factory=dict)
    """Name → distinguished name, where it is another than `uid=NAME,ou=people`."""
    security: str = ""
    """More lines of the configuration, such as `security tls=1`."""

    def __enter__(self) -> Slapd:
        assert SLAPD, "slapd is not installed; run: deploy/system-packages.sh test"
        self.port, self.tls_port = free_port(), free_port()
        (self.folder / "data").mkdir()
        authority = trustme.CA()
        self.ca = self.folder / "ca.pem"
        authority.cert_pem.write_to_path(str(self.ca))
        issued = authority.issue_cert("localhost")
        issued.private_key_pem.write_to_path(str(self.folder / "server.key"))
        issued.cert_chain_pems[0].write_to_path(str(self.folder / "server.pem"))
        self.config = self.folder / "slapd.conf"
        self.config.write_text(
            CONFIG.format(
                includes="\n".join(f"include /etc/ldap/schema/{name}.schema" for name in SCHEMAS),
                folder=self.folder,
                suffix=SUFFIX,
                reader=READER,
                security=self.security,
            ),
            "utf-8",
        )
        self.fill()
        self.start()
        return self

    def name_of(self, uid: str) -> str:
        return self.dn_of.get(uid, f"uid={uid},ou=people,{SUFFIX}")

    def fill(self) -> None:
        entries = PEOPLE.format(suffix=SUFFIX, reader=READER, reader_password=READER_PASSWORD)
        for uid, password in self.people.items():
            entries += PERSON.format(dn=self.name_of(uid), uid=uid, password=password)
        for name, members in self.groups.items():
            head, *more = [self.name_of(uid) for uid in members]
            entries += GROUP.format(name=name, suffix=SUFFIX, dn=head) + "".join(f"member: {dn}\n" for dn in more)
        command = [str(Path(SLAPD).with_name("slapadd")), "-q", "-f", str(self.config)]
        done = subprocess.run(command, input=entries, text=True, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr

    def start(self) -> None:
        urls = f"ldap://127.0.0.1:{self.port} ldaps://127.0.0.1:{self.tls_port}"
        self.process = subprocess.Popen(
            [SLAPD, "-d", "0", "-f", str(self.config), "-h", urls],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 20
        while True:
            try:
                with socket.create_connection(("127.0.0.1", self.tls_port), timeout=1):
                    return
            except OSError:
                assert self.process.poll() is None, "slapd did not start"
                assert time.monotonic() < deadline, "slapd was not ready in time"
                time.sleep(0.02)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(20)

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.stop()
