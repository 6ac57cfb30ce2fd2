"""Function words and patterns: counts, regions, rankings, relations, negation, requests.

All words are lower-case, in the spelling of the texts that `words.split` returns. Patterns are regular expressions over
words joined by single spaces; each ends at the end of a word.
"""

from __future__ import annotations

import re
from collections.abc import Iterable


def words(text: str) -> frozenset[str]:
    """Return the set of words in a text."""
    return frozenset(text.split())


def any_of(options: Iterable[str]) -> str:
    """Return a pattern for any of several words or phrases, the longest first."""
    return "(?:" + "|".join(re.escape(option) for option in sorted(options, key=lambda o: (-len(o), o))) + ")"


def pattern(source: str) -> re.Pattern[str]:
    """Compile a pattern that ends at the end of a word."""
    return re.compile(rf"(?:{source})(?!\S)")


# --- small words ------------------------------------------------------------------------------------------------------

ARTICLES = words("the a an")
DETERMINERS = ARTICLES | words(
    "this that these those my your his her its our their some any another which what whose whichever")
ONE_OF_THEM = words("a an this that another")          # determiners that speak of one thing
OF_ANOTHER = words("its his her their")                # determiners of what another has: "a dog, its head hidden"
OWNERS = words("'s my your his her its our their")
PRONOUNS = words("""it him her them himself herself itself themselves he she they i we you me us each who whom whose
    mine yours ours theirs hers myself yourself nobody nothing""")
RELATIVES = words("that which who whom whose where")
AUXILIARIES = words("""is are was were be been being am has have had do does did can could would will shall should may
    might must""")
BE = words("is are was were")
PAST_OF_HAVE = words("gone been got gotten become")
PAUSES = words(", : ; - – — ( ) ... / . ' [ ]")
# Words without effect on which object is meant: before a noun, after it, and before a region or a relation.
IDLE_BEFORE = words("""there other next only single same whole entire actual particular remaining respective just such
    certain whatever""")
IDLE_AFTER = words("""yesterday today upstairs downstairs indoors outdoors there here nearby please too also only just
    now both all each itself somewhere instead alone together actually really quickly carefully gently immediately else
    respectively love darling honey pal bro maybe perhaps thanks again ok okay though already still currently kindly
    then sir mate buddy dear anywhere lol haha sweetie""")
INTENSIFIERS = words("""over up down out back just right directly immediately slightly almost partly partially mostly
    closely exactly nearly somewhat really very quite fully completely straight also still currently too so more
    most""")
# Words between attributes: "red and white", "red/white".
JOINING = words("and or , /")
RENAMING = words("the that those")
DEMONSTRATIVES = words("this that these those")
DEGREES = words("most least more less very really quite so super extremely too pretty rather fairly half almost all")
# How well an object is seen, before its noun.
SEEN_SO = pattern("(?:out of|in) (?:focus|view)|up close|close up|off colou?red")
# Regions that are too vague: "on the end", "over there".
IDLE_PLACE = pattern("(?:on|at|to|by|near|along|off to|over on) (?:the |one |a )?(?:very )?(?:end|side|edge)(?! of)|"
                     "(?:over|up|down|right|out|in) (?:there|here)")

# --- colours ----------------------------------------------------------------------------------------------------------

COLOURS = words("""red orange yellow green blue purple pink brown black white grey gray beige tan turquoise teal violet
    magenta maroon navy gold golden silver cream cyan indigo crimson scarlet lavender khaki burgundy olive aqua blonde
    blond lime ivory bronze copper mustard peach plum rust coral""")
# Words that form a colour with the one after them: "dark blue", "navy blue".
SHADES = words("""dark light bright pale deep navy sky royal baby lime forest olive hot off wine neon dull medium mint
    midnight steel ice blood lemon dusty rose sea emerald ruby soft vivid bluish reddish greenish yellowish brownish
    greyish grayish pinkish purplish whitish blackish army sage""")
COLOUR_WORDS = words("coloured colored colour color")
# Participles before a colour: "painted blue".
TINTED = words("coloured colored painted dyed tinted")
# Colours that are also objects: "the orange on the plate".
COLOUR_THINGS = words("blonde blond orange lime peach plum olive rose copper silver gold cream mustard")

# --- counts -----------------------------------------------------------------------------------------------------------

CARDINALS = {word: value for value, word in enumerate(
    ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
     "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"))}
TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
CARDINALS |= {word: 10 * k for k, word in enumerate(TENS, start=2)}
ORDINALS = {word: rank for rank, word in enumerate(
    ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth", "eleventh",
     "twelfth"), start=1)}
# Quantifiers and their number; 0 for all.
QUANTIFIERS = {
    "one of": 1, "any of": 1, "any one of": 1, "either of": 1, "either one of": 1, "which of": 1, "which one of": 1,
    "whichever of": 1,
    "another of": 1, "other of": 1, "either": 1, "any one": 1,
    "some of": 0, "most of": 0, "each of": 0, "each one of": 0, "all of": 0, "every one of": 0, "many of": 0, "all": 0,
    "every": 0, "each": 0, "every single": 0, "half a": 1, "half an": 1, "a few": 0, "a few of": 0,
    "several": 0, "several of": 0, "many": 0,
    "how many": 0, "how much": 1, "lots of": 0, "a lot of": 0, "various": 0, "multiple": 0, "a bunch of": 0,
    "pairs of": 0,
    "both of": 2, "both": 2, "a couple of": 2, "couple of": 2, "a couple": 2, "a pair of": 2, "pair of": 2,
}
QUANTIFIER = pattern(any_of(QUANTIFIERS))

SO_MANY = pattern(f"(?P<how_many>{any_of(QUANTIFIERS)}) (?:them|these|those)(?! \\w)")

