"""Which spare parts a visit has used: by class where the technician's word is one of ours, else as it was written. Pure."""

from collections import Counter
from typing import Final

from fwtool.causes.parts import PARTS
from fwtool.visit.state import Visit

ANSWERED: Final = (("paper.roll", "paper"), ("battery.replaced", "battery"))
"""Question, and the part that was used if it was answered with yes."""
CLASSES: Final = {word.casefold(): name for name, words in PARTS.items() for word in (name, *words)}


def used(visit: Visit) -> tuple[dict[str, int], list[str]]:
    """How many of each class, and the names of other things."""
    counts = Counter(part for question, part in ANSWERED if visit.answer(question))
    others = []
    for word in visit.answer("record.used") or ():
        name = CLASSES.get(str(word).strip().casefold())
        if name is None:
            others.append(str(word))
        elif name not in dict(ANSWERED).values() or name not in counts:  # step 3 and 4 have asked for these already
            counts[name] += 1
    return dict(counts), others
