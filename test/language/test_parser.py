"""Parsing of expressions: every kind of structure, texts as people write them, and arbitrary texts."""

import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st

from ris_ros.config import LanguageConfig
from ris_ros.errors import InputError, MissingError
from ris_ros.language import ExpressionParser
from ris_ros.language.query import MAX_WORDS
from ris_ros.types import RANKINGS, REGIONS, RELATIONS, Description, Ranking, Relation
from ris_ros.utils.texts import MAX_TEXT_CHARACTERS

MAX_WRONG = 0.1
"""Share of the cases of a kind."""


def check_most(cases, read):
    """Assert that all but a few of the cases are read right: a reader that is trained anew makes other mistakes."""
    wrong = {text: found for text, *wanted in cases
             if (found := read(text)) != (wanted[0] if len(wanted) == 1 else tuple(wanted))}
    assert len(wrong) <= MAX_WRONG * len(cases), wrong


def relations_of(parser):
    return lambda text: [(one.name, one.landmarks[0].head) for one in parser.parse(text).target.relations]


def landmarks_of(target):
    return target.relations[0].landmarks if [relation.name for relation in target.relations] == ["between"] else ()


@pytest.mark.parametrize(("text", "phrase", "head"), [
    ("The red cup on the left", "the red cup", "cup"),
    ("the man in the blue shirts", "the man", "man"),
    ("the umbrella carried by the woman", "the umbrella", "umbrella"),
    ("two bottles", "two bottles", "bottle"),
    ("left", "left", ""),
])
def test_the_published_rule(reference, text, phrase, head):
    query = reference.parse(text)
    assert query.targets == (Description(phrase, head),)
    assert query.text == text
    assert query.sentence == text.lower()


PHRASE_AND_APPEARANCE = [
    ("the second red cup from the left", "the second red cup", "red cup"),
    ("lady in the blue dress holding a cup", "lady", "lady in the blue dress holding a cup"),
    ("all the red cups", "all the red cups", "red cup"),
    ("one of the green apples", "one of the green apples", "green apple"),
    ("Could you grab me the red cup, please", "the red cup", "red cup"),
    ("robot, pick up the blue box behind the cup", "the blue box", "blue box"),
    ("I want you to find the bowl", "the bowl", "bowl"),
    ("kid eating cake", "kid", "kid eating cake"),
    ("lady blue dress", "lady", "lady blue dress"),
    ("bottom left bowl soup", "bottom left bowl soup", "bowl soup"),
    ("the umbrella carried by the woman", "the umbrella", "umbrella carried by the woman"),
    ("the cup that is red", "the cup", "red cup"),
    ("the man standing next to the car", "the man", "man standing"),
    ("the cup standing next to the car", "the cup", "cup"),
    ("man looking left", "man", "man looking left"),
    ("the girl's red umbrella on the chair", "the girl's red umbrella", "girl's red umbrella"),
    ("the chair the cat is sleeping on", "the chair", "chair the cat is sleeping on"),
    ("scissors", "scissors", "scissors"),
]


def test_phrase_and_appearance(parser):
    check_most(PHRASE_AND_APPEARANCE,
               lambda text: (parser.parse(text).target.phrase, parser.parse(text).target.appearance))


