"""Workbooks made by hand, as no spreadsheet would write them."""

import io
import zipfile

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_RELATIONS = (
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    '<Relationship Id="r1" Type="{kind}" Target="{target}"/></Relationships>'
)


def sheet(inside: str, before: str = "") -> str:
    """Return a sheet of some rows."""
    return f'{before}<worksheet xmlns="{_MAIN}"><sheetData>{inside}</sheetData></worksheet>'


def packed(worksheet: str | bytes, **more: bytes) -> bytes:
    """Return a workbook of one sheet; ``more`` are parts by name, __ for a slash."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        document = _RELATIONS.format(kind=f"{_OFFICE}/officeDocument", target="xl/workbook.xml")
        archive.writestr("_rels/.rels", document)
        archive.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>'
            '<sheet name="S" sheetId="1" r:id="r1"/></sheets></workbook>',
        )
        related = _RELATIONS.format(kind=f"{_OFFICE}/worksheet", target="worksheets/sheet1.xml")
        archive.writestr("xl/_rels/workbook.xml.rels", related)
        archive.writestr("xl/worksheets/sheet1.xml", worksheet)
        for name, content in more.items():
            archive.writestr(name.replace("__", "/"), content)
    return out.getvalue()