# --- regions ----------------------------------------------------------------------------------------------------------

DIRECTIONS = {
    "left": "left", "right": "right", "top": "top", "upper": "top", "bottom": "bottom", "lower": "bottom",
    "middle": "middle", "center": "middle", "centre": "middle", "central": "middle",
    "front": "front", "foreground": "front", "forefront": "front",
    "back": "back", "rear": "back", "background": "back",
}
# Where objects near to and far from the camera are in an image taken from above.
ROWS = {"top": "top", "back": "top", "bottom": "bottom", "front": "bottom"}
# Words for the image as the whole that contains the region: "on the left of the image".
FRAMES = words("""picture image photo photograph pic frame screen scene view shot camera display group row line lineup
    bunch video pile lot""")
SURFACES = words("""table desk counter shelf room tabletop countertop worktop tray floor wall workspace bench board
    stage rack""")
ROW_NOUNS = words("shelf row column rack line stack pile group")
PICTURES = words("picture photo image frame")
_OF = "(?:of|in|on|from|within) (?:the |this |my |our |your |that )?(?:whole )?"
_OF_FRAME = rf"(?: {_OF}{any_of(FRAMES)})"
_OF_SURFACE = rf"(?: {_OF}{any_of(FRAMES | SURFACES)})"
_DIRECTION = any_of(DIRECTIONS)
_PART = ("(?:side|corner|part|area|half|edge|end|portion|section|quadrant|region|spot|position|third(?! from)|row|"
         "margin)")
_PLACE = (rf"(?P<far>(?:(?:far|very|extreme|absolute|way) )+)?(?P<where>{_DIRECTION}(?: {_DIRECTION})*)(?: hand)?"
          rf"(?: far)?(?: (?P<part>{_PART}))?")
_TOWARDS = "(?:on|at|in|to|towards?|near|along|from|by)"
# Regions before a noun: "the far left cup".
PLACE_BEFORE = pattern(_PLACE)
# Regions after a noun: "cup on the left side of the table", "cup, top left".
PLACE_AFTER = pattern(
    "(?:in|at|on|near) (?:the )?(?:very )?(?P<middle>middle|center|centre|back|rear|(?:(?<=the )|(?<=very ))front)"
    rf"{_OF_SURFACE}|"
    rf"(?:(?:over |up |down |out |off |back |away )?(?:(?P<all>all the way|way) )?(?:over |up |down )?{_TOWARDS} )?"
    rf"(?:(?P<the>the|my|your|our|a) )?{_PLACE}(?:(?(part){_OF_SURFACE}|{_OF_FRAME}))?")
CORNER = pattern(rf"(?:in|at|on|by|near|into) (?:the |a |that |one )?corner{_OF_SURFACE}?")
AFAR = pattern("(?:far |way |further |off )?in the (?:far )?distance|far away|far off|far back|way back|afar|"
               rf"at the far end(?: of (?:the )?{any_of(FRAMES | SURFACES)})?|out back")
UP_FRONT = pattern("up front|out front|up close|close up")
# The scene itself is no landmark.
IN_FRAME = pattern(rf"{_OF}{any_of(FRAMES)}")
# "From left to right": a direction of motion is not a region.
FROM_TO = pattern(rf"from (?:the )?{_DIRECTION} to (?:the )?{_DIRECTION}")
# After verbs of orientation, "looking left", a direction is not a region.
LOOKS = words("face look point turn head go move lean bend stare gaze walk run swim fly drive travel aim")

# --- rankings ---------------------------------------------------------------------------------------------------------

_SUPERLATIVES = {
    "left": "leftmost leftest", "right": "rightmost rightest", "top": "topmost uppermost highest higher",
    "bottom": "bottommost lowermost lowest undermost",
    "near": "closest nearest frontmost foremost closer nearer nearmost near",
    "far": "farthest furthest backmost rearmost hindmost farther further far farmost",
    "large": "largest biggest larger bigger hugest longest longer greatest",
    "small": "smallest littlest tiniest smaller littler tinier", "tall": "tallest taller", "short": "shortest shorter",
    "wide": "widest wider broadest broader fattest fatter thickest thicker",
    "narrow": "narrowest narrower thinnest thinner skinniest skinnier slimmest slimmer",
}
SUPERLATIVES = {word: order for order, forms in _SUPERLATIVES.items() for word in forms.split()} | {
    "most distant": "far", "most remote": "far", "most left": "left", "most right": "right", "most front": "near",
    "most back": "far", "most top": "top", "most bottom": "bottom", "far most left": "left", "far most right": "right"}
OPPOSITE = {"left": "right", "right": "left", "top": "bottom", "bottom": "top", "near": "far", "far": "near",
            "large": "small", "small": "large", "tall": "short", "short": "tall", "wide": "narrow", "narrow": "wide"}
# Sides from which a row of objects may be counted.
SIDES = {"left": "left", "right": "right", "top": "top", "bottom": "bottom", "back": "far", "rear": "far",
         "background": "far"} | dict.fromkeys(
    ("front", "camera", "viewer", "robot", "lens", "photographer", "us", "you", "me", "observer", "foreground", "here",
     "yourself", "myself", "screen", "gripper"), "near")
_SIDE = (rf"(?:the |your |my |our )?(?:far |very |extreme )?(?P<side>{any_of(SIDES)})(?: hand)?"
         rf"(?: (?:side|end|edge|part))?")
_NTH = any_of(ORDINALS)
_SUPERLATIVE = any_of(SUPERLATIVES)
# "second largest", "leftmost".
RANKED = pattern(rf"(?:(?P<nth>{_NTH}) )?(?P<superlative>{_SUPERLATIVE})")
# "second to last", "penultimate", "last", "third".
RANK = pattern(rf"(?P<from_last>{_NTH}|next)(?: (?:to|from|before))?(?: the)? (?:last|end)|"
               rf"(?P<penultimate>penultimate)|(?P<last>last|final)|(?P<nth>{_NTH})")
