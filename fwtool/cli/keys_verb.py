"""`fwtool keys`: generate, public, show."""

import pathlib

import click

from formats import algorithms, keys
from formats.errors import FormatError, ToolError
from formats.sample_keys import SAMPLE_KEY_IDS
from fwtool.cli.app import App, Outcome, VerbGroup, pass_app
from fwtool.files import read_small, write_file


@click.group(cls=VerbGroup)
def command() -> None:
    """Make and inspect signing keys."""


@command.command()
@click.option("--algorithm", type=click.Choice(tuple(algorithms.ALGORITHMS)), default=algorithms.ED25519, show_default=True)
@click.option("--out", required=True, type=click.Path(path_type=pathlib.Path), help="Private key file; made with mode 0600.")
@click.option("--passphrase-file", type=click.Path(path_type=pathlib.Path), help="Encrypt with the first line of this file.")
@pass_app
def generate(app: App, algorithm: str, out: pathlib.Path, passphrase_file: pathlib.Path | None) -> Outcome:
    """Make a private key (PKCS#8 PEM)."""
    del app
    if out.exists():
        raise ToolError(f"{out} exists: keys are never overwritten", name="usage", hint="Choose another name.")
    key = keys.generate(algorithm)
    write_file(out, key.pem(read_passphrase(passphrase_file)), private=True)
    key_id = key.public.key_id.hex()
    return Outcome({"path": str(out), "algorithm": algorithm, "key_id": key_id}, [f"{out}: {algorithm} key {key_id[:16]}"], True)


@command.command()
@click.argument("key", type=click.Path(path_type=pathlib.Path))
@click.option("--out", required=True, type=click.Path(path_type=pathlib.Path), help="Public key file (PEM).")
@click.option("--passphrase-file", type=click.Path(path_type=pathlib.Path), help="Its first line opens the private key.")
@pass_app
def public(app: App, key: pathlib.Path, out: pathlib.Path, passphrase_file: pathlib.Path | None) -> Outcome:
    """Write the public half of a private key."""
    del app
    half = keys.read_private(read_small(key), read_passphrase(passphrase_file)).public
    write_file(out, half.pem())
    key_id = half.key_id.hex()
    return Outcome({"path": str(out), "key_id": key_id}, [f"{out}: {half.algorithm} public key {key_id[:16]}"], True)


@command.command()
@click.argument("file", type=click.Path(path_type=pathlib.Path))
@click.option("--passphrase-file", type=click.Path(path_type=pathlib.Path), help="Its first line opens a private key.")
@pass_app
def show(app: App, file: pathlib.Path, passphrase_file: pathlib.Path | None) -> Outcome:
    """Show kind and id of a key file; a weak key is refused."""
    del app
    data = read_small(file)
    secret = b"PRIVATE KEY" in data
    key = keys.read_private(data, read_passphrase(passphrase_file)).public if secret else keys.read_public(data)
    sample = key.key_id in SAMPLE_KEY_IDS
    facts = {"algorithm": key.algorithm, "key_id": key.key_id.hex(), "private": secret, "sample": sample}
    lines = [f"{'private' if secret else 'public'} key, {key.algorithm}", f"key id  {key.key_id.hex()}"]
    return Outcome(facts, [*lines, *(["SAMPLE KEY: refused outside --dev"] if sample else [])])


def read_passphrase(path: pathlib.Path | None) -> bytes | None:
    """The first line of a passphrase file."""
    if path is None:
        return None
    line = read_small(path, 4096).split(b"\n", 1)[0].rstrip(b"\r")
    if not line:
        raise FormatError(f"{path} holds no passphrase", name="usage")
    return line
