"""Coverage-guided search for bytes that a decoder does not stand; longer in `make soak`."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local.settings import CHECKOUT
from tests.end_to_end.faults.size import SIZE
from tests.fuzz.seeds import SEEDS, WORDS, dictionary
from tests.fuzz.targets import TARGETS


@pytest.mark.parametrize("name", TARGETS)
def test_a_decoder_stands_whatever_comes(name: str, tmp_path: Path) -> None:
    pytest.importorskip("atheris", reason="there is none for this machine or Python")
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for number, seed in enumerate(SEEDS[name]):
        (corpus / f"{number}").write_bytes(seed)
    words = tmp_path / "words"
    words.write_text(dictionary(WORDS[name]))
    options = [
        f"-max_total_time={SIZE.fuzz_s}", "-rss_limit_mb=512", "-timeout=5", "-max_len=4096",
        f"-dict={words}", f"-artifact_prefix={tmp_path}/", "-print_final_stats=1", str(corpus),
    ]  # fmt: skip
    # Through a shell: a process that is started directly begins with our own peak of memory.
    ended = subprocess.run(
        ["sh", "-c", '"$@"; exit $?', "sh", sys.executable, "-m", "tests.fuzz", name, *options],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    said = ended.stdout + ended.stderr
    found = [path.read_bytes() for path in tmp_path.glob("*-*") if path.is_file()]
    assert ended.returncode == 0, f"{found}\n{said[-4_000:]}"
    tried = re.search(r"number_of_executed_units: (\d+)", said)
    assert tried
    assert int(tried[1]) > 100
    print(f"\n{name}: {int(tried[1]):,} inputs in {SIZE.fuzz_s} s")