# "from the left", "counting from the back".
COUNTED = pattern(
    "(?P<counting>(?:(?:when|if|as) )?(?:(?:you|we|i) )?(?:are )?(?:counting|count|counted|starting|start|going|"
    "reading|numbered|looking|beginning) )?(?:in |over |away |back |out )?(?:from|(?:starting|beginning) (?:at|on)|"
    f"(?:{'|'.join(f'(?<={word} )' for word in ORDINALS)})to(?! (?:the )?(?:left|right) (?:of|side of))) "
    rf"{_SIDE}{_OF_SURFACE}?(?: to (?:the )?(?:left|right)(?! of))?")
# "closest to the camera", "furthest left", "farthest from us", "furthest away".
TOWARDS_SIDE = pattern(rf"(?:over |away |out )?(?:(?:to|towards?|on|at|in) )?{_SIDE}{_OF_SURFACE}?")
FROM_SIDE = pattern(rf"(?:away )?from {_SIDE}{_OF_SURFACE}?")
AWAY = pattern("(?:away|off|out|forward|forwards|backwards?|up|down)(?! from)")
AWAY_ORDERS = {"up": "top", "down": "bottom", "forward": "near", "forwards": "near"}
# The group from which a superlative chooses: "of all", "of the three", "in the row".
OF_ALL = pattern("(?:out )?of (?:them )?all|(?:out )?of them|of the (?:lot|bunch|group|set|row|pair)|"
                 rf"of (?:these|those)|of (?:the |these |those )?(?:{any_of(CARDINALS)}|\d+)|overall|among them|"
                 "ever|there is|in order|"
                 "in (?:the |a )?(?:row|line|lineup|series|queue|stack|pile|group)")

# --- relations --------------------------------------------------------------------------------------------------------

_SIDE_OF = ("(?:(?:to|on|at|off to) )?(?:the |its )?(?:immediate |near |far )?{side}(?: (?:hand )?side)? (?:of|from)")
# The first match counts: longer phrases come before "on" and "in".
_RELATIONS = {
    "left of": _SIDE_OF.format(side="left"),
    "right of": _SIDE_OF.format(side="right"),
    "in front of": "(?:in |at |on )?(?:the )?front of|ahead of|closer than|nearer than",
    "behind": "(?:from )?behind|in back of|(?:at|in) the (?:back|rear) of|back of|beyond|in behind|past|"
              "(?:farther|further)(?: back| away)? than",
    "between": "(?:in |half way |halfway |midway |sandwiched |squeezed )?between|in the (?:middle|center|centre) of",
    "same colour": "(?:(?:of|in|with|has|having) )?the same colou?r (?:as|of|like)|same colou?r as|matching in colou?r|"
                   rf"matching the colou?r of|as {any_of(COLOURS)} as",
    "different colour": "(?:(?:of|in|with|has|having) )?(?:a |the )?different colou?r (?:from|than|to|as)|"
                        "differently colou?red (?:from|than|to)|different in colou?r (?:from|than|to)",
    "touching": "touching|(?:leaning|leaned|propped|resting|pressed|pushed|standing)(?: up)? against|"
                "leaning on|(?:up )?against|attached to|stuck to|in (?:contact|touch) with|connected to",
    "next to": "next to|besides?|(?:right |close |near )?by|along ?side(?: of)?|adjacent to|next|"
               "(?:to|at|by) (?:the|one|either) side of|at (?:the )?sides? of|adjoining|bordering|"
               "side by side(?: with)?",
    "near": "near(?: to)?|nearby|close to|closer to|nearer to|nearest(?: to)?|closest(?: to)?|not (?:too )?far from|"
            "around|in the vicinity of|at|(?:from )?among(?:st)?|amid(?:st)?",
    "far from": "(?:far |farther |further |farthest |furthest )(?:away |off )?from|(?:\\d+ \\S+ )?away from|"
                "a long way from",
    "above": "(?:up )?above|over(?: the top of)?|higher(?: up)? than",
    "below": "(?:down )?below|lower(?: down)? than",
    "under": "(?:from )?under|(?:from )?underneath|beneath|at the (?:bottom|foot) of",
    "on": "(?:up |from )?on(?: the)? top of|atop(?: of)?|upon|on|on the surface of|off(?: of)?",
    "in": "in the (?:inside|interior) of|in|(?:from )?inside(?: of)?|within|out of|contained in",
    "from": "from",
}
RELATION = pattern("|".join(f"(?P<r{k}>{source})" for k, source in enumerate(_RELATIONS.values())))
_RELATION_NAMES = tuple(_RELATIONS)


def relation_name(found: re.Match[str]) -> str:
    """Return the name of the relation in a match of RELATION."""
    return _RELATION_NAMES[int(found.lastgroup[1:])]


# Relations whose words express a region without a landmark: "the one behind".
ALONE = {"behind": "back", "in front of": "front", "above": "top", "below": "bottom", "under": "bottom"}
# Landmarks that refer to the observer.
ONLOOKER = pattern("(?:the )?(?:camera|viewer|us|you|me|yourself|myself|robot|lens|photographer|observer)")
ONLOOKER_PLACES = {"in front of": "front", "near": "front", "next to": "front", "left of": "left", "right of": "right",
                   "far from": "back"}
# Landmarks without meaning.
OTHERS = pattern("each other|one another|(?:all )?(?:of )?(?:the )?(?:others?|rest|other ones)|it|them|him|"
                 "themselves|itself")

# --- negation ---------------------------------------------------------------------------------------------------------

