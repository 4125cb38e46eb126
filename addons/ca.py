"""`python -m addons.ca DIRECTORY`: the gateway's certificate authority, made once before the workers start."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from mitmproxy import certs

KEY_BITS = 2048
"""RSA, because old clients still refuse EC leaf certificates; ENGINE measured no gain from EC."""
BASENAME = "mitmproxy"
"""The name mitmproxy's TlsConfig looks for; not configurable there."""
CERTIFICATE = "sluice-ca.pem"
"""The certificate alone, for people to install; INTERFACE calls it the CA certificate."""


def ensure_ca(directory: Path) -> Path:
    """Path of the CA certificate, made when the directory has none; raises ValueError for one that cannot be read."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    both = directory / f"{BASENAME}-ca.pem"
    if not both.exists():
        # Written aside and moved in one step: two starts at once must not mix their keys.
        with tempfile.TemporaryDirectory(dir=directory) as aside:
            certs.CertStore.create_store(Path(aside), BASENAME, KEY_BITS, "Sluice", "Sluice egress CA")
            for made in sorted(Path(aside).iterdir()):
                if made.name != both.name:
                    shutil.move(made, directory / made.name)
            (Path(aside) / both.name).replace(both)
    certs.CertStore.from_store(directory, BASENAME, KEY_BITS)
    certificate = directory / CERTIFICATE
    wanted = (directory / f"{BASENAME}-ca-cert.pem").read_bytes()
    if not certificate.exists() or certificate.read_bytes() != wanted:
        certificate.write_bytes(wanted)
        certificate.chmod(0o644)
    return certificate


def main() -> int:
    """Print the certificate's path; 1 and a sentence when the CA cannot be made or read."""
    directory = Path(sys.argv[1])
    try:
        print(ensure_ca(directory))  # noqa: T201 - its output
    except (OSError, ValueError) as error:
        sys.stderr.write(
            f"{directory}: the certificate authority cannot be used ({type(error).__name__}); "
            "restore its files from a backup, or move the folder away to have a new one made\n"
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
