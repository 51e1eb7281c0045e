"""`fwtool keys`: generate, public, show."""

import pathlib

import click

from formats import algorithms, keys
from formats.errors import ToolError, TrustError
from formats.fwp import wrapping
from formats.sample_keys import SAMPLE_KEY_IDS
from fwtool.cli.app import App, Outcome, VerbGroup, pass_app
from fwtool.cli.signer_options import given_secret, open_signers, secret_options, secrets
from fwtool.files import read_small, write_file
from fwtool.signers import key_file

FILE = click.Path(path_type=pathlib.Path)


@click.group(cls=VerbGroup)
def command() -> None:
    """Make and inspect signing keys."""


@command.command()
@click.option(
    "--algorithm", type=click.Choice((*algorithms.ALGORITHMS, *wrapping.GROUP_ALGORITHMS)), default=algorithms.ED25519,
    show_default=True, help="The last two are keys of device groups, that packages are encrypted for.",
)  # fmt: skip
@click.option("--out", required=True, type=FILE, help="Private key file; made with mode 0600.")
@click.option("--passphrase-file", type=FILE, help="Encrypt with the first line of this file.")
@click.option("--passphrase-fd", type=click.IntRange(0, 2**31 - 1), metavar="N", help="Encrypt with the first line it gives.")
@pass_app
def generate(
    app: App, algorithm: str, out: pathlib.Path, passphrase_file: pathlib.Path | None, passphrase_fd: int | None
) -> Outcome:
    """Make a private key (PKCS#8 PEM)."""
    del app
    if out.exists():
        raise ToolError(f"{out} exists: keys are never overwritten", name="usage", hint="Choose another name.")
    secret = given_secret(passphrase_file, passphrase_fd)
    key: keys.PrivateKey | wrapping.GroupKey
    key = wrapping.generate(algorithm) if algorithm in wrapping.GROUP_ALGORITHMS else keys.generate(algorithm)
    write_file(out, key.pem(secret), private=True)
    key_id = key.public.key_id.hex()
    return Outcome({"path": str(out), "algorithm": algorithm, "key_id": key_id}, [f"{out}: {algorithm} key {key_id[:16]}"], True)


@command.command()
@click.argument("key")
@click.option("--out", required=True, type=FILE, help="Public key file (PEM).")
@secret_options
@pass_app
def public(app: App, key: str, out: pathlib.Path, passphrase_file: pathlib.Path | None, passphrase_fd: int | None) -> Outcome:
    """Write the public half of a key: a private key file, pkcs11:URI or command:FILE.toml."""
    try:
        with open_signers(app, (key,), passphrase_file, passphrase_fd) as signers:
            half: keys.PublicKey | wrapping.GroupPublic = signers[0].public
    except TrustError:  # a kind of key that does not sign: a group's, or none of ours
        half = wrapping.read_private(read_small(pathlib.Path(key)), given_secret(passphrase_file, passphrase_fd)).public
    write_file(out, half.pem())
    key_id = half.key_id.hex()
    return Outcome({"path": str(out), "key_id": key_id}, [f"{out}: {half.algorithm} public key {key_id[:16]}"], True)


@command.command()
@click.argument("file", type=FILE)
@secret_options
@pass_app
def show(app: App, file: pathlib.Path, passphrase_file: pathlib.Path | None, passphrase_fd: int | None) -> Outcome:
    """Show kind and id of a key file; a weak key is refused."""
    del app
    data = read_small(file)
    secret = b"PRIVATE KEY" in data
    key = key_file.load(file, secrets(passphrase_file, passphrase_fd)).public if secret else keys.read_public(data)
    sample = key.key_id in SAMPLE_KEY_IDS
    facts = {"algorithm": key.algorithm, "key_id": key.key_id.hex(), "private": secret, "sample": sample}
    lines = [f"{'private' if secret else 'public'} key, {key.algorithm}", f"key id  {key.key_id.hex()}"]
    return Outcome(facts, [*lines, *(["SAMPLE KEY: refused outside --dev"] if sample else [])])
