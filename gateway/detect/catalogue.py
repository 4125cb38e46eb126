"""Every detector, in the order they run, and which match stands where two overlap."""

from __future__ import annotations

from gateway.detect.detector import Detector
from gateway.detect.documents import DOCUMENT_DETECTORS
from gateway.detect.identifiers.abroad import IBAN, SSN
from gateway.detect.identifiers.cards import BANK_CARD, PAYMENT_CARD
from gateway.detect.identifiers.companies import UsccDetector
from gateway.detect.identifiers.keys import AWS_KEY, CLOUD_KEY, PRIVATE_KEY
from gateway.detect.identifiers.names import PERSON_NAME
from gateway.detect.identifiers.network import EMAIL, IPV4
from gateway.detect.identifiers.passwords import CONNECTION_STRING, MESSAGE_PASSWORD, PASSWORD
from gateway.detect.identifiers.phones import LANDLINE, MOBILE
from gateway.detect.identifiers.places import ADDRESS, COORDINATES, VEHICLE_PLATE
from gateway.detect.identifiers.resident import ResidentIdDetector
from gateway.detect.identifiers.tokens import GITHUB_TOKEN, JWT, SLACK_TOKEN
from gateway.detect.identifiers.travel import HK_MO_PERMIT, PASSPORT, TW_PERMIT

DETECTORS: tuple[Detector, ...] = (
    ResidentIdDetector(),
    PASSPORT,
    HK_MO_PERMIT,
    TW_PERMIT,
    SSN,
    PAYMENT_CARD,
    BANK_CARD,
    IBAN,
    UsccDetector(),
    MOBILE,
    LANDLINE,
    EMAIL,
    ADDRESS,
    VEHICLE_PLATE,
    PERSON_NAME,
    IPV4,
    COORDINATES,
    PRIVATE_KEY,
    AWS_KEY,
    CLOUD_KEY,
    JWT,
    GITHUB_TOKEN,
    SLACK_TOKEN,
    PASSWORD,
    CONNECTION_STRING,
    MESSAGE_PASSWORD,
    *DOCUMENT_DETECTORS,
)
"""Identifiers, then documents as a whole."""

OVERLAPS: dict[str, tuple[str, ...]] = {
    "card.pan": ("cn.resident-id", "cn.bank-card", "iban"),
    "cn.bank-card": ("cn.resident-id", "iban"),
    "cn.uscc": ("cn.resident-id",),
    "cn.tw-permit": ("cn.landline", "cn.mobile"),
    "cn.hk-mo-permit": ("cn.passport",),
    "us.ssn": ("cn.mobile", "cn.landline", "cn.passport"),
    "cn.landline": ("cn.mobile",),
    "email": ("secret.connection-string",),
    "ipv4": ("secret.connection-string",),
    "secret.password": ("secret.connection-string", "secret.aws-key", "secret.cloud-cn", "secret.jwt"),
    "message.password": ("secret.password", "secret.connection-string"),
    "secret.cloud-cn": ("secret.aws-key",),
}
"""Signature → signatures whose matches stand where both lie on the same characters."""
