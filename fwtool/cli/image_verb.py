"""`fwtool image`: the group; each verb has a file of its own."""

import click

from formats.fwp.manifest import ComponentType
from fwtool.cli import (
    image_build,
    image_convert,
    image_diff,
    image_extract,
    image_show,
    image_sign,
    image_verify,
    image_vulnerabilities,
)
from fwtool.cli.app import VerbGroup
from fwtool.packages import documents_of


@click.group(cls=VerbGroup)
def command() -> None:
    """Build, sign, verify, inspect and convert firmware images."""


for verb in (
    image_build.command, image_sign.sign, image_sign.digest, image_sign.attach_signature, image_verify.command,
    image_show.command, image_diff.command, image_convert.command, image_extract.command,
    image_vulnerabilities.vulnerabilities(lambda path: documents_of(path, ComponentType.SBOM)),
):  # fmt: skip
    command.add_command(verb)
