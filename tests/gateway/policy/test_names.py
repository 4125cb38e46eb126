"""Names of signatures for people."""

from __future__ import annotations

from gateway.policy.names import SIGNATURE_NAMES

PROMISED = [
    "cn.resident-id",
    "cn.mobile",
    "cn.uscc",
    "cn.passport",
    "cn.hk-mo-permit",
    "cn.tw-permit",
    "cn.vehicle-plate",
    "cn.bank-card",
    "cn.address",
    "cn.person-name",
    "cn.landline",
    "card.pan",
    "iban",
    "us.ssn",
    "email",
    "ipv4",
    "geo.coordinates",
    "secret.aws-key",
    "secret.private-key",
    "secret.jwt",
    "secret.github-token",
    "secret.slack-token",
    "secret.password",
    "secret.connection-string",
    "secret.cloud-cn",
    "marking.state-secret",
    "marking.company-secret",
    "marking.internal",
    "doc.contract",
    "doc.technical-drawing",
    "doc.source-code",
    "doc.payroll",
    "doc.customer-list",
    "doc.financial",
    "doc.strategy",
    "doc.hr-file",
    "doc.resume",
    "message.password",
]
"""The names the product's interface promises."""


def test_every_promised_signature_has_a_name_in_both_languages():
    assert [name for name in PROMISED if name not in SIGNATURE_NAMES] == []
    assert all(set(names) == {"zh", "en"} and all(names.values()) for names in SIGNATURE_NAMES.values())


def test_a_name_reads_as_written():
    assert SIGNATURE_NAMES["cn.resident-id"] == {"zh": "居民身份证号", "en": "resident ID number"}