NOT = pattern("(?:(?:and|but|yet|though) )?(?:(?:is|are|was|were|do|does|did|has|have|am|be) )?(?:not|never|neither|"
              "none of)(?: (?:be|been|being|so|really|at all|necessarily|actually|any|really|quite|very))?")
NO = pattern("(?:(?:and|but) )?(?:without(?: any| having)?|with no|lacking|minus|missing(?! the)|sans|has no|have no|"
             "having no|no(?! (?:the|that|this|wait|hang|hold|sorry|not|further|higher|lower|more))|with nothing|"
             "devoid of|free of|wearing no)|"
             "(?:(?:and|but) )?(?:do|does|did|has|have) not (?:have|got|has|contain|carry|show)(?: any| got)?")
EXCEPT = pattern("(?:(?:and|but) )?(?:except(?: for)?|other than|excluding|apart from|aside from|instead of|"
                 "rather than|vs|versus|save for|as opposed to|unlike)|but")

# --- clauses ----------------------------------------------------------------------------------------------------------

COPULA = pattern(
    "(?:(?:that|which|who|it|they|there|this|these|those|he|she) )?(?:(?:also|still|just|currently) )?"
    "(?:(?:should|could|can|would|will|might|must|may|has|have) )?(?:(?:also|still|just|currently) )?"
    "(?:is|are|was|were|be|been|being|looks|look|seems|appears|stays|remains)(?: being| to be)?"
    "(?: (?:also|still|just|currently|supposed to be|meant to be|kind of|sort of|kinda))?")
# Clauses that do not describe the object itself: "you see", "that I want".
SEEN = pattern("(?:(?:that|which|who|whom) )?(?:you|we|i|they|one|anyone)(?: (?:can|could|may|might|will|would|just|"
               "now|already|also|have|had|did|am|are|was|were|do))*(?: (?:see|saw|seen|spot|find|found|want|wanted|"
               "need|needed|like|mean|meant|notice|use|used|asked for|looking for|talking about|looking at|pointing at|"
               "thinking of|describe|described|love|prefer|had|have|put|left|bought|got|mentioned))"
               "(?: (?:it|you|to))?(?: (?:is|are))?")
# Prepositions for where a hand is: "hand in pocket", "arm around a boy".
HOLDING = words("in on over around to under behind against at near between by into onto across to")
# Prepositions whose phrase a vision-language model can score.
SHOWN = words("""with of for like as featuring showing containing made per plus via through across along toward towards
    during about into onto up from opposite""")

# --- requests ---------------------------------------------------------------------------------------------------------

FILLERS = words("""excuse hey hi hello ok okay please robot um uh umm ummm uhh uhm hmm er erm ah oh well so now just
    then alright yo oi mate buddy dear sir and but actually basically like kindly maybe perhaps yes yeah no sorry listen
    here cheers love darling honey siri alexa assistant also again quickly thanks hmmm oops whoops nope mister madam
    ma'am miss lol haha hahaha sweetie eek aww""")
# Nouns by which a request may address somebody: "mommy the doll please".
ADDRESSED = words("""mom mum mommy mummy mama dad daddy papa grandma grandpa granny nana auntie uncle doctor nurse
    waiter waitress wife husband boss""")
