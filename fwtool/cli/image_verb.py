"""`fwtool image`: the group; each verb has a file of its own, loaded when it is named."""

import click

from fwtool.cli.lazy import Entry, lazy_group

VERBS = {
    "build": Entry("fwtool.cli.image_build", "Build an unsigned package."),
    "sign": Entry("fwtool.cli.image_sign", "Add a signature of each key.", "sign"),
    "digest": Entry("fwtool.cli.image_sign", "Write the bytes that are to be signed elsewhere.", "digest"),
    "attach-signature": Entry("fwtool.cli.image_sign", "Put a signature made elsewhere into the package.", "attach_signature"),
    "verify": Entry("fwtool.cli.image_verify", "Check signatures and every byte."),
    "show": Entry("fwtool.cli.image_show", "Show what is in an image file; with --hex, every byte of it."),
    "diff": Entry("fwtool.cli.image_diff", "Say what differs between two packages or images."),
    "convert": Entry("fwtool.cli.image_convert", "Turn an image into another format."),
    "extract": Entry("fwtool.cli.image_extract", "Write each component or piece into a folder."),
    "vulnerabilities": Entry("fwtool.cli.image_vulnerabilities", "Check the SBOMs of a package against advisories."),
}


@click.group(cls=lazy_group(VERBS))
def command() -> None:
    """Build, sign, verify, inspect and convert firmware images."""