HEAD_OF_INDIRECT_REQUESTS = [
    ("Has anyone seen the stapler", "stapler"), ("someone must have moved the ladder", "ladder"),
    ("somebody has to feed the parrot", "parrot"), ("my sister has left her purse here", "purse"),
    ("Mum said I can have the biscuit on the top plate", "biscuit"),
    ("the nurse told me to get the wheelchair", "wheelchair"), ("the patient needs his crutches", "crutch"),
    ("the lamp needs a new bulb", "lamp"), ("the cat needs feeding", "cat"),
    ("I was wondering where the corkscrew went", "corkscrew"),
    ("I'm not tall enough to reach the cupboard", "cupboard"), ("I want to know what that red thing is", "thing"),
    ("what's the best way to reach the tower", "tower"), ("what I'd like is the corner booth", "booth"),
    ("did the parcel arrive", "parcel"), ("whose is the backpack", "backpack"),
    ("could you be a dear and pass the gravy", "gravy"), ("never mind the vase, get the candle", "candle"),
    ("stop, no, go back to the fridge", "fridge"), ("please you give me knife, the small", "knife"),
    ("close please the curtain", "curtain"), ("park under the tree", "tree"), ("keep following the child", "child"),
    ("hide behind the curtain", "curtain"), ("a fly on the wall", "fly"), ("bear in the chair", "bear"),
    ("head on the pillow", "head"), ("go straight then stop at the bench", "bench"),
    ("the bee landing on the daisy", "bee"),
    ("the landing at the top of the stairs", "landing"), ("the glass salad bowl", "bowl"),
    ("glass orange juice", "glass"), ("old man cane", "man"), ("old man shadow", "shadow"), ("skater air", "skater"),
    ("two bunches of grapes", "bunch"), ("the dog that needs a bath", "dog"),
    ("The soup needs salt - where is it?", "salt"), ("my tea's gone cold, mind warming it up?", "tea"),
    ("the dog is hungry give him the bone", "bone"), ("I want to hang something up, are there any hooks?", "hook"),
    ("I think the waiter left a corkscrew here, can you pass it to me?", "corkscrew"), ("are we out of milk?", "milk"),
    ("Weren't there four chairs in here?", "chair"), ("I want sit, where is chair", "chair"),
    ("what did the cat bring in", ""), ("I'm cold, is there a blanket nearby", "blanket"),
    ("bubble wrap the vase", "vase"), ("clock over door", "clock"), ("the mug more full", "mug"),
    ("the fish nemo in the tank", "fish"), ("the steam locomotive pulling coal cars", "locomotive"),
    ("Where I can find the spoon?", "spoon"), ("red cup give me", "cup"), ("that toy mommy the truck", "toy"),
]


def test_head_of_indirect_requests(parser):
    check_most(HEAD_OF_INDIRECT_REQUESTS, lambda text: parser.parse(text).target.head)


DESTINATION = [
    ("go up the stairs and wait next to the statue", "statue"), ("go past the school then stop at the kiosk", "kiosk"),
    ("cross the bridge then wait by the booth", "booth"), ("exit the hall and go to the sink", "sink"),
    ("leave the building through the side exit", "exit"), ("go down the hall to the water fountain", "fountain"),
    ("follow the red line to the charging station", "station"), ("follow the forklift to bay 6", "forklift"),
    ("drive along the fence until you reach the shed", "shed"), ("go home to your charging station", "station"),
    ("when you get to the corner stop by the mailbox", "mailbox"), ("get out of the lobby and go to the car", "car"),
    ("keep a safe distance from the forklift", "forklift"), ("stay two metres behind the cart", "cart"),
    ("swing by the printer first", "printer"), ("the swing by the tree", "swing"), ("swing in the park", "swing"),
    ("walk with the group of tourists", "group"), ("drive over to bay four", "bay"), ("take me to gate B12", "gate"),
    ("go to the door and open it", "door"), ("go up the stairs", "stair"), ("push the box to the wall", "box"),
    ("pass me the salt and go to the kitchen", "salt"), ("hold the cup and stand next to the table", "cup"),
]


def test_destination(parser):
    check_most(DESTINATION, lambda text: parser.parse(text).target.head)


def test_first_in_time_is_no_ranking(parser):
    assert parser.parse("drive to the dock first").target.ranking is None


ATTRIBUTES = [
    ("the dark blue mug", ("dark blue",)), ("a blue-green vase", ("blue-green",)), ("the big wooden soup spoon",
     ("big", "wooden", "soup")), ("small black and white dog", ("small", "black", "white")),
    ("the red coloured cup", ("red",)), ("the cup that is red and shiny", ("red", "shiny")), ("the cup", ()),
    ("the plate which is orange", ("orange",)), ("the mug coloured orange", ("orange",)),
    ("the cup painted dark blue", ("dark blue",)), ("the wall painted by the man", ()),
]


