"""Cells of a CSV that a spreadsheet must not run as formulas."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def escape_cell(value: object) -> object:
    """The value, or text that a spreadsheet cannot take for a formula: an apostrophe before it
    (OWASP, “CSV injection”). ``unescape_cell`` takes it away again."""
    return f"'{value}" if isinstance(value, str) and _risky(value) else value


def unescape_cell(text: str) -> str:
    """The text that ``escape_cell`` was given."""
    return text[1:] if text.startswith("'") and _risky(text) else text


def _risky(text: str) -> bool:
    return text.lstrip("'").startswith(_FORMULA)
