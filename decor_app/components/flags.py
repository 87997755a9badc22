"""The flags of the countries that the styles come from, as small SVG drawings.

Not as emoji: many systems show those as two letters.
"""

from urllib.parse import quote

_STRIPES = {
    "Russia": ("#fff", "#0039a6", "#d52b1e"),
    "Poland": ("#fff", "#dc143c"),
    "Belarus": ("#ce1720", "#ce1720", "#007c30"),
    "Turkey": ("#e30a17",),
}
_EXTRA = {
    "Turkey": '<circle cx="10" cy="8" r="4" fill="#fff"/><circle cx="11.1" cy="8" r="3.2" '
    'fill="#e30a17"/><path d="M13.2 8l3.4-1.1-2.1 2.9V6.2l2.1 2.900z" fill="#fff"/>',
    # The woven ornament along the hoist.
    "Belarus": '<path d="M0 0h3v16H0z" fill="#fff"/><path d="M1.5 .5l1.2 2.5-1.2 2.5'
    "-1.2-2.500zM1.5 5.500l1.2 2.5-1.2 2.5-1.2-2.500zM1.5 10.500l1.2 2.5-1.2 2.5"
    '-1.2-2.500z" fill="#ce1720"/>',
}


def flag(country: str) -> str:
    """The flag as an ``img`` element that assistive software passes over; empty if unknown."""
    if country not in _STRIPES:
        return ""
    stripes = _STRIPES[country]
    height = 16 / len(stripes)
    bands = "".join(
        f'<path d="M0 {i * height:.2f}h24v{height:.2f}H0z" fill="{color}"/>'
        for i, color in enumerate(stripes)
    )
    drawing = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 16">{bands}'
        f"{_EXTRA.get(country, '')}</svg>"
    )
    return f'<img class="decor-flag" alt="" src="data:image/svg+xml,{quote(drawing)}">'
