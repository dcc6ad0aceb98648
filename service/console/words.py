"""Words of the pages, in Chinese and English, from files with the same keys."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "translations"
LANGUAGES = ("zh", "en")
_HAN = re.compile(r"[\u4e00-\u9fff]")


@dataclass(frozen=True, slots=True)
class Words:
    """The texts of one language by key, such as ``official.rate``."""

    language: str
    texts: Mapping[str, str]

    def __call__(self, key: str, **values: object) -> str:
        """Return a text with its blanks filled; raises KeyError where there is none."""
        text = self.texts[key]
        return text.format(**values) if values else text

    def find(self, key: str, otherwise: str) -> str:
        """Return the text of a key out of an open set, such as a rule set's name."""
        return self.texts.get(key, otherwise)

    def name(self, zh: str, en: str) -> str:
        """Return the one of two names that belongs to the language."""
        return (en or zh) if self.language == "en" else zh

    def part(self, text: str) -> str:
        """Return the reader's part of a text like "中文 / English"; else all of it."""
        parts = [part.strip() for part in text.split(" / ")]
        are_chinese = [_HAN.search(part) is not None for part in parts]
        if sorted(are_chinese) != [False, True]:
            return text
        return parts[are_chinese.index(self.language == "zh")]

    def level(self, rule_set: str | None, level: str, printed: str | None) -> str:
        """Return what a rule set prints for a level; ``printed`` where it is not translated."""
        return self.find(f"label.{rule_set}.{level}", printed or level)

    def sections(self, *names: str) -> dict[str, str]:
        """Return the texts of some sections, for the scripts."""
        return {key: text for key, text in self.texts.items() if key.partition(".")[0] in names}


@cache
def words_of(language: str) -> Words:
    """Return the words of a language."""
    document = tomllib.loads((FOLDER / f"{language}.toml").read_text(encoding="utf-8"))
    return Words(language, dict(_flat(document, "")))


def _flat(table: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, str]]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
