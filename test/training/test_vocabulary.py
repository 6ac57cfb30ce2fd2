"""The script that makes the vocabulary, on a WordNet of a few words."""

from __future__ import annotations

from pathlib import Path

import pytest

from ris_ros.grounding.vocabulary import STOCK
from training import vocabulary
from training.vocabulary import WordNet, broader_names, make_rows, write

# Number, words, numbers of what is above.
SYNSETS = ((1, "artifact", ()), (2, "container", (1,)), (3, "cup", (2,)), (4, "mug", (2,)), (5, "animal", ()),
           (6, "mouse", (5,)), (7, "mouse computer_mouse", (1,)), (8, "idea", ()), (9, "sturdy_cup", (3,)),
           (10, "person", ()), (11, "nurse nanny", (10,)), (12, "mug", (10,)), (13, "quark", (1,)), (14, "oaf", (10,)),
           (15, "lout", (10,)))
FREQUENCY = {"quark": 1.0, "cup": 5.1, "mouse": 4.3, "idea": 5.8, "animal": 5.0}


@pytest.fixture
def wordnet(tmp_path, monkeypatch) -> WordNet:
    folder = tmp_path / "wordnet"
    folder.mkdir()
    senses: dict[str, list[int]] = {}
    lines = ["  1 This software ..."]
    for number, words, above in SYNSETS:
        names = words.split()
        pointers = " ".join(f"@ {one:08d} n 0000" for one in above)
        lines.append(f"{number:08d} 06 n {len(names):02x} {' '.join(f'{name} 0' for name in names)} {len(above):03d} "
                     f"{pointers} | a gloss; with @ and words{' (an ethnic slur)' * (words == 'lout')}")
        for name in names:
            senses.setdefault(name, []).append(number)
    (folder / "data.noun").write_text("\n".join(lines))
    (folder / "index.noun").write_text("\n".join(
        f"{name} n {len(found)} 1 @ {len(found)} 0 {' '.join(f'{one:08d}' for one in found)}  "
        for name, found in senses.items()))
    (folder / "cntlist.rev").write_text("cup%1:06:00:: 1 14\nmouse%1:05:00:: 1 14\nmug%1:06:00:: 1 9")
    lists = tmp_path / "words"
    lists.mkdir()
    (lists / "everyday.tsv").write_text("# names\nmug|coffee mug\tmug.n.01\tcup\nman|guy\t\n"
                                        "mouse\tmouse.n.01|mouse.n.02\n")
    (lists / "lvis.tsv").write_text("mug.n.01\tbeaker\nstop_sign.n.01\tstop sign\n")
    (lists / "not_rivals.txt").write_text("# words\nartifact\n")
    (lists / "left_out.txt").write_text("# words\noaf\n")
    monkeypatch.setattr(vocabulary, "WORDS", lists)
    return WordNet(folder)


def table(wordnet: WordNet, tmp_path: Path) -> dict[str, tuple[str, str, bool]]:
    rows = make_rows(wordnet, lambda word: FREQUENCY.get(word, 3.7))
    write(rows, broader_names(wordnet, rows), tmp_path / "data" / "nouns.tsv")
    lines = (tmp_path / "data" / "nouns.tsv").read_text().splitlines()
    fields = (line.split("\t") for line in lines if not line.startswith("#"))
    return {name: (synonyms, broader, bool(frequency)) for name, synonyms, broader, frequency in fields}


def test_names_get_their_kinds_synonyms_and_broader_names(wordnet, tmp_path):
    rows = table(wordnet, tmp_path)
    assert rows["cup"] == ("", "container", True)
    assert rows["mug"] == ("beaker|coffee mug", "container|cup", True)
    assert rows["mouse"] == ("computer mouse", "animal", True)
    assert rows["stop sign"] == ("", "", True)


def test_what_is_abstract_rare_or_understood_by_its_last_word_is_left_out(wordnet, tmp_path):
    assert not {"idea", "quark", "sturdy cup"} & table(wordnet, tmp_path).keys()


def test_offensive_words_are_left_out(wordnet, tmp_path):
    assert not {"oaf", "lout"} & table(wordnet, tmp_path).keys()


def test_people_are_known_and_no_rivals_unless_a_list_has_them(wordnet, tmp_path):
    rows = table(wordnet, tmp_path)
    assert not rows["nurse"][2]
    assert rows["man"][2]


def test_a_sense_that_does_not_exist_is_told(wordnet):
    (vocabulary.WORDS / "everyday.tsv").write_text("cup\tcup.n.07\n")
    with pytest.raises(ValueError, match=r"cup\.n\.07"):
        make_rows(wordnet, lambda word: 3.0)


def test_a_broader_name_that_does_not_exist_is_told(wordnet):
    (vocabulary.WORDS / "everyday.tsv").write_text("cup\tcup.n.01\tcrockery\n")
    with pytest.raises(ValueError, match="crockery"):
        broader_names(wordnet, make_rows(wordnet, lambda word: 3.0))


def test_the_vocabulary_was_made_with_the_lists_as_they_are():
    names = {name for line in STOCK.read_text().splitlines() if not line.startswith("#")
             for name in (line.split("\t")[0], *line.split("\t")[1].split("|"))}
    listed = (line.split("\t")[0] for line in (vocabulary.WORDS / "everyday.tsv").read_text().splitlines()
              if not line.startswith("#"))
    assert not {name for line in listed for name in line.split("|")} - names


def test_typos_are_corrected_to_the_nouns_of_the_vocabulary():
    assert vocabulary.EVERYDAY.read_text() == vocabulary.everyday(vocabulary.OUTPUT.read_text())
