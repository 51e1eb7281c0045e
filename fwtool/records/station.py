"""The key of this computer, that heads of its log are signed with. It says which computer wrote a log, and no more:
whoever can use this account can use the key. What proves a log to others is a head that is kept somewhere else.
"""

import pathlib
from typing import Final

from formats import keys
from formats.errors import LocalError, ToolError
from formats.keys import PrivateKey, PublicKey
from fwtool.files import read_small, write_file

PRIVATE: Final = "station.pem"
PUBLIC: Final = "station.pub.pem"


def station_key(folder: pathlib.Path) -> PrivateKey:
    """The key in a folder, made (Ed25519, 0600, without a passphrase) if there is none. One process at a time, please.

    Raises:
        LocalError: it cannot be made or read (`record_damaged` where it is no such key).
    """
    path = folder / PRIVATE
    if not path.exists():
        made = keys.generate("ed25519")
        write_file(path, made.pem(), private=True)
        write_file(folder / PUBLIC, made.public.pem())
    try:
        return keys.read_private(read_small(path))
    except LocalError:
        raise
    except ToolError as error:
        raise LocalError(
            f"the key of this computer, {path}, cannot be used: {error.message}",
            name="record_damaged",
            hint="Put it back from a copy; or move it away: a new one is made, and `fwtool log verify` needs --public for both.",
        ) from error


def known_key(folder: pathlib.Path) -> PublicKey | None:
    """The public half, if there is a key."""
    return station_key(folder).public if (folder / PRIVATE).exists() else None
