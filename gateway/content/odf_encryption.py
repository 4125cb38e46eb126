"""What protects the members of an OpenDocument package, told by its manifest (ISO/IEC 26300-3 §4.8)."""

from __future__ import annotations

from gateway.content.xml_parser import XmlParser
from gateway.parts import Encryption, Grade

MANIFEST = "META-INF/manifest.xml"


def odf_encryptions(manifest: bytes) -> dict[str, Encryption]:
    """Name of a member → what protects it, for those that the manifest calls encrypted.

    Raises MalformedError when the manifest is not XML.
    """
    found: dict[str, Encryption] = {}
    path = ""

    def on_start(name: str, attributes: list[str]) -> None:
        nonlocal path
        told = {key.rpartition(":")[2]: value for key, value in zip(attributes[::2], attributes[1::2], strict=True)}
        match name.rpartition(":")[2]:
            case "file-entry":
                path = told.get("full-path", "")
            case "encryption-data":
                found[path] = Encryption("odf", Grade.WEAK, names_visible=True)
            case "algorithm" if path in found:
                found[path] = _by_algorithm(told.get("algorithm-name", ""))
            case _:
                pass

    parser = XmlParser(on_start, lambda _: None, lambda _: None, lambda _: None)
    parser.feed(manifest)
    parser.close()
    return found


def _by_algorithm(name: str) -> Encryption:
    """AES is strong; Blowfish, the default before ODF 1.2, is weak."""
    algorithm = name.rpartition("#")[2].lower()
    if algorithm.startswith("aes256"):
        return Encryption("odf-aes-256", Grade.STRONG, names_visible=True)
    if algorithm.startswith(("aes128", "aes192")):
        return Encryption("odf-aes-128", Grade.STRONG, names_visible=True)
    return Encryption("odf-blowfish", Grade.WEAK, names_visible=True)
