"""What a package says of itself, as JSON has it."""

from typing import Any

from formats.fwp.manifest import NO_ADDRESS, Component
from formats.fwp.package import Package


def describe_package(package: Package) -> dict[str, Any]:
    manifest = package.manifest
    return {
        "format": "fwp",
        "package_id": manifest.package_id,
        "vendor": manifest.vendor,
        "hardware": str(manifest.hardware),
        "version": str(manifest.version),
        "minimum_version": str(manifest.minimum_version),
        "security_counter": manifest.security_counter,
        "build_id": manifest.build_id,
        "build_time": manifest.build_time,
        "block_size": manifest.block_size,
        "digest": package.sealed.digest.hex(),
        "components": [_component(package, component) for component in manifest.components],
        "recipients": [recipient.key_id.hex() for recipient in manifest.recipients],
        "signatures": [signature.key_id.hex() for signature in package.sealed.signatures.signatures],
        "notes": {note.language: note.text for note in manifest.notes},
    }


def _component(package: Package, component: Component) -> dict[str, Any]:
    about = package.manifest.components[component.about - 1].name if component.about else None
    return {
        "name": component.name,
        "type": component.type_name,
        "version": str(component.version),
        "address": None if component.address == NO_ADDRESS else component.address,
        "size": component.installed_size,
        "stored_size": component.stored_size,
        "encoding": component.encoding.name.lower(),
        "cipher": component.cipher.name.lower().replace("_", "-"),
        "about": about,
        "digest": component.digest.hex(),
    }