def test_attributes(parser):
    check_most(ATTRIBUTES, lambda text: parser.parse(text).target.attributes)


REGION = [
    ("the cup on the left", "left"), ("the book on the right-hand side", "right"), ("cup, far left", "far left"),
    ("cup all the way to the right", "far right"), ("upper right window", "top right"),
    ("in the middle, a plate", "middle"),
    ("bird in the top left corner of the picture", "top left corner"), ("the vase in the corner", "corner"),
    ("people in the background", "back"), ("flower in the foreground", "front"), ("the one behind", "back"),
    ("chair front left", "bottom left"), ("man to my right", "right"), ("top-left cup", "top left"),
    ("the cup on the left side of the table", "left"), ("left", "left"), ("the cup on the table on the left", "left"),
    ("the cup left on the table", ""), ("cow facing right", ""), ("the cup to the left of the bowl", ""),
    ("traffic light on pole left", "left"), ("push the chair on the left", "left"), ("turn the cup to the left", ""),
    ("person cut off right edge", "right"), ("dog left ear", ""), ("top shelf second jar", "top"),
    ("woman in a pink top", ""), ("the front wheel of the bicycle", ""),
]


def test_region(parser):
    check_most(REGION, lambda text: parser.parse(text).target.region)


RANKING = [
    ("the leftmost cup", Ranking("left")), ("left most cup", Ranking("left")),
    ("the cup furthest to the right", Ranking("right")),
    ("the cup closest to the camera", Ranking("near")), ("the closest cup to us", Ranking("near")),
    ("the cow furthest back", Ranking("far")), ("the highest shelf", Ranking("top")),
    ("the widest box", Ranking("wide")), ("the taller of the two", Ranking("tall")),
    ("the biggest of the three apples", Ranking("large")),
    ("2nd from left", Ranking("left", 2)), ("the third book", Ranking("left", 3)),
    ("4th cup from the right", Ranking("right", 4)),
    ("from the back, the second chair", Ranking("far", 2)), ("the second largest ball", Ranking("large", 2)),
    ("second cup on the right", Ranking("right", 2)), ("shelf second from the top", Ranking("top", 2)),
    ("the last bus", Ranking("left", -1)), ("the last cup on the right", Ranking("right", 1)),
    ("second to last car", Ranking("right", 2)), ("the second to last cup from the right", Ranking("left", 2)),
    ("the first aid kit", None), ("the cup closest to the bowl", None),
]


def test_ranking(parser):
    check_most(RANKING, lambda text: parser.parse(text).target.ranking)


def landmark(head, **rest):
    return Description(f"the {head}", head, head, **rest)


RELATED = [
    ("cup that is left of the bowl", [("left of", "bowl")]), ("the cup on top of the box", [("on", "box")]),
    ("the spoon inside the cup", [("in", "cup")]), ("cat under the chair", [("under", "chair")]),
    ("cup in front of the box", [("in front of", "box")]), ("car right behind the bus", [("behind", "bus")]),
    ("vase by the window", [("next to", "window")]), ("the chair closest to the window", [("near", "window")]),
    ("the car farthest from the tree", [("far from", "tree")]), ("clock above the bed", [("above", "bed")]),
    ("banana below the apple", [("below", "apple")]), ("ladder leaning against the wall", [("touching", "wall")]),
    ("sock of the same color as the shirt", [("same colour", "shirt")]),
    ("a block of a different colour than the ball", [("different colour", "ball")]),
    ("take the cup from the drawer", [("in", "drawer")]), ("take the cup off the shelf", [("on", "shelf")]),
    ("the cup on the book next to the bowl, behind the box", [("on", "book"), ("behind", "box")]),
    ("the stool, near the bar", [("near", "bar")]), ("get the remote, off the sofa", [("on", "sofa")]),
    ("man kneeling in front of the bench", [("in front of", "bench")]),
    ("the watch in the display case", [("in", "case")]), ("stick in the port", [("in", "port")]),
    ("put the red block on the blue block", []), ("the cup in the picture", []), ("man in a suit", []),
]


