"""`python -m addons.ca DIRECTORY`: the gateway's certificate authority, made once before the workers start."""

from __future__ import annotations

import shutil
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from mitmproxy import certs

KEY_BITS = 2048
"""RSA, because old clients still refuse EC leaf certificates; ENGINE measured no gain from EC."""
BASENAME = "mitmproxy"
"""The name mitmproxy's TlsConfig looks for; not configurable there."""
CERTIFICATE = "sluice-ca.pem"
"""The certificate alone, for people to install; INTERFACE calls it the CA certificate."""


class UnfitError(Exception):
    """The files can be read and are no certificate authority one can use; the message says why."""


def ensure_ca(directory: Path) -> Path:
    """Path of the CA certificate, made when the directory has none.

    Raises OSError, ValueError or UnfitError for one that cannot be used.
    """
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
    store = certs.CertStore.from_store(directory, BASENAME, KEY_BITS)
    check(store)
    certificate = directory / CERTIFICATE
    wanted = store.default_ca.to_pem()
    if not certificate.exists() or certificate.read_bytes() != wanted:
        certificate.write_bytes(wanted)
        certificate.chmod(0o644)
    return certificate


def check(store: certs.CertStore) -> None:
    """Raises UnfitError for a pair with which clients would fail, one by one and long after the start."""
    certificate = store.default_ca.to_cryptography()
    if certificate.public_key() != store.default_privatekey.public_key():
        raise UnfitError("the key does not belong to the certificate")
    if certificate.not_valid_after_utc <= datetime.now(UTC):
        raise UnfitError(f"the certificate ran out on {certificate.not_valid_after_utc:%Y-%m-%d}")


def main() -> int:
    """Print the certificate's path; 1 and a sentence when the CA cannot be made or read."""
    directory = Path(sys.argv[1])
    try:
        print(ensure_ca(directory))  # noqa: T201 - its output
    except (OSError, ValueError, UnfitError) as error:
        # What cryptography says of broken files is long, and no help.
        why = str(error) if isinstance(error, UnfitError) else "its files are no key and certificate in PEM"
        why = error.strerror or type(error).__name__ if isinstance(error, OSError) else why
        sys.stderr.write(
            f"{directory}: the certificate authority cannot be used ({why}); "
            "restore its files from a backup, or move the folder away to have a new one made\n"
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
