"""Where the search begins: good inputs, and words that the decoders look for."""

from ingest.protocols.hj212_frames import build

DOCUMENT = (
    b'{"id":"d1","enterprise":"91620623MA0000001K","readings":[{"device":"M-01",'
    b'"quantity":"nmhc","statistic":"hour.mean","at":"2026-11-22T08:00:00.5+08:00","value":-1.5e3,'
    b'"quality":"uncertain"},{"device":"M-01","quantity":"electricity","at":"2026-11-22","value":1}]}'
)
SEGMENT = (
    b"QN=20260822080000001;ST=31;CN=2011;PW=123456;MN=62062300000001;Flag=5;PNUM=2;PNO=1;"
    b"CP=&&DataTime=20260822080000;a24088-Rtd=12.3,a24088-Flag=N;a24088-ZsRtd=--,a24088-Flag=Td;"
    b"RestartTime=20260822080000&&"
)
SEEDS = {
    "json_reading": [DOCUMENT, b'{"readings":[]}', DOCUMENT.replace(b"-1.5e3", b"1e999")],
    "hj212_frames": [
        b"\x07\x01\x40\x02" + build(SEGMENT) * 3,
        b"\x01\x01\x01\x01##12##0003abc" + build(b"x") + b"\r\n##0",
    ],
    "hj212": [SEGMENT, SEGMENT.replace(b"Flag=5", b"Flag=9"), b"ST=31;CN=9014;MN=1;CP=&&&&"],
}
WORDS = {
    "json_reading": [
        b'"id"', b'"enterprise"', b'"readings"', b'"device"', b'"quantity"', b'"statistic"',
        b'"at"', b'"value"', b'"quality"', b'"good"', b'"bad"', b"null", b"NaN", b"1e400", b"-0.0",
        b'"\\u0000"', b'"\\ud800"', b"+08:00", b"9999-12-31T23:59:59", b"[[[[", b'{"a":{"b":',
    ],
    "hj212_frames": [b"##", b"##0001", b"##9999", b"##1024", b"\r\n", b"F0F0", b"#"],
    "hj212": [
        b"QN=", b"ST=", b"CN=", b"PW=", b"MN=", b"Flag=", b"PNUM=", b"PNO=", b"RF=1", b"CP=&&",
        b"&&", b"DataTime=", b"RestartTime=", b"-Rtd=", b"-Avg=", b"-Flag=", b"-RS=", b";", b",",
        b"=", b"9014", b"20260822080000", b"1e999", b"1_0", b"NaN",
    ],
}  # fmt: skip


def dictionary(words: list[bytes]) -> str:
    """Return words as libFuzzer reads them."""
    return "".join('"' + "".join(f"\\x{byte:02x}" for byte in word) + '"\n' for word in words)