_YOU = "(?:you|u|ya|we|i|(?:some|any|every)(?:one|body)|the robot)"
_DO = "(?:do|does|did|is|are|was|were|have|has|had|can|could|will|would|shall|should|may|might|must)"
_TO_NAME = "(?= (?:all )?(?:the|this|that|these|those|my|your) )"
_A_NAME = "(?= (?:the|an?|this|that|these|those|my|your) )"
# What comes before the object of a request.
REQUEST = pattern(
    # "What do you call", "how many legs does", "isn't that".
    f"(?:what|why|how|when|where)(?: many| much)?(?: \\S+)? {_DO}"
    f"(?: (?:you|we|i|they|people|one)(?: \\S+){{1,3}}?)?{_TO_NAME}|"
    "(?:let (?:me|us) |any |make )?(?:know|knows|idea|see|sure|check|remember|forget|(?<=tell )me|(?<=tell )us) "
    f"(?:if|whether|where|when|that|what|how|why)(?:{_TO_NAME}|(?= (?:i|you|we|there|some|any) ))|"
    "there (?:(?:should|must|might|could|may|will|would) be|(?:ought|(?:has|have|is)(?: got)?) to be|is not(?: any)?)|"
    f"{_DO} (?:not(?: (?:this|that|it|these|those|there))?|there not)"
    f"(?= (?:the|an?|my|your|any|some|{any_of(CARDINALS)}) )|"
    "(?:is|are) (?:this|that) where|is there (?:any|a) way to|"
    "(?:(?:(?:is|are)(?: there)?|get|ask|find|have) )?(?:any|some)(?:one|body)(?: here| around)? "
    "(?:(?:free |willing |able |going )?to|who (?:can|could|will|would))|whose (?:turn|job|idea) (?:is|was)(?: it)?|"
    "(?:is|are|was) any(?:body|one) (?!wearing|holding)\\S+ing(?: (?:on|in|at|by|to|with))?|"
    "(?:i|we) (?:will|would) have(?= (?:the|an?|that|this|one|some) )|"
    "(?:i|we)(?: (?:would|will|do|just|really|also|kind of))* (?:need(?:ed)?|want(?:ed)?|like|love|prefer|wish for|"
    "wish|require|fancy|meant|mean|choose|pick|take|(?:am|are|was|were) (?:(?:looking|searching) for|"
    "(?:thinking|talking) (?:of|about)|after)|would rather have)(?: (?:you|u|(?:any|some)(?:one|body)(?= to)))?"
    "(?: to)?(?: have)?|(?:(?:i|we) )?could do with|(?:might|would|could|should|must) there be(?: any)?|"
    "(?:i|we) (?:was|were|am|are) wondering (?:if|whether) (?:you|we|i) (?:could|can|would|might)(?: have)?|"
    "do (?:me|us) a favou?r and|be an? \\S+ and|"
    "(?:will|would|can|could|does|do|did|is|are|was|were|has|have|had)(?= (?:the|an?|this|these|those|my|your) )|"
    "(?:does|do|did|has|have|will|would)(?= that )|"
    "(?:what|which) \\S+ (?:is|are)(?= (?:the|my|your|this) "
    rf"(?!{_SUPERLATIVE}|{_NTH}|{any_of(COLOURS)}|one))|"
    f"(?:what|all|the (?:one|thing)) (?:i|we|you)(?: \\S+){{1,4}}? (?:is|was){_A_NAME}|"
    "let (?:me|us) (?:see|think)(?: about (?:it|this|that))?|"
    "(?:let|allow) (?:me|us) (?:have|get|hold|take|borrow)|let us|"
    "where (?:is|are|was|were)(?: \\S+ing(?= the ))?|(?:where|how|why)(?= (?:i|we|you) )|"
    f"(?<=\\S )(?:where|whether|why|how(?: \\S+)?){_TO_NAME}|"
    "(?<=\\S )(?:where|what|how|when|if)(?= (?:i|we|you|to) )|"
    "(?<=\\S )what(?= (?:the|that|this|those) \\S+(?: \\S+)? (?:is|are|was|does|do)(?! \\S))|"
    "(?:what (?:happened|is (?:wrong|up|the matter))|(?:is there|there is) (?:anything|something) wrong) (?:to|with)|"
    "what (?:colou?r|size|shape|kind|sort|type) (?:is|are|of)|(?:which|what|who|whose)(?: one)? (?:is|are|was)|"
    "the robot (?:should|can|could|must|will|would|shall|needs to|has to)|"
    "(?:take|shoot|snap) (?:me )?an? (?:\\S+ )?(?:photo|photograph|picture|pic|snapshot|video) of|"
    "(?:take|have|get) an? (?:\\S+ )?(?:look|peek|glance) at|(?:take|have) a seat (?:on|in|at|by|near|next to)|"
    "what about|how about|what(?: appears| seems| looks)(?: to be| like)|"
    "(?:is|are|was) there(?: any)?|(?:here|there) (?:is|are|was|comes?|goes?)|(?:this|that|it) is|"
    "(?:(?:are|is|have|has) (?:we|you|they|(?:any|some)(?:one|body))|(?:we|i|they) (?:are|am|have))(?: \\S+)?? "
    "(?:out of|low on|short of)|"
    "(?:they|these|those) are|you see|go(?: and| to)? (?:get|fetch|grab|find|pick up|take)|make sure(?: you| to)?|"
    "(?:it |that )?(?:looks|seems|sounds) (?:like|as if)|it (?:seems|appears)(?: that)?|(?:it )?turns out(?: that)?|"
    "(?:i|we) feel like(?: \\S+ing)?|want to(?: have)?|(?:looking|searching) for|"
    "(?:seen|lost|spotted)(?: any)?(?= (?:the|an?|that|my|your) )|got any(?: more(?: of)?)?|"
    "(?:trying|hoping|going) to(?: (?:find|see|get|reach|spot))?|"
    "(?:(?:make|find) your way|make haste|take the (?:stairs?|lift|elevator|escalator)(?: up| down)?|"
    "(?:make|take|hang) an? (?:\\S+ )?(?:left|right|u-turn|turn)) "
    "(?:to|at|after|before|onto|into|by)|"
    f"(?:keep|start|stop|continue) \\S+ing(?: (?:until|to|towards?|past|along|after))?{_A_NAME}|"
    "(?:just )?(?:checking|wanted to ask|asking|making sure)(?: that| if| whether| where)?|no need to|"
    "see to it that|feel free to|care to|(?:try|start|begin) to|be careful (?:with|of)|"
    "(?:your|the) (?:task|job|goal|target) is(?: to)?|"
    "(?:(?:show|tell) (?:me|us)|check|see|find out) (?:where|which|what)(?: one)?(?: is| are)?")
# Questions after a statement of a purpose: "I must dry my hands, | do you have a towel".
HAVING = pattern("(?:(?:do|does|did|have|has) (?:you|we|they|(?:any|some)(?:one|body))(?: have| got)?|"
                 "(?:is|are) there)(?= (?:an?|any|some|the|another) )")
# Questions after a statement of what is missing: "the soup needs salt, | where is it".
LACKING = pattern("where (?:is|are) (?:it|they|some)|(?:do|can|could|may) (?:you|we|i) "
                  "(?:have|get|find|(?:pass|bring|give|hand|fetch|get)(?: me| us)?) (?:it|them|some|any|one)|"
                  "(?:have|has) (?:you|any(?:one|body)) (?:seen|got) (?:it|them|any|one|some)|"
                  "is there (?:any|one|some)|are there (?:any|some)")