def test_relations(parser):
    check_most(RELATED, relations_of(parser))


def test_landmarks_are_nested_descriptions(parser):
    assert parser.parse("the cup next to the red bowl behind the box").target.relations == (
        Relation("next to", (Description("the red bowl", "bowl", "red bowl", ("red",), relations=(
            Relation("behind", (landmark("box"),)),)),)),)


BETWEEN = [
    ("the cup between the bowl and the box", (landmark("bowl"), landmark("box"))),
    ("the cup between the two books", (Description("the two books", "book", "book", count=2),)),
    ("the cup between the books", (Description("the books", "book", "book", count=2),)),
    ("the cup in between the red and the blue bowl", (
        Description("the red", "bowl", "red bowl", ("red",)),
        Description("the blue bowl", "bowl", "blue bowl", ("blue",)))),
]


def test_between(parser):
    check_most(BETWEEN, lambda text: landmarks_of(parser.parse(text).target))


NEGATION = [
    ("the cup that is not red", [Description("red", "cup", "red cup", ("red",))]),
    ("the non-red cup", [Description("red", "cup", "red cup", ("red",))]),
    ("cup, not the red one", [Description("the red one", "cup", "red cup", ("red",))]),
    ("the cup that is not on the left", [Description("on the left", "cup", "cup", region="left")]),
    ("the cup that isn't on the book", [
        Description("on the book", "cup", "cup", relations=(Relation("on", (landmark("book"),)),))]),
    ("cup without a lid", [Description("a lid", "cup", "cup with a lid")]),
    ("guy not wearing hat", [Description("wearing hat", "guy", "guy wearing hat")]),
    ("the cup that is neither red nor blue", [
        Description("red", "cup", "red cup", ("red",)), Description("blue", "cup", "blue cup", ("blue",))]),
    ("the cup, but not the leftmost", [Description("the leftmost", "cup", "cup", ranking=Ranking("left"))]),
    ("anything other than a mug", [Description("a mug", "mug", "mug")]),
    ("I don't want the bowl, give me the cup", [Description("the bowl", "bowl", "bowl")]),
]


def test_negation(parser):
    check_most(NEGATION, lambda text: list(parser.parse(text).target.excluded))


COUNT = [
    ("both cups", 2), ("the three cans", 3), ("3 cups", 3), ("all the cups", 0), ("every cup", 0), ("cups", 0),
    ("a cup", 1),
    ("one of the cups", 1), ("two of the cups", 2), ("all four cups", 4), ("a couple of cups", 2), ("the cup", 1),
    ("a pair of scissors", 1), ("one cup", 1), ("several cups", 0),
]


def test_count(parser):
    check_most(COUNT, lambda text: parser.parse(text).target.count)


SEVERAL_TARGETS = [
    ("the cup and the bowl", ["cup", "bowl"]), ("the cup, the bowl and the red spoon", ["cup", "bowl", "red spoon"]),
    ("the red cup and the blue one", ["red cup", "blue cup"]), ("the red and the blue cup", ["red cup", "blue cup"]),
    ("the red and blue cup", ["red blue cup"]), ("man with a hat and a beard", ["man with a hat and a beard"]),
    ("pick up the cup and put it on the table", ["cup"]),
]


def test_several_targets(parser):
    check_most(SEVERAL_TARGETS, lambda text: [target.appearance for target in parser.parse(text).targets])

SPEECH = [
    ("the fork no wait the spoon", "the spoon"), ("the cup, sorry, I meant the bowl", "the bowl"),
    ("there's a cup on the table get it", "a cup"), ("it's cold close the window", "the window"),
    ("my phone fell under the couch can you get it", "my phone"), ("it's for my mom she wants the mug", "the mug"),
    ("hand the man in blue his wallet", "his wallet"), ("none of the forks just the spoon", "the spoon"),
    ("the cup no bigger than the box", "the cup"), ("get the black can you see on the left", "the black can"),
]


