"""Where a visit lies on this computer: the one that is open, its work order, pictures of slips."""

import hashlib
import io
import json
import pathlib
from collections.abc import Mapping
from typing import Final

from formats import work_order
from formats.errors import FormatError, LocalError
from formats.signed_file import MAX_SIZE
from formats.work_order import WorkOrder
from fwtool.files import read_small, write_file
from fwtool.stick import names
from fwtool.stick.layout import FOLDER
from fwtool.stick.media import Folder
from fwtool.stick.stick_file import LeftAlone
from fwtool.visit.state import Visit, from_json

CURRENT: Final = "current.json"
MAX_STATE: Final = 8 << 20
MAX_ORDERS: Final = 100


class Shelf:
    """The folder `visit` of the state folder.

    Raises:
        LocalError: it cannot be made, or a file in it cannot be read or written.
    """

    def __init__(self, state_dir: pathlib.Path) -> None:
        self.folder = state_dir / "visit"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise LocalError(f"{self.folder} cannot be made: {error.strerror}", name="disk") from error

    def current(self) -> Visit | None:
        """The visit that is open. Raises LocalError: it is damaged (`record_damaged`)."""
        path = self.folder / CURRENT
        if not path.exists():
            return None
        try:
            fields = json.loads(read_small(path, MAX_STATE))
        except (ValueError, RecursionError) as error:
            hint = "Move it away; the record says how far the visit came."
            raise LocalError(f"{path} is damaged: {error}", name="record_damaged", hint=hint) from error
        return from_json(fields if isinstance(fields, dict) else {})

    def save(self, visit: Visit) -> None:
        """On the disk when this returns."""
        write_file(self.folder / CURRENT, json.dumps(visit.as_json(), ensure_ascii=False, indent=1).encode())

    def close(self) -> None:
        """The open visit is over: it is in the record."""
        (self.folder / CURRENT).unlink(missing_ok=True)

    def keep_order(self, job: str, order: WorkOrder) -> None:
        write_file(self.folder / f"{job}{names.ORDER_SUFFIX}", order.file.build())

    def order(self, job: str) -> WorkOrder | None:
        """The order that a visit began with."""
        path = self.folder / f"{job}{names.ORDER_SUFFIX}"
        return work_order.parse(read_small(path, MAX_SIZE)) if path.exists() else None

    def keep_picture(self, data: bytes, suffix: str) -> dict[str, str]:
        """Keep a picture under its digest; get what the record says of it: a digest stays in a record as it is, while the digits
        of any other name could be taken for a card number.
        """
        digest = hashlib.sha256(data).hexdigest()
        write_file(self.folder / f"{digest}{suffix}", data)
        return {"suffix": suffix, "sha256": digest}

    def picture(self, kept: Mapping[str, str]) -> bytes | None:
        """A kept picture; None if it is gone, or no longer the one of the record."""
        path = self.folder / pathlib.PurePath(f"{kept['sha256']}{kept['suffix']}").name
        if not path.is_file():
            return None
        data = read_small(path, MAX_STATE)
        return data if hashlib.sha256(data).hexdigest() == kept["sha256"] else None


def orders_on(stick: pathlib.Path) -> list[WorkOrder]:
    """Work orders of a stick that can be read, in the order of their names. Nobody has vouched for them.

    Raises:
        LocalError: the stick cannot be read.
    """
    found = []
    with Folder.root(stick) as root:
        try:
            home = root.folder(FOLDER)
        except LeftAlone:
            return []
        with home:
            listed = [name for name in home.names() if name.lower().endswith(names.ORDER_SUFFIX)]
            for name in listed[:MAX_ORDERS]:
                try:
                    with io.BufferedReader(home.open(name)) as file:
                        data = file.read(MAX_SIZE + 1)
                    found.append(work_order.parse(data))
                except (LeftAlone, FormatError):
                    continue
    return found
