"""Excel workbooks → rows of texts as people see them; other spreadsheets are refused by name."""

import io
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, time
from typing import Any

from decor_core.errors import DataError
from decor_core.text import format_bytes

_MAX_BYTES = 128 * 2**20  # that the XML in a workbook may unpack to
_MAX_CELLS = 5_000_000
_OLD_EXCEL = b"\xd0\xcf\x11\xe0"  # .xls, and any workbook with a password
_ZIP = b"PK\x03\x04"
_SAVE_AS = "please save the table as .xlsx or CSV"


def is_workbook(data: bytes) -> bool:
    """Whether the content is a spreadsheet's own format, not text."""
    return data.startswith((_OLD_EXCEL, _ZIP))


def read_sheets(data: bytes) -> dict[str, list[list[str]]]:
    """The cells of each sheet of an .xlsx, row by row, as texts; DataError where it is none."""
    if data.startswith(_OLD_EXCEL):
        raise DataError(
            f"The table is an old Excel file (.xls) or has a password; {_SAVE_AS}, without one."
        )
    with _workbook_errors(), zipfile.ZipFile(io.BytesIO(data)) as archive:
        size = sum(info.file_size for info in archive.infolist())
        members = set(archive.namelist())
    if "xl/workbook.xml" not in members:
        raise DataError(
            f"The table is a spreadsheet that cannot be read, such as .ods, .numbers or .xlsb; "
            f"{_SAVE_AS}."
        )
    if size > _MAX_BYTES:
        raise DataError(
            f"The Excel file unpacks to more than {format_bytes(_MAX_BYTES)}, the most allowed; "
            "please save the sheet with the pictures as CSV."
        )
    from openpyxl import load_workbook  # 0.2 s, which most need not wait for

    with warnings.catch_warnings():  # of parts that hold no cells
        warnings.simplefilter("ignore")
        with _workbook_errors():
            book = load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
        return {str(sheet.title): _rows(sheet) for sheet in book.worksheets}


@contextmanager
def _workbook_errors() -> Iterator[None]:
    """DataError for whatever a damaged or odd workbook makes zipfile and openpyxl raise."""
    try:
        yield
    except MemoryError:
        raise
    except Exception as error:
        raise DataError(f"The Excel file is damaged ({error}); {_SAVE_AS} again.") from error


def _cells(sheet: Any) -> Iterator[list[tuple[Any, str]]]:
    """The value and number format of each cell, row by row."""
    with _workbook_errors():  # what is done with a row is outside of it
        sheet.reset_dimensions()  # what the file says of them may be wrong
        for row in sheet.iter_rows():
            yield [(cell.value, getattr(cell, "number_format", "")) for cell in row]


def _rows(sheet: Any) -> list[list[str]]:
    """The cells of a sheet; those at the end of a row that are empty are left out."""
    rows, cells = [], 0
    for row in _cells(sheet):
        texts = [cell_text(value, number_format) for value, number_format in row]
        while texts and not texts[-1]:
            texts.pop()
        rows.append(texts)
        cells += len(texts)
        if cells > _MAX_CELLS:
            raise DataError(
                f"The sheet “{sheet.title}” has more than {_MAX_CELLS:,} cells, the most allowed."
            )
    return rows


def cell_text(value: Any, number_format: str = "") -> str:
    """A value as a spreadsheet shows it: 1.0 as “1”, True as “TRUE”, a date without a time.

    Of formats only such as 0000 counts, by which 1 is shown as “0001”.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and number_format and not number_format.strip("0"):
        return str(value).zfill(len(number_format))
    if isinstance(value, datetime) and value.time() == time():
        return str(value.date())
    return str(value)