def test_speech_without_punctuation(parser):
    check_most(SPEECH, lambda text: " ".join(target.phrase for target in parser.parse(text).targets))

def test_a_correction_replaces_the_region(parser):
    target = parser.parse("the cup on the left no on the right").target
    assert (target.head, target.region, target.excluded) == ("cup", "right", ())


HEAD_OF_TELEGRAPHIC_PHRASES = [
    ("woman hand on hip", "woman"), ("woman's hand on hip", "hand"), ("horse head on left", "head"),
    ("lady pearl necklace", "lady"), ("jacket blue guy", "guy"), ("jacket blue", "jacket"),
    ("suitcase woman is pulling", "suitcase"), ("suitcase woman", "woman"), ("skis guy in blue", "ski"),
    ("glasses guy in blue", "guy"), ("womans black purse", "purse"), ("umbrella polka dots", "umbrella"),
    ("what the dog is chewing on", "thing"), ("orange half eaten", "orange"), ("sky blue car", "car"),
]


def test_head_of_telegraphic_phrases(parser):
    check_most(HEAD_OF_TELEGRAPHIC_PHRASES, lambda text: parser.parse(text).target.head)


TYPED = [
    ("the yelow ball", "the yellow ball"), ("cup on teh lefft", "cup on the left"),
    ("bowl behnd the box", "bowl behind the box"),
    ("cup betwen the bowl and the box", "cup between the bowl and the box"), ("leftmsot cup", "leftmost cup"),
    ("THE RED CUP!!", "the red cup"), ("red-cup, left", "red cup left"), ("cup thats red", "cup that is red"),
    ("2nd cup", "second cup"), ("man w/ a hat", "man with a hat"),
    ("the umbrela on the left", "the umbrella on the left"), ("two elefants", "two elephants"),
    ("a bycicle by the bottel", "a bicycle by the bottle"), ("the vacum cleaner", "the vacuum cleaner"),
    ("the refridgerator", "the refrigerator"), ("kangeroo on the right", "kangaroo on the right"),
]


def test_typos_and_other_spellings_do_not_change_the_meaning(parser):
    def meaning(text):
        target = parser.parse(text).target
        return target.head, target.appearance, target.attributes, target.region, target.ranking, [
            relation.name for relation in target.relations]

    check_most([(typed, *meaning(meant)) for typed, meant in TYPED], meaning)

@pytest.mark.parametrize("text", [
    "the read book", "the man who blew a whistle", "the tack on the wall", "an orang utan", "the bowel", "a lift",
    "the brow", "my iphone", "the ikea shelf",
])
def test_real_words_and_names_are_not_corrected(parser, text):
    changed = {"red", "blue", "black", "orange", "brown", "left", "right"}
    assert not changed & set(parser.parse(text).target.appearance.split())


@pytest.mark.parametrize(("text", "head"), [
    ("the pikachu", "pikachu"), ("the macbook", "macbook"), ("the airpods", "airpod"), ("the samovar", "samovar"),
    ("bring Rexx the ball", "ball"), ("the lunchbox", "lunchbox"), ("the tagine", "tagine"), ("hat of Girafe", "hat"),
    ("the bot7le", "bot7le"), ("the petri dish", "dish"), ("the axolotl", "axolotl"), ("the thinkpad", "thinkpad"),
])
def test_unknown_objects_are_not_replaced_by_common_ones(parser, text, head):
    query = parser.parse(text)
    assert query.head == head
    assert set(query.target.appearance.split()) <= {*query.sentence.split(), head}


@pytest.mark.parametrize("text", [
    "die rote Tasse links auf dem Tisch", "la taza roja a la izquierda", "la tasse rouge sur la table",
    "红色的杯子在左边",
    "красная чашка слева", "asdf qwer zxcv", "???x", "12345", "il bicchiere rosso sulla destra",
])
def test_other_languages_and_gibberish_get_no_structure(parser, text):
    query = parser.parse(text)
    assert query.targets == (Description(query.target.phrase, query.head, query.target.appearance),)
    assert query.target.appearance in query.sentence
    assert query.target.appearance