POLITELY = pattern("please(?: try to)?|try to")
BELIEVING = words("sure think believe guess suppose reckon assume")
DO_NOT = pattern("(?:(?:i|we|you) )?(?:do not|never|must not|should not)")
GREETING = pattern(
    "how are you(?: today| doing)?|good (?:morning|evening|afternoon|day)|thank you|excuse me|"
    "wait (?:till|until) you see|(?:(?:i am )?not|i am) (?:\\S+ )?sure(?: but| that)?|as (?:you|we|i) (?:can )?\\S+|"
    "(?:so )?sorry to \\S+ you|to (?:tell you the truth|be honest)|the thing is(?= i )|"
    "(?:the|my) (?:answer|winner|choice|favou?rite|problem|question) (?:is|was)|"
    "(?:as for|regarding|concerning|about|speaking of)(?= (?:the|that|this|my|your|those|these) )|"
    "(?:target|object|item|goal|task|query|command|instruction|answer|step|next) (?:\\d+ )?:|"
    "(?:wait|stop|hang on|hold on)(?: ,)?(?= (?:no|wait|stop|not that ,) )|"
    "(?:it is )?(?:(?:about|high) time|time (?:to|for)(?= (?:the|my|your|\\S+ the) ))|"
    "(?:what|where|why|who|how) (?:on earth|the (?:hell|heck)|exactly)|who(?= (?:do|did|can|should) (?:i|you) )|"
    "(?:guess what|any (?:idea|clue)|(?:scratch|cancel) that|correction(?: :)?|first of all|if only|by any chance|"
    "is it (?:just )?me or|(?:some|any)thing about|on (?:your|the|my) way \\S+|no (?:problem|worries|hurry))(?: ,)?|"
    "(?:no wonder|good thing|too bad)(?= (?:the|that|my|your|i|we|you) )|"
    "(?:kind|sort) of(?: like)?(?= an? )|"
    # Where to look next, which is not the target yet.
    "(?:(?:a (?:bit|little)(?: more| further)?|further)(?: to the)? (?:left|right)|(?:left|right) a "
    "(?:bit|little)(?: more)?|(?:on )?the other (?:side|way))(?: ,)?(?= (?:yes|no|the|that|there) )")
# "Would you", "might I": a verb follows, and then the object of the request.
ASKING = pattern("(?:think|reckon) you (?:can|could)|"
                 f"(?:can|could|would|will|may|might|should|shall|did|do|does|have|has|had)(?: not)? {_YOU}"
                 "(?: (?:think|believe|suppose) (?:you|we) (?:can|could|would|might))?|"
                 "(?:it|that) would be (?:\\S+ ){1,3}if (?:you|we)(?: could| can| would)?|"
                 "(?:i|we) would (?:\\S+ ){1,3}if (?:you|someone)(?: could| can| would)?|"
                 "(?:is (?:it )?possible|would it be possible|any chance|is there any chance)(?: for)?(?: that)? "
                 "(?:you (?:can|could|would|to)|to)")
# "My grandmother would like". If an object needs something, that object is the target.
_WISHES = ("(?:(?:would|will|may|might) (?:like|love|prefer|need|want)|prefers|ordered|(?:say|says|said) to|"
           "asked (?:for|where|if|whether)|"
           "(?:told|tells|asks|asked|wants?|wanted) (?:me|us|you|every(?:one|body)) to|"
           "(?:is|are) (?:looking|asking) for|wants(?! \\S{4,}ing))"
           # "The man wants to cross" is about the man.
           "(?! to (?:cross|(?:pass|overtake|merge|turn|get (?:in|out))(?! (?:the|an?|my|his|her|on|off) )))")
_NEEDS = ("needs(?! \\S{4,}ing)|(?:want|need)(?= (?:the|an?|this|my|his|her|their|some) )|(?:is|are) after|"
          "(?:said|says|thinks|thought|told (?:me|us))(?: that)?(?= (?:the|my|that|(?:i|we|you) "
          "(?:can|could|may|might|should|must|will|would|need|want|have|had|left|get|put)) )")
WISHING = pattern("(?:(?:my|the|our|his|her|your|that|this) )?(?:\\S+ )?"
                  "(?P<who>(?!(?:that|which|who|what|will|would|may|might) )\\S+) "
                  f"(?:{_WISHES}|(?P<needs>{_NEEDS}))(?: to have)?")
WANTING = pattern("\\S+ (?:wants?|needs?|would (?:like|love|prefer))")
# Nouns that only express a request: "do me a favour".
FAVOURS = words("""favour favor hand moment second minute look go chance bit while dear hold care eye peek glance grip
    love angel somewhere ride""")
# Abstract nouns: "what is the best way to reach the tower".
ABSTRACT = words("""way chance deal matter story use idea turn mood reason question attention size time need point
    purpose trouble enough difference speed help""")
# Verbs that only start an utterance.
STARTERS = words("""unless whenever look quick start begin help hurry wait go come let beware try continue proceed fancy
    turn stop mind if after when once""")
# Verbs of a command. The first are never nouns; the others are only verbs if an object or particle follows.
VERBS = words("""find grab fetch get give bring take show select choose locate identify detect segment highlight deliver
    grasp put throw toss wash wipe go navigate follow inspect examine seek outline retrieve collect remove unload
    describe chuck pour let recognize tidy replace avoid pick rotate carry""")
VERBS_OR_NOUNS = words("""lift shut drive walk watch tell empty serve say catch buy keep leave push pull hand place
    point pass show hold water park clean open close light touch press turn drop cut fill pack sort return help use
    order draw circle set head track mask count mark spot name look move stop load check search reach approach switch
    click tap hit kick try stack slide lower want need""")
# After "no": not this object.
LEAVING = words("leave keep forget skip ignore")
# How people correct themselves: "the cup, | no wait, | the bowl", "take the cup | no | take the bowl".
_CORRECTING = "no|wait|hang on|hold on|sorry|oops|actually|i meant?|make (?:it|that)"
_PAUSE = r"(?: (?:,|\.\.\.))?"
CORRECTION = pattern(rf"(?:(?:oh|or|well) )?(?:{_CORRECTING}|rather|scratch that){_PAUSE}"
                     rf"(?: (?:{_CORRECTING}|not that(?: one)?|not (?:the|that)(?: \S+){{1,2}}?){_PAUSE})*"
                     "(?= (?:the|that|this|an?|my|your|it is|(?:on|in|from|at|to) (?:the|my|your)|do not|"
                     rf"{any_of(VERBS | VERBS_OR_NOUNS | LEAVING)}(?: (?:me|us|up|down|out|off|away|back|over))? "
                     "(?:the|that|this|it|an?|my|your)) )")
