"""The cluster's client properties, which are librdkafka's, for Faust, whose client is aiokafka."""

from __future__ import annotations

import ssl
from collections.abc import Mapping

from faust.auth import SASLCredentials, SSLCredentials
from faust.types.auth import CredentialsT

_MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
_KNOWN = {
    "security.protocol",
    "sasl.mechanism",
    "sasl.mechanisms",
    "sasl.username",
    "sasl.password",
    "ssl.ca.location",
    "ssl.certificate.location",
    "ssl.key.location",
    "ssl.key.password",
}


class NotTranslated(Exception):
    """A property that the watch's second client cannot be given; the text says what to do. Never holds a value."""

    safe_to_log = True


def credentials_of(security: Mapping[str, str]) -> CredentialsT | None:
    """What `broker_credentials` takes; None for plain text. Raises NotTranslated."""
    if unknown := sorted(security.keys() - _KNOWN):
        raise NotTranslated(
            f"the watch cannot use {', '.join(unknown)}: give it a file of its own with SASL PLAIN or SCRAM, or TLS, "
            f"in no other words than {', '.join(sorted(_KNOWN))}"
        )
    protocol = security.get("security.protocol", "PLAINTEXT").upper()
    context = _tls(security) if protocol in ("SSL", "SASL_SSL") else None
    if protocol in ("SASL_PLAINTEXT", "SASL_SSL"):
        return SASLCredentials(
            username=security.get("sasl.username"),
            password=security.get("sasl.password"),
            ssl_context=context,
            mechanism=_mechanism(security),
        )
    return None if context is None else SSLCredentials(context)


def _mechanism(security: Mapping[str, str]) -> str:
    named = security.get("sasl.mechanism", security.get("sasl.mechanisms", ""))
    if named not in _MECHANISMS:
        raise NotTranslated(f"the watch needs sasl.mechanism to be one of {', '.join(_MECHANISMS)}")
    return named


def _tls(security: Mapping[str, str]) -> ssl.SSLContext:
    """Verifies the brokers' certificates and names, as librdkafka does; with a certificate of its own where one is
    given."""
    try:
        context = ssl.create_default_context(cafile=security.get("ssl.ca.location"))
        if certificate := security.get("ssl.certificate.location"):
            context.load_cert_chain(
                certificate, security.get("ssl.key.location"), security.get("ssl.key.password")
            )
    except OSError as error:  # ssl.SSLError is one
        raise NotTranslated(f"the files that ssl.*.location name cannot be used: {error}") from None
    return context
