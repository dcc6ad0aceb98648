"""A workbook (.xlsx) as an archive of XML parts, read with bounds that hold whatever it says.

Readers at hand do not: one aborts the process on a file of 1.4 kB with cells in two corners, one
takes 2.5 GB for a file of 32 kB with millions of empty cells, and none tells a formula without a
stored result from an empty cell. So the standard library's archive and XML parser are used as
streams: what is unpacked is counted, and nothing is built that is not kept.
"""

import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping
from posixpath import dirname, join, normpath
from xml.parsers import expat

from service.problems import Problem

MOST_PARTS = 1_000
MOST_UNPACKED = 64 << 20  # bytes of one part
MOST_ELEMENTS = 500_000  # of one part; 10,000 full rows have 400,000
LONGEST_TOKEN = 1 << 20  # bytes of a tag or comment: it is scanned again with every chunk
DEEPEST = 64
CHUNK = 64 << 10
MACROS = "vbaproject.bin"
BROKEN = (
    zipfile.BadZipFile, zlib.error, struct.error, EOFError, LookupError, NotImplementedError,
    OSError, OverflowError, RuntimeError, ValueError,
)  # fmt: skip
PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)

Start = Callable[[str, Mapping[str, str]], None]
End = Callable[[str], None]
Text = Callable[[str], None]


def refused(code: str, detail: str, detail_zh: str) -> Problem:
    """Return the problem of a file that cannot be read as a table."""
    return Problem(422, code, detail, detail_zh)


class Parts:
    """The parts of a workbook; raises a problem for what is none."""

    def __init__(self, body: bytes) -> None:
        try:
            self._archive = zipfile.ZipFile(io.BytesIO(body))
            members = self._archive.infolist()
        except BROKEN as error:
            raise _broken() from error
        if len(members) > MOST_PARTS:
            raise _too_large()
        if any(member.filename.lower().endswith(MACROS) for member in members):
            raise refused(
                "macros",
                "The workbook holds macros; save it as .xlsx without them.",
                "工作簿含有宏，请另存为不含宏的 .xlsx 文件。",
            )
        self._names = {member.filename.lstrip("/"): member for member in members}

    def __contains__(self, name: str) -> bool:
        return name in self._names

    def parse(
        self, name: str, start: Start, end: End | None = None, text: Text | None = None
    ) -> None:
        """Parse a part and report its elements by local names; raises a problem."""
        member = self._names.get(name)
        if member is None or member.compress_type not in PACKED:
            raise _broken()
        reader = _Bounded(start, end)
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.StartElementHandler = reader.start
        parser.EndElementHandler = reader.end
        parser.StartDoctypeDeclHandler = _no_doctype
        if text is not None:
            parser.CharacterDataHandler = text
        unpacked = 0
        try:
            with self._archive.open(member) as stream:
                while chunk := stream.read(CHUNK):
                    unpacked += len(chunk)
                    parser.Parse(chunk, False)
                    behind = unpacked - parser.CurrentByteIndex
                    if unpacked > MOST_UNPACKED or behind > LONGEST_TOKEN:
                        raise _too_large()
            parser.Parse(b"", True)
        except (*BROKEN, expat.ExpatError) as error:
            raise _broken() from error

    def related(self, name: str) -> dict[str, tuple[str, str]]:
        """Return what a part refers to: last word of the kind, and the part's name, by id."""
        folder, _, file = name.rpartition("/")
        found: dict[str, tuple[str, str]] = {}

        def start(tag: str, of: Mapping[str, str]) -> None:
            if tag == "Relationship" and of.get("TargetMode") != "External":
                target = of.get("Target", "")
                path = target.lstrip("/") if target.startswith("/") else join(dirname(name), target)
                found[of.get("Id", "")] = of.get("Type", "").rpartition("/")[2], normpath(path)

        self.parse(f"{folder}/_rels/{file}.rels".lstrip("/"), start)
        return found


class _Bounded:
    """Handlers that count, and strip namespaces."""

    def __init__(self, start: Start, end: End | None) -> None:
        self._start, self._end = start, end
        self._left, self._depth = MOST_ELEMENTS, 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._left -= 1
        self._depth += 1
        if self._left < 0 or self._depth > DEEPEST:
            raise _too_large()
        self._start(tag.rpartition(" ")[2], attributes)

    def end(self, tag: str) -> None:
        self._depth -= 1
        if self._end is not None:
            self._end(tag.rpartition(" ")[2])


def _no_doctype(*_: object) -> None:
    raise refused(
        "not_a_workbook",
        "The workbook declares a document type, which no spreadsheet does; save it anew.",
        "工作簿含有文档类型声明，非正常表格文件；请重新另存。",
    )


def _broken() -> Problem:
    return refused(
        "not_a_workbook",
        "This is no readable workbook; open it in a spreadsheet and save it as .xlsx without a"
        " password.",
        "无法读取该工作簿；请用表格软件打开并另存为不加密的 .xlsx。",
    )


def _too_large() -> Problem:
    return refused(
        "too_large",
        "The workbook is too large when unpacked; keep the rows that are to be entered only.",
        "工作簿解压后过大；请只保留要录入的行。",
    )