FETCHING = words("bring get fetch grab give show take find pass hand pick")
POLITE_MODALS = words("can could would will")
# Subjects of a statement before a command.
STATERS = words("i it we he she")
# Verbs with a recipient: "give grandma her glasses".
GIVING = words("give hand pass bring show get fetch buy send lend serve")
# Particles that form a command with those and other verbs: "point to", "switch on", "throw away".
PHRASAL = pattern(
    "(?:point|look|watch|head|move|turn|aim|drive|go|walk|navigate|run|come|step|get|jump|zoom|focus|reverse|proceed|"
    "advance|roll|fly|search|wave|switch|yield|wait|ask|care|listen|reach|stop|halt)"
    "(?: (?:over|up|down|back|out|in|to the (?:left|right)))*"
    "(?: (?:to|at|for|towards?|after|onto|into|through))|(?:check|knock) on|(?:pop|drop|come|go) by|see (?:to|about)|"
    "back into|stick to|land (?:on|at|next to|beside)|"
    "(?:deal|do|play|stay|dock|(?:walk|go|come|travel)(?: along)?) with|"
    "(?:talk|think|ask|worry|hear) about|"
    "(?:dust|wipe|brush|scrape|polish|hose|rinse|shake) (?:off?|down|out)|"
    "(?:tip|knock|flip|bend|fold|roll|turn|push) over|(?:crack|swing|prop|flip) open|"
    "(?:bag|box|tape|zip|heat|warm|wrap|scoop|mop|hang|roll|wake|fold|pile|rinse) up|"
    "(?:keep|stay|move|get|go|back|step|steer|run|turn) (?:too )?(?:away from|clear of|close to|off of?|out of)|"
    "(?:exit|leave) (?:through|via|from)|(?:line up|align|aligned) with|"
    "\\S+ yourself (?:next to|beside|in front of|behind|at|by|near|on|in|under|between|to|towards?|with)|"
    "(?:look|check|search|vacuum|clean|sweep|mop|peek) (?:under|underneath|behind|inside|in|around|beneath)|"
    "(?:check|see|tell me|look|find out) (?:if|whether)|(?:zoom in|focus(?: in)?|center) on|"
    "(?:turn|switch|click|tap|focus|put) (?:on|off)|(?:plug|screw|tuck|push|fit|fill) in|"
    "(?:pick|throw|put|take|clean|empty|hand|pass|give|drop|bring|lift|set|open|close|shut|cut|fill|wipe|check|tidy|pack|"
    "carry|push|pull|lay|sort|top|hose|pump|blow|dry)(?: (?:open|up|out|off|over|away|down|back))+")
ADVERBS = words("up out off over away down back together apart aside")
THE_ONE = pattern(r"the (?:\S+ ){0,3}ones?")
ANYONE = words("someone somebody anyone anybody everyone everybody nobody")
# Commands to go somewhere: the target is the destination.
MOVES = words("""go come move stay walk drive stop stand wait park dock hold step climb sit lean turn proceed return
    travel reverse steer crawl hover point rotate approach kneel land swim dive head keep pull roll rest lie hide run
    jump pass crouch skirt circle face orbit fly cut reach halt swing maintain continue wander merge switch meet
    traverse mosey stroll hurry pop""")
# Of these, verbs that are also nouns: before "on" and the like the tag decides for the first, and the others are nouns.
STANDING = words("switch dock stand step stop turn climb run swing")
SMALL = words("head pop land fly face skirt cut pass circle point roll")
# Of these, verbs that handle an object if a particle follows: "turn on", "pull out".
HANDLING = words("turn switch pull hold roll cut keep pass hide move reach rest")
MOTION = words("to towards toward into onto through across past along around alongside over")
# First words of a clause that says when to do something.
WHENEVER = words("when once after as if before")
# Prepositions for the way to a destination: "go down | the hall to the fountain".
PASSING = words("through across past along around over up down via off from cross follow climb")
TOWARDS = words("to towards toward into")
PASSED = words("exit enter cross follow climb leave pass visit approach")
AHEAD = words("straight ahead forward forwards back backwards left right upstairs downstairs inside outside")
# "Drive along the fence | until you reach | the shed".
_UNTIL = "(?:until|till) (?:you|we) (?:reach|see|find|get to|come to|arrive at|are (?:at|in|next to|near|by))"
UNTIL = pattern(_UNTIL)
# The distance to keep: "a safe distance | from", "two metres | behind".
_MEASURE = (rf"(?:(?:at least|about|exactly|around) )?(?:an?|your|some|\d+|{any_of(CARDINALS)}) (?:\S+ )?"
            "(?:distance|met(?:re|er)s?|foot|feet|steps?|paces?|yards?|inch|inches|centimet(?:re|er)s?|cm|m|lengths?)"
            r"(?: of(?: \S+){1,3}?(?= from ))?")
_PATH = (
    f"(?:{_MEASURE} )?"
    "(?:(?:left|right|straight|closer?|back|over|up|down|away|out|on|forwards?|ahead|further|off|near|home|just|"
    "me|us|upstairs|downstairs|inside|outside|(?:through|along)(?= to)) )*"
    "(?:(?:to the (?:left|right|side)|in the direction) of|"
    "to|towards?|at|past|passed|by|behind|beyond|ahead of|on top of|in front of|next to|near|beside|under|over|around|"
    f"{_UNTIL}|along|alongside|through|onto|into|on|in|inside|from|against|across|before|after|up|down|off|outside|"
    "between(?: us and)?|"
    "left of|right of)")
