"""The words of the console: complete in both languages, and none that nobody says."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.errors import Reason
from schemas.alerts import EventKind, Phase
from schemas.indicators import Basis, Dimension, Stage
from service.analyzers import find
from service.console import assets, entries, rendering
from service.console.overview import SCRIPT_WORDS
from service.console.words import LANGUAGES, Words, words_of

CONSOLE = rendering.FOLDER.parent
SECTIONS = sorted({key.partition(".")[0] for key in words_of("en").texts})
KEY = re.compile(rf"""["'`]((?:{"|".join(SECTIONS)})\.[\w.]+)["'`]""")
BEGINNING = re.compile(  # of a key that goes on with a name, as in 'basis.' ~ name or `phase.${
    rf"""(?:f?["'`])((?:{"|".join(SECTIONS)})\.[\w]*)(?:["'] ~|\$?\{{)"""
)
FILES = sorted(
    path
    for folder in (CONSOLE, rendering.FOLDER, assets.FOLDER)
    for path in folder.iterdir()
    if path.suffix in (".py", ".js", ".html")
)


def said(path: Path) -> Iterator[str]:
    for key in KEY.findall(path.read_text(encoding="utf-8")):
        if not key.endswith((".html", ".", "_")):
            yield key


def blanks(text: str) -> list[str]:
    return sorted(re.findall(r"\{(\w*)\}", text))


def test_both_languages_have_the_same_keys() -> None:
    zh, en = (words_of(language).texts for language in LANGUAGES)
    assert zh.keys() == en.keys()


def test_both_languages_have_the_same_blanks() -> None:
    zh, en = (words_of(language).texts for language in LANGUAGES)
    assert {key: blanks(text) for key, text in zh.items()} == {
        key: blanks(text) for key, text in en.items()
    }


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_key_that_is_said_exists(path: Path) -> None:
    assert set(said(path)) - words_of("en").texts.keys() == set()


def test_the_scripts_have_every_word_they_say() -> None:
    keys = {key for path in FILES if path.suffix == ".js" for key in said(path)}
    assert {key.partition(".")[0] for key in keys} <= set(SCRIPT_WORDS)


def test_no_word_is_left_that_nobody_says() -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in FILES)
    beginnings = tuple({found for found in BEGINNING.findall(text) if found})
    keys = {*KEY.findall(text), *open_sets()}
    left = [k for k in words_of("en").texts if k not in keys and not k.startswith(beginnings)]
    assert left == []


def open_sets() -> Iterator[str]:
    yield from (f"refused.{reason.value}" for reason in Reason)
    yield from (f"phase.{phase.value}" for phase in Phase)
    yield from (f"dimension.{dimension.value}" for dimension in Dimension)
    yield from (f"basis.{basis.value}" for basis in Basis)
    yield from (f"stage.{stage.value}" for stage in Stage)
    yield from (f"feed.kind_{kind.value}" for kind in EventKind)
    for analyzer in find():
        yield f"indicator.{analyzer.name}"
        if analyzer.rule_set is not None:
            for level in analyzer.rule_set.labels:
                yield f"label.{analyzer.rule_set.name}.{level.name.lower()}"


@pytest.mark.parametrize("key", sorted(set(open_sets())))
def test_every_name_of_an_open_set_has_its_words(key: str) -> None:
    assert key in words_of("zh").texts


def test_every_indicator_that_has_levels_has_labels() -> None:
    named = {analyzer.name for analyzer in find() if analyzer.rule_set is not None}
    assert entries.labels(words_of("en")).keys() == named


@pytest.mark.parametrize(
    ("text", "zh", "en"),
    [
        pytest.param("演示数据 / invented", "演示数据", "invented", id="Chinese first"),
        pytest.param("invented / 演示数据", "演示数据", "invented", id="English first"),
        pytest.param("GB/T 2589-2020", "GB/T 2589-2020", "GB/T 2589-2020", id="no second part"),
        pytest.param("年鉴 / 公报", "年鉴 / 公报", "年鉴 / 公报", id="both Chinese"),
        pytest.param("a / b / 丙", "a / b / 丙", "a / b / 丙", id="three parts"),
        pytest.param("", "", "", id="empty"),
    ],
)
def test_a_source_in_two_languages_is_cut_to_the_readers(text: str, zh: str, en: str) -> None:
    assert (words_of("zh").part(text), words_of("en").part(text)) == (zh, en)


@pytest.mark.parametrize(
    ("language", "zh", "en", "name"),
    [("zh", "民勤县", "Minqin", "民勤县"), ("en", "民勤县", "Minqin", "Minqin"),
     ("en", "民勤县", "", "民勤县")],
)  # fmt: skip
def test_a_name_without_english_is_shown_in_chinese(
    language: str, zh: str, en: str, name: str
) -> None:
    assert words_of(language).name(zh, en) == name


def test_a_level_that_is_not_translated_is_printed_as_its_rule_set_does() -> None:
    words = Words("en", {})
    assert words.level("another_rule", "red", "红色") == "红色"
    assert words.level("another_rule", "red", None) == "red"
