"""Are the packages that get imported ours? `formats` and `transports` are common names; other distributions use them."""

import importlib

from fwtool import VERSION_MARK


def check_marks() -> str:
    """Empty if all is well, else a sentence that names the intruder."""
    for name in ("formats", "transports", "hwsim", "firmware_samples"):
        try:
            module = importlib.import_module(name)
        except ImportError as error:
            return f"the package {name!r} of fwtool is missing ({error}); install fwtool-terminal again"
        if getattr(module, "VERSION_MARK", None) != VERSION_MARK:
            return (
                f"the package {name!r} at {getattr(module, '__file__', '?')} is not the one of {VERSION_MARK}: "
                "another distribution shadows it; install fwtool-terminal in an environment of its own"
            )
    return ""
