"""The parts of the local stack that need no processes: ports, lock, keys, stack.json, settings."""

from __future__ import annotations

import json
import socket
import stat
import subprocess
from contextlib import AbstractContextManager
from pathlib import Path

import jwt
import pytest

from natalog.local import kafka, ports, stack, stackfile
from natalog.local.issuer import create_keys, sign
from natalog.local.lock import Held, held
from natalog.local.postgres import PostgresNode
from natalog.settings import Settings, environment, load


def taken(directory: Path) -> AbstractContextManager[None]:
    return held(directory, taken=lambda: None)


def test_kept_ports_are_used_again_and_taken_ones_replaced() -> None:
    with socket.socket() as other:
        other.bind((ports.LOOPBACK, 0))
        other.listen()
        taken = other.getsockname()[1]
        free = ports.choose(["x"], {})["x"]
        chosen = ports.choose(["a", "b", "c"], {"a": free, "b": taken})
    assert chosen["a"] == free
    assert chosen["b"] != taken
    assert len(set(chosen.values())) == 3


@pytest.mark.parametrize("content", ["", "[1]", "{", '{"a": "x"}'])
def test_a_damaged_port_file_counts_as_none(tmp_path: Path, content: str) -> None:
    (tmp_path / "ports.json").write_text(content)
    assert ports.load(tmp_path / "ports.json") == {}


def test_the_second_holder_is_told_who_holds(tmp_path: Path) -> None:
    import os

    with taken(tmp_path), pytest.raises(Held) as refused, taken(tmp_path):
        pass
    assert refused.value.pid == os.getpid()
    with taken(tmp_path):
        pass


def test_keys_are_secret_stable_and_verify(tmp_path: Path) -> None:
    keys = create_keys(tmp_path)
    assert stat.S_IMODE(keys.issuer.stat().st_mode) == 0o600
    assert stat.S_IMODE(keys.seal.stat().st_mode) == 0o600
    assert len(keys.seal.read_bytes()) == 32
    token = sign(keys.issuer, sub="desk-1", org="330106000000", roles=["station"], lifetime=60)
    assert create_keys(tmp_path) == keys
    (jwk,) = jwt.PyJWKSet.from_json(keys.jwks.read_text()).keys
    assert jwk.key_id == jwt.get_unverified_header(token)["kid"]
    claims = jwt.decode(token, jwk.key, algorithms=["EdDSA"])
    assert (claims["sub"], claims["org"], claims["roles"]) == ("desk-1", "330106000000", ["station"])
    assert claims["exp"] - claims["iat"] == 60


def test_stack_json_holds_only_what_runs(tmp_path: Path) -> None:
    running = stackfile.StackFile("http://127.0.0.1:1", "127.0.0.1:2", "key.pem", {"kafka": 3})
    running.write(tmp_path)
    content = json.loads((tmp_path / "stack.json").read_text())
    assert set(content) == {"gateway", "kafka", "issuer_key", "pids"}
    with taken(tmp_path):
        assert stackfile.read(tmp_path) == running
        (tmp_path / "stack.json").write_text(json.dumps({**content, "later": 1}))
        assert stackfile.read(tmp_path) == running
        stackfile.remove(tmp_path)
        assert stackfile.read(tmp_path) is None


def test_a_stack_json_left_by_a_killed_run_counts_as_none(tmp_path: Path) -> None:
    stackfile.StackFile("http://127.0.0.1:1", "127.0.0.1:2", "key.pem", {}).write(tmp_path)
    assert stackfile.read(tmp_path) is None
    gone = subprocess.Popen(["true"])
    gone.wait()
    (tmp_path / "lock").write_text(f"{gone.pid}\n")
    assert stackfile.read(tmp_path) is None
    with held(tmp_path, taken=lambda: stackfile.remove(tmp_path)):
        assert stackfile.read(tmp_path) is None


def test_settings_reach_a_child_through_its_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = Settings(kafka="127.0.0.1:1234", data=tmp_path, seal_key=tmp_path / "k", gateway_port=7)
    for name, value in environment(given).items():
        monkeypatch.setenv(name, value)
    assert load() == given


def test_a_wrong_setting_is_told_in_a_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NATALOG_GATEWAY_PORT", "eighty")
    with pytest.raises(SystemExit) as ended:
        load()
    assert ended.value.code == 2
    assert "NATALOG_GATEWAY_PORT=eighty" in capsys.readouterr().err


def test_the_password_of_the_database_is_for_the_owner_alone(tmp_path: Path) -> None:
    stackfile.StackFile("http://127.0.0.1:1", "127.0.0.1:2", "key.pem", {}, "postgresql://n:p@h/d").write(
        tmp_path
    )
    assert stat.S_IMODE((tmp_path / "stack.json").stat().st_mode) == 0o600
    node = PostgresNode(tmp_path / "postgres", 1, tmp_path)
    assert node.url == node.url
    assert stat.S_IMODE((tmp_path / "postgres.password").stat().st_mode) == 0o600


@pytest.mark.parametrize("place", ["no checkout", "a checkout without them", "a directory without them"])
def test_missing_jars_say_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    monkeypatch.setattr(kafka, "checkout", lambda: tmp_path if place == "a checkout without them" else None)
    with pytest.raises(kafka.KafkaUnavailable) as missing:
        kafka.find_libs(tmp_path if place == "a directory without them" else None)
    assert "`make setup`" in str(missing.value)
    assert "NATALOG_KAFKA_LIBS=LIBS" in str(missing.value)


@pytest.mark.parametrize("cause", ["no programs", "initdb fails"])
def test_all_else_runs_where_postgresql_cannot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, cause: str
) -> None:
    programs = None
    if cause == "initdb fails":
        programs = tmp_path / "bin"
        programs.mkdir()
        (programs / "initdb").symlink_to("/bin/false")
    monkeypatch.setattr(stack, "find_binaries", lambda: programs)
    monkeypatch.setattr(stack, "find_libs", lambda _: tmp_path)
    monkeypatch.setattr(stack, "find_java", lambda _: tmp_path / "java")
    made = stack.Stack.prepare(tmp_path, load())
    names = {service.name for service in made.services()} - {"prometheus"}
    assert names == {"kafka", "registrar", "watch", "gateway"}
    assert made.describe({}).postgres is None
    assert "without" in caplog.text
