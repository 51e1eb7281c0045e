"""A page as one HTML file: no script, no network, readable in black and white, on screen and printed."""

import base64
from collections.abc import Iterator, Sequence
from typing import Any, Final

from fwtool.pages import template
from fwtool.report.chart import chart, shown
from fwtool.report.document import PAGE_LANGUAGES, Block, Curve, Document, Picture

WIDTH: Final = 640
HEIGHT: Final = 120
LEFT: Final = 60
TOP: Final = 14


def page(document: Document) -> bytes:
    """The file."""
    blocks = [(type(first).__name__.lower(), group) for first, group in _grouped(document.blocks)]
    text = template("fwtool.report", "page.html.j2").render(
        document=document, lang=PAGE_LANGUAGES[document.language], blocks=blocks, data_url=_url, plot=_plot
    )
    return text.encode("utf-8")


def _grouped(blocks: Sequence[Block]) -> Iterator[tuple[Block, list[Block]]]:
    """Pictures that follow each other go together."""
    group: list[Block] = []
    for block in blocks:
        if group and not (isinstance(block, Picture) and isinstance(group[0], Picture)):
            yield group[0], group
            group = []
        group.append(block)
    if group:
        yield group[0], group


def _url(picture: Picture) -> str:
    kind = "png" if picture.data.startswith(b"\x89PNG") else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(picture.data).decode()}"


def _plot(curve: Curve) -> dict[str, Any]:
    found = chart(curve)
    width, height = WIDTH - LEFT - 20, HEIGHT - 2 * TOP
    points = [(round(LEFT + x * width, 1), round(TOP + (1 - y) * height, 1)) for x, y in found.points]
    return {
        "width": WIDTH, "height": HEIGHT + 18, "left": LEFT, "top": TOP, "bottom": HEIGHT - TOP, "right": WIDTH - 20,
        "points": points, "line": " ".join(f"{x},{y}" for x, y in points), "low": shown(found.low), "high": shown(found.high),
        "first": curve.days[0], "last": curve.days[-1], "base": HEIGHT + 8,
    }  # fmt: skip
