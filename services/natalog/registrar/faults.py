"""Why a registrar ends. It is crash-only: none of these is repaired in place, a new process reads the ledger anew."""

from __future__ import annotations

from confluent_kafka import KafkaError, KafkaException

from natalog.exits import Exit


class Ending(Exception):
    """Ends the process with `code`."""

    code = Exit.DIFFERS


class Fenced(Ending):
    """Another process with the same instance id joined. This one stays down, or the two would fence each other."""

    code = Exit.FENCED


class ForeignWriter(Ending):
    """A committed record of somebody else stands in a partition this registrar holds."""

    code = Exit.FOREIGN_WRITER


class OutcomeUnknown(Ending):
    """Kafka did not say what became of a transaction, or gave it up. After a restart the ledger tells."""

    code = Exit.RESTART


class BatchRefused(Exception):
    """The transaction was aborted and nothing of it counts; its records are to be read again."""


def error_of(exception: KafkaException) -> KafkaError:
    """The error a KafkaException carries."""
    error = exception.args[0]
    assert isinstance(error, KafkaError)
    return error


def is_same_instance(error: KafkaError) -> bool:
    """Whether the group coordinator says that another process uses our instance id (KIP-345)."""
    if error.code() == KafkaError.FENCED_INSTANCE_ID:
        return True
    # To the application it comes once, as a general fatal error that tells the cause in words only.
    return bool(error.code() == KafkaError._FATAL and "group.instance.id" in error.str())