@pytest.mark.parametrize("text", ["", "   \n", "?!", "..."])
def test_a_text_without_words_is_refused(parser, text):
    with pytest.raises(InputError, match="names nothing"):
        parser.parse(text)


WORDS = """the a cup cups red left right of from on not without between and or , . second last closest to one that is
    who whose which all both 3 2nd box bowl with in holding behind 's it except other than most top corner the"""


def check(query):
    """Check the invariants of all queries."""
    def each(description):
        landmarks = [landmark for relation in description.relations for landmark in relation.landmarks]
        yield description
        for other in (*description.excluded, *landmarks):
            yield from each(other)

    assert query.targets
    assert query.target_phrase
    assert query.sentence == query.sentence.lower()
    for description in (found for target in query.targets for found in each(target)):
        assert description.region in ("", *REGIONS)
        assert description.ranking is None or (description.ranking.name in RANKINGS and description.ranking.rank >= -1)
        assert all(relation.name in RELATIONS and relation.landmarks for relation in description.relations)
        assert all(len(relation.landmarks) == 2 or (len(relation.landmarks) == 1 and (
            relation.name != "between" or relation.landmarks[0].count == 2)) for relation in description.relations)
        assert description.count >= 0
        assert len(description.appearance.split()) <= MAX_WORDS
        assert len(description.phrase.split()) <= MAX_WORDS


@settings(deadline=None, max_examples=150)
@given(text=st.text(max_size=300))
def test_any_text_with_a_letter_gives_a_valid_query(parser, text):
    check(parser.parse(f"x {text}"))


@settings(deadline=None, max_examples=300)
@given(words=st.lists(st.sampled_from(WORDS.split()), max_size=25))
def test_any_sequence_of_words_gives_a_valid_query(parser, words):
    check(parser.parse(" ".join(["x", *words])))


@pytest.mark.parametrize("text", [
    "the cup next to " * 1000, "not red or " * 1000, "one of the " * 1000, "closest to " * 1000, "a" * 20_000,
    "'s " * 4000,
    "go past the table and " * 500, "the soup needs salt - where is it? " * 300, "the umbrela of the elefant " * 400,
    "the cup and " * 1000, "the man holding " * 700, "x-" * 6000,
    "plastic " * 1500, "left right " * 1000, "drive in here " * 800, "s " * 6000, "x's" * 4000,
])
def test_a_long_text_is_read_up_to_the_limit_and_refused_beyond_it(parser, text):
    check(parser.parse(f"x {text}"[:MAX_TEXT_CHARACTERS].strip()))
    with pytest.raises(InputError, match=f"in at most {MAX_TEXT_CHARACTERS}$"):
        parser.parse(text)


def test_a_long_sentence_does_not_truncate_the_target(parser):
    """CLIP cuts a sentence at 77 tokens; phrase and appearance are separate, short texts."""
    story = "I was in the kitchen this morning and it was raining again. " * 20
    target = parser.parse(f"{story} Please bring me the small red cup that is on the table.").target
    assert target.phrase == "the small red cup"
    assert target.appearance == "small red cup"
    crowded = parser.parse("the " + "heavy old wooden " * 20 + "spoon").target
    assert len(crowded.appearance.split()) <= MAX_WORDS
    assert crowded.appearance.endswith("spoon")


def test_a_missing_language_model_names_the_command_that_installs_it():
    with pytest.raises(MissingError, match="python -m spacy download xx_no_such_model"):
        ExpressionParser(LanguageConfig(model="xx_no_such_model"))


def test_a_model_without_word_lists_is_refused(tmp_path):
    spacy.blank("de").to_disk(tmp_path / "german")
    with pytest.raises(InputError, match="no word lists"):
        ExpressionParser(LanguageConfig(model=str(tmp_path / "german")))
