"""NATALOG_KAFKA_PROPERTIES: what may stand in the file, who says so, and that no secret gets out."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from faust.auth import SASLCredentials, SSLCredentials
from faust.types.auth import AuthProtocol, SASLMechanism
from typer.testing import CliRunner

from natalog.cli import build
from natalog.cluster import Cluster, read_properties
from natalog.kafka.clients import refusal
from natalog.settings import Settings, environment, load
from natalog.watch.credentials import NotTranslated, credentials_of
from natalog.watch.main import main as watch

SECRET = "pass=word#1"
SCRAM = {
    "security.protocol": "SASL_PLAINTEXT",
    "sasl.mechanism": "SCRAM-SHA-512",
    "sasl.username": "natalog-watch",
    "sasl.password": SECRET,
}


def written(directory: Path, *lines: str) -> Path:
    file = directory / "client.properties"
    file.write_text("\n".join(lines))
    return file


def scram(directory: Path) -> Path:
    return written(
        directory, "# the registrar's", "", *(f"{name} = {value}" for name, value in SCRAM.items())
    )


def test_a_file_is_read(tmp_path: Path) -> None:
    assert read_properties(scram(tmp_path)) == SCRAM
    assert refusal(Cluster("127.0.0.1:1", SCRAM)) == ""


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("linger.ms=5", "line 2: linger.ms does not belong here: take it out"),
        ("bootstrap.servers=a:1", "line 2: bootstrap.servers does not belong here: brokers are named by"),
        (
            "sasl.jaas.config=x",
            "line 2: sasl.jaas.config does not belong here: that is Java's; write sasl.username",
        ),
        ("sasl.password", "line 2: write NAME=VALUE"),
        (f"{SECRET} again=1", "line 2: write NAME=VALUE"),
        ("security.protocol=SSL", "line 2: security.protocol stands there twice"),
    ],
)
def test_a_wrong_line_is_named_and_no_service_starts(
    line: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(tmp_path, "security.protocol=SASL_SSL", line)
    monkeypatch.setenv("NATALOG_KAFKA_PROPERTIES", str(file))
    with pytest.raises(SystemExit) as ended:
        load()
    told = capsys.readouterr().err
    assert ended.value.code == 2
    assert f"NATALOG_KAFKA_PROPERTIES={file}: {says}" in told
    assert SECRET not in told


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("sasl.user=a", "sasl.user"),
        ("security.protocol=TLS", "security.protocol"),
        ("sasl.mechanism=PLAIN", "sasl.username"),
    ],
)
@pytest.mark.parametrize("command", [["run", "registrar"], ["topics", "plan"], ["tail", "ledger"]])
def test_what_librdkafka_does_not_take_is_refused_before_anything_else(
    line: str, says: str, command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    protocol = [] if line.startswith("security") else ["security.protocol=SASL_SSL"]
    file = written(tmp_path, *protocol, line, f"sasl.password={SECRET}")
    monkeypatch.setenv("NATALOG_KAFKA_PROPERTIES", str(file))
    done = CliRunner().invoke(build(command), command)
    assert done.exit_code == 2
    assert str(file) in done.output
    assert says in done.output
    assert SECRET not in done.output


def test_a_child_gets_the_file_and_never_what_stands_in_it(tmp_path: Path) -> None:
    settings = Settings(kafka="a:1", kafka_properties=scram(tmp_path))
    variables = environment(settings)
    assert variables["NATALOG_KAFKA_PROPERTIES"] == str(settings.kafka_properties)
    assert settings.cluster == Cluster("a:1", SCRAM)
    for shown in (repr(variables), repr(settings), repr(settings.cluster)):
        assert SECRET not in shown


def test_the_watch_connects_as_the_others_do() -> None:
    found = credentials_of(SCRAM)
    assert isinstance(found, SASLCredentials)
    assert (found.protocol, found.mechanism) == (AuthProtocol.SASL_PLAINTEXT, SASLMechanism.SCRAM_SHA_512)
    assert (found.username, found.password) == ("natalog-watch", SECRET)
    assert credentials_of({}) is None
    assert credentials_of({"security.protocol": "plaintext"}) is None


def test_the_watch_verifies_brokers_over_tls(tls_files: tuple[Path, Path]) -> None:
    certificate, key = tls_files
    tls = {"ssl.ca.location": str(certificate)}
    found = credentials_of({"security.protocol": "ssl", **tls})
    assert isinstance(found, SSLCredentials)
    assert found.context.check_hostname
    assert len(found.context.get_ca_certs()) == 1, "no other authority is trusted"
    own = {"ssl.certificate.location": str(certificate), "ssl.key.location": str(key)}
    assert isinstance(credentials_of({"security.protocol": "SSL", **tls, **own}), SSLCredentials)
    both = credentials_of({**SCRAM, "security.protocol": "SASL_SSL", **tls})
    assert isinstance(both, SASLCredentials)
    assert both.protocol is AuthProtocol.SASL_SSL


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"sasl.mechanism": "OAUTHBEARER"}, "sasl.mechanism"),
        ({"ssl.endpoint.identification.algorithm": "none"}, "ssl.endpoint.identification.algorithm"),
        ({"security.protocol": "SASL_SSL", "ssl.ca.location": "/nowhere.pem"}, "cannot be used"),
    ],
)
def test_what_the_watch_cannot_be_given_is_refused(more: dict[str, str], says: str) -> None:
    with pytest.raises(NotTranslated, match=says) as refused:
        credentials_of({**SCRAM, **more})
    assert SECRET not in str(refused.value)


def test_the_watch_ends_as_with_any_wrong_setting(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = written(tmp_path, "security.protocol=SASL_PLAINTEXT", "sasl.mechanism=OAUTHBEARER")
    with caplog.at_level(logging.ERROR):
        assert watch(Settings(kafka_properties=file, data=tmp_path)) == 2
    assert "NATALOG_KAFKA_PROPERTIES" in caplog.text


@pytest.fixture
def tls_files(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate that is its own authority, and its key."""
    from datetime import UTC, datetime, timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kafka")])
    certificate = (
        x509.CertificateBuilder(name, name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime.now(UTC) - timedelta(hours=1))
        .not_valid_after(datetime.now(UTC) + timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    files = tmp_path / "kafka.pem", tmp_path / "kafka.key"
    files[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return files
