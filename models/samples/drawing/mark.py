"""The app's mark: an eight-petalled rosette that borrows a color from every style."""

from PIL import Image

from .pen import Sheet
from .shapes import circle, petal, scallop, swell

RED, COBALT, GOLD, CREAM, TEAL = "#c9252b", "#23409c", "#e9b23c", "#fff8ea", "#1f9aa8"


def rosette(side: int) -> Image.Image:
    """The mark, ``side`` pixels square, transparent around it."""
    sheet, cut = Sheet(2, 2, CREAM), Sheet(2, 2, "#000000")
    for pen, solid in ((sheet.pen, None), (cut.pen, "#ffffff")):
        for p in pen.around(8, 0, 112.5):
            p.fill(petal(0.34, 0.7, 0.6) * 0.92, solid or TEAL)
            p.dot(0.9, 0.07, solid or GOLD)
        for i, p in enumerate(pen.around(8)):
            p.fill(petal(0.62, 0.66, 0.6) * 0.98, solid or CREAM)
            p.fill(petal(0.54, 0.66, 0.6) * 0.91 + 0.035, solid or (RED, COBALT)[i % 2])
    for i, p in enumerate(sheet.pen.around(8)):
        p.fill(petal(0.26, 0.68, 0.7) * 0.5 + 0.33, (GOLD, CREAM)[i % 2])
        p.stroke(0.5 + 0.26 * petal(0, 0.5).real[:40], swell(0.07), (RED, COBALT)[i % 2])
    sheet.pen.fill(scallop(8, 0.16, 0.33), CREAM)
    sheet.pen.fill(scallop(8, 0.16, 0.28), GOLD)
    sheet.pen.fill(circle(0.15), RED)
    sheet.pen.fill(circle(0.07), CREAM)
    picture = Image.merge("RGBA", (*sheet.image.split(), cut.image.convert("L")))
    return picture.resize((side, side), Image.LANCZOS)