PATH = pattern(_PATH)
# Commands to a robot or a car that name no object: "slow down | near the van", "make a u-turn", "get in the same lane |
# as the van", "find a place to park | by the van", "stop | so the van can leave".
_ASIDE = ("(?:here|there|now|just|closer?|(?:immediate|direct|slow|careful)ly|straight|forwards?|ahead|back|"
          "up|down|over|out|in|on|around|left|right|off|away|aside|clear|slow(?:er)?|somewhere|a (?:bit|little)|"
          "(?:on|to) the (?:left|right|side)(?: side)?(?: of the (?:street|road))?|"
          "(?:when|if|as soon as) (?:it is |you )?(?:safe|possible|clear|can))")
_MOVE = ("(?:slow|speed|pull|turn|go|get|merge|move|change|switch|drive|park|stop|wait|pause|continue|proceed|carry|"
         "keep|come|walk|roll|halt|brake|stay|hold|steer|start|(?:let|drop|pick) (?:me|us))")
_DONE = (r"(?:(?:make|take|hang|come to) (?:an?|the) (?:\S+ )?(?:left|right|u-turn|you-turn|turn|stop|halt)|"
         "honk(?: (?:the|your) horn)?|"
         "(?:change|switch) lanes|roll (?:down|up) (?:the|your) (?:\\S+ ){0,2}windows?|"
         "(?:put|turn|switch) (?:on )?(?:(?:the|your) )?(?:hazards?|blinkers?)(?: lights?)?(?: on)?|"
         "flash (?:the|your) (?:head)?lights|(?:make|give|keep|leave)(?: some)? (?:room|way|space|priority)|be careful|"
         "(?:park|stop|drive|pull) (?:the|your|our|this|my) (?:car|vehicle))")
_SPOT = (r"find (?:me |us )?(?:somewhere|an? (?:\S+ )?(?:spot|place|space|way))"
         r"(?: to \S+(?: over| up| in| down)?|(?! to ))")
_GROUND = (r"(?:the other side of )?(?:the |an? |that |this )?(?:(?!the |and )\S+ ){0,3}?(?:lanes?|street|road|way|"
           r"direction|sidewalk|parking lot|driveway|intersection|crossroads?|junction|lot|roundabout|"
           r"(?<= a )(?:\S+ )?(?:spot|space|place))")
_WHY = ("(?:so(?: that(?= (?:the|that|this|my|i|we|you|he|she|they|it) ))?|to (?:let|allow)|once|until|till|as|"
        rf"because|(?:when|where|while|after|before)(?: (?:(?:we|you) \S+|\S{{3,}}ing)(?: {_PATH})?{_A_NAME})?)")
MANOEUVRE = pattern(
    rf"(?:{_SPOT}|{_MOVE}(?: {_ASIDE})* (?:, )?(?:{_PATH} )?{_GROUND})(?: {_ASIDE})* (?:, )?"
    rf"(?:(?<=lane )of|{_WHY}|{_PATH}|and(?= {_MOVE}(?: \S+){{1,6}} (?:the|that|this|an?) ))|"
    rf"(?:{_MOVE}(?: {_ASIDE})+|{_DONE}(?: {_ASIDE})*)(?: (?:, )?(?:{_WHY}|{_PATH}|for|and|but|like|[,.!])|$)|"
    rf"{_MOVE}(?: {_ASIDE})* {_PATH} (?:it|him|her|them)(?= [,.!]|$)|{_MOVE}(?: ,)? (?:{_WHY}|and)|"
    r"(?:\S+ly|parallel)(?= (?:go|drive|pass|pull|move|park) )")
ATTRIBUTE_OF = pattern("(?:the |its )?(?:(?:colou?r|size|shape|position|location|whereabouts|price|brand|width|"
                       "name|title|length|weight|state|status|purpose|pose|direction|level) of|"
                       "(?:height|temperature|time|volume|speed|distance) (?:of|on|to|with|from)|dust (?:on|off|from))|"
                       "(?<=take )an? (?:\\S+ )?(?:photo|photograph|picture|video) of")
PARTICLES = words("up out off over away down back on to at for towards toward")
GIVEN_TO = words("me us him them her")
GOALS = words("in on into onto to inside under over behind at")
# Objects of commands without a noun: "put | that | in the box".
POINTED_AT = words("it them this that these those")
# "Put | your gripper on | the valve".
YOUR_HAND = pattern("your (?:gripper|hand|finger|arm|fingers) (?:on|in|around|over|under|near|into|onto|above)")
# Commands with a destination: in "put the cup on the table" the cup is not on the table yet.
MOVING = words("turn move push slide")
PUTTING = words("put place move set push drop slide stack lay position pour throw toss turn")
BRINGING = PUTTING | words("bring take carry give hand deliver pass get")
# Phrases that only say that an object exists: "there is", "you see".
TELLING = words("there this that you here see if when after before once while go")
# Thanks and similar closing words.
CLOSING = pattern("(?:for|to|over to) (?:me|us|him|her|them)|if (?:you|it is|possible|that is)(?: \\S+){0,4}|"
                  "(?:will|would|could|can) (?:you|ya)|thank you(?: very much| so much)?|right (?:now|away|here|there)|"
                  "as soon as possible|thanks(?: a lot)?|for a (?:second|minute|moment)|at once|one more time")

# --- other languages --------------------------------------------------------------------------------------------------

# Function words of related languages that do not occur in English expressions.
FOREIGN = words("""der die das und ist auf mit neben dem den ein eine einen einem links rechts nicht hinter unter
    zwischen la le les el los las un una une du des et est sur dans avec de del al y en con sobre izquierda derecha lado
    gauche droite il lo gli della sulla di che destra sinistra het een og med ved til uma""")
