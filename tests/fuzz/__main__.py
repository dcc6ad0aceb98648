"""`python -m tests.fuzz json_reading|hj212_frames|hj212 [options of libFuzzer]`."""

import sys

import atheris

with atheris.instrument_imports(include=["ingest.protocols"]):
    from tests.fuzz.targets import TARGETS


def main() -> None:
    """Feed a decoder what covers new code, until told to end or it fails."""
    program, name, *options = sys.argv
    atheris.Setup([program, *options], TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
