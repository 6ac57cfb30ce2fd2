# ruff: noqa
"""The words that carry structure: places, orders, relations, negation, counts, commands; and the few kinds of noun that
English grammar treats apart. All lower-case, in the form that `words.split` leaves a text in.

Patterns are regular expressions over words joined by single spaces; each ends at the end of a word.
"""

from __future__ import annotations

import re


def words(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


def any_of(options: object) -> str:
    """A pattern for any of several words or phrases, the longest first."""
    return "(?:" + "|".join(re.escape(option) for option in sorted(options, key=lambda o: (-len(o), o))) + ")"


def pattern(source: str) -> re.Pattern[str]:
    """A compiled pattern that ends where a word ends."""
    return re.compile(rf"(?:{source})(?!\S)")


# --- colours ----------------------------------------------------------------------------------------------------------

COLOURS = words("""red orange yellow green blue purple pink brown black white grey gray beige tan turquoise teal violet
    magenta maroon navy gold golden silver cream cyan indigo crimson scarlet lavender khaki burgundy olive aqua blonde
    blond lime ivory bronze copper mustard peach plum rust coral""")
# What may stand before a colour as a part of it: "dark blue", "navy blue".
SHADES = words("""dark light bright pale deep navy sky royal baby lime forest olive hot off wine neon dull medium mint
    midnight steel ice blood lemon dusty rose sea emerald ruby soft vivid bluish reddish greenish yellowish brownish
    greyish grayish pinkish purplish whitish blackish""")
COLOUR_WORD = words("coloured colored colour color")
# Colours that are things too: "the orange on the plate".
COLOUR_THINGS = words("orange lime peach plum olive rose copper rust silver gold cream mustard")

# --- counts -----------------------------------------------------------------------------------------------------------

CARDINALS = {word: value for value, word in enumerate(
    ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"])}
ORDINALS = {word: rank for rank, word in enumerate(
    ["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth", "eleventh", "twelfth"], start=1)}
DETERMINERS = words("the a an this that these those my your his her its our their some any another which what")
ARTICLES = words("the a an")
POSSESSIVES = words("my your his her its our their")
# Words before a noun that change nothing about which one is meant.
IDLE = words("other only single same whole entire actual particular remaining respective just such")
# Quantifiers, and how many they speak of; 0 for all there are.
QUANTIFIERS = {
    "one of": 1, "any of": 1, "any one of": 1, "either of": 1, "either one of": 1, "which of": 1, "which one of": 1,
    "some of": 0, "most of": 0, "each of": 0, "each one of": 0, "all of": 0, "every one of": 0, "many of": 0,
    "both of": 2, "both": 2, "all": 0, "every": 0, "each": 0, "every single": 0, "either": 1,
    "a couple of": 2, "couple of": 2, "a couple": 2, "a pair of": 2, "pair of": 2, "a few": 0, "several": 0, "many": 0,
    "lots of": 0, "a lot of": 0, "various": 0, "multiple": 0, "a bunch of": 0, "another": 1,
}
QUANTIFIER = pattern(any_of(QUANTIFIERS))

# --- places -----------------------------------------------------------------------------------------------------------

DIRECTIONS = {
    "left": "left", "right": "right", "top": "top", "upper": "top", "bottom": "bottom", "lower": "bottom",
    "middle": "middle", "center": "middle", "centre": "middle", "central": "middle", "mid": "middle",
    "front": "front", "foreground": "front", "forefront": "front", "back": "back", "rear": "back",
    "background": "back", "distance": "back",
}
# Two directions at once; what is towards the camera is low in the picture. Others keep the first.
TOGETHER = {
    frozenset(("left", "top")): "top left", frozenset(("left", "bottom")): "bottom left",
    frozenset(("right", "top")): "top right", frozenset(("right", "bottom")): "bottom right",
    frozenset(("left", "back")): "top left", frozenset(("left", "front")): "bottom left",
    frozenset(("right", "back")): "top right", frozenset(("right", "front")): "bottom right",
    frozenset(("middle", "left")): "left", frozenset(("middle", "right")): "right",
    frozenset(("middle", "top")): "top", frozenset(("middle", "bottom")): "bottom",
    frozenset(("middle", "front")): "front", frozenset(("middle", "back")): "back",
    frozenset(("top", "back")): "back", frozenset(("bottom", "front")): "front",
    frozenset(("far left", "top")): "top left", frozenset(("far left", "bottom")): "bottom left",
    frozenset(("far right", "top")): "top right", frozenset(("far right", "bottom")): "bottom right",
    frozenset(("far left", "left")): "far left", frozenset(("far right", "right")): "far right",
}
# What a place is a place in when it is the picture's: "on the left of the image".
FRAME = """picture image photo photograph pic frame screen scene view shot camera display window group row line lineup
    bunch video stack pile lot"""
SURFACE = "table desk counter shelf room tabletop countertop worktop tray floor wall workspace bench board stage rack"
_OF_FRAME = rf"(?: (?:of|in|on|from|within) (?:the |this |my |our |your |that )?(?:whole )?{any_of(FRAME.split())})"
_OF_SURFACE = (rf"(?: (?:of|in|on|from|within) (?:the |this |my |our |your |that )?(?:whole )?"
               rf"{any_of((FRAME + ' ' + SURFACE).split())})")
_DIRECTION = any_of(DIRECTIONS)
_PART = "(?:side|corner|part|area|half|edge|end|portion|section|quadrant|region|spot|position|third|row|margin)"
_EXTENT = "(?:far|very|extreme|absolute|furthermost|way)"
_CORE = (rf"(?P<far>{_EXTENT} )?(?P<where>{_DIRECTION}(?: {_DIRECTION})*)(?: hand)?(?: far)?"
         rf"(?: (?P<part>{_PART}))?")
# Before a noun: "the far left cup".
PLACE_BEFORE = pattern(_CORE)
# After one: "cup on the left side of the table", "cup, top left".
PLACE_AFTER = pattern(
    rf"(?:(?:over |up |down |out |off |back |away )?(?:(?P<all>all the way|way) )?(?:over |up |down )?"
    rf"(?:on|at|in|to|towards?|near|along|from|by) )?(?:(?:the|my|your|our|a) )?{_CORE}"
    rf"(?:(?(part){_OF_SURFACE}|{_OF_FRAME}))?")
MIDDLE_OF_SURFACE = pattern(rf"(?:in|at|on|near) (?:the )?(?P<where>middle|center|centre|back|rear|front){_OF_SURFACE}")
CORNER = pattern(rf"(?:in|at|on|by|near|into) (?:the |a |that |one )?corner{_OF_SURFACE}?")
# Words of distance that are places.
AFAR = pattern("(?:far |way |further |off )?in the (?:far )?distance|far away|far off|far back|way back|afar|up front|"
               "at the far end|out front|out back")
AFAR_FRONT = words("up out")
# The scene itself as a landmark says nothing.
IN_FRAME = pattern(rf"(?:in|on|of|from|within) (?:the |this |my |our |your |that )?(?:whole )?{any_of(FRAME.split())}")

# --- orders -----------------------------------------------------------------------------------------------------------

SUPERLATIVES = {
    "leftmost": "left", "leftest": "left", "rightmost": "right", "rightest": "right",
    "topmost": "top", "uppermost": "top", "highest": "top", "higher": "top",
    "bottommost": "bottom", "lowermost": "bottom", "lowest": "bottom", "undermost": "bottom",
    "closest": "near", "nearest": "near", "frontmost": "near", "foremost": "near", "closer": "near", "nearer": "near",
    "nearmost": "near", "near": "near",
    "farthest": "far", "furthest": "far", "backmost": "far", "rearmost": "far", "hindmost": "far", "most distant": "far",
    "farther": "far", "further": "far", "far": "far", "farmost": "far", "most remote": "far",
    "largest": "large", "biggest": "large", "larger": "large", "bigger": "large", "hugest": "large", "longest": "large",
    "longer": "large", "greatest": "large",
    "smallest": "small", "littlest": "small", "tiniest": "small", "smaller": "small", "littler": "small",
    "tinier": "small", "least": "small",
    "tallest": "tall", "taller": "tall", "shortest": "short", "shorter": "short",
    "widest": "wide", "wider": "wide", "broadest": "wide", "broader": "wide", "fattest": "wide", "thickest": "wide",
    "fatter": "wide", "thicker": "wide",
    "narrowest": "narrow", "narrower": "narrow", "thinnest": "narrow", "thinner": "narrow", "skinniest": "narrow",
    "slimmest": "narrow", "slimmer": "narrow",
    "most left": "left", "most right": "right", "most front": "near", "most back": "far", "most top": "top",
    "most bottom": "bottom", "far most left": "left", "far most right": "right",
}
OPPOSITE = {"left": "right", "right": "left", "top": "bottom", "bottom": "top", "near": "far", "far": "near",
            "large": "small", "small": "large", "tall": "short", "short": "tall", "wide": "narrow", "narrow": "wide"}
# Where a row of things may be counted from.
SIDES = {
    "left": "left", "right": "right", "top": "top", "bottom": "bottom", "front": "near", "back": "far", "rear": "far",
    "camera": "near", "viewer": "near", "robot": "near", "lens": "near", "photographer": "near", "us": "near",
    "you": "near", "me": "near", "observer": "near", "foreground": "near", "background": "far", "here": "near",
    "yourself": "near", "myself": "near", "screen": "near", "gripper": "near",
}
_SIDE = rf"(?:the |your |my |our )?(?:far |very |extreme )?(?P<side>{any_of(SIDES)})(?: hand)?(?: (?:side|end|edge|part))?"
_NTH = any_of(ORDINALS)
_SUPERLATIVE = any_of(SUPERLATIVES)
# "second largest", "2nd from last": which one, before it is said in what order.
RANKED = pattern(rf"(?P<nth>{_NTH}) (?P<superlative>{_SUPERLATIVE})(?: most)?|(?P<extreme>{_SUPERLATIVE})")
# "second to last", "last", "third".
RANK = pattern(rf"(?P<back>{_NTH}|next) (?:to|from|before)?(?:the |be )?(?:last|end)|(?P<penultimate>penultimate)|"
               rf"(?P<last>last|final)|(?P<nth>{_NTH})")
# "from the left", "counting from the back": which way to count.
COUNTED = pattern(
    "(?:(?:when |if |as )?(?:you |we |i )?(?:are )?(?:counting|count|counted|starting|start|going|reading|numbered|"
    "looking|beginning) )?"
    rf"(?:in |over |away |back |out )?(?:from|starting at|starting on|beginning at) {_SIDE}{_OF_SURFACE}?")
# "closest to the camera", "furthest left": a superlative's own direction.
TOWARDS = pattern(rf"(?:over |away |out )?(?:(?:to|towards?|on|at|in) )?{_SIDE}{_OF_SURFACE}?")
AWAY_FROM = pattern(rf"(?:away )?from {_SIDE}{_OF_SURFACE}?")
AWAY = pattern("away|off|out|forward|forwards|backwards?|up|down")
OF_ALL = pattern("of (?:them )?all|of them|of the (?:lot|bunch|group|set|row)|of these|of those|overall|among them|"
                 "out of (?:them )?all|out of them|ever|in (?:the |a )?(?:row|line|lineup|series|queue)|there is|"
                 "in order|in the (?:stack|pile|group)")

# --- relations --------------------------------------------------------------------------------------------------------

# Of two that match, the first counts: longer ones stand before "in" and "on".
_RELATION_WORDS: dict[str, str] = {
    "left of": "(?:(?:to|on|at|off to) )?(?:the |its )?(?:immediate |near |far )?left(?: hand)?(?: side)? (?:of|from)",
    "right of": "(?:(?:to|on|at|off to) )?(?:the |its )?(?:immediate |near |far )?right(?: hand)?(?: side)? (?:of|from)",
    "in front of": "(?:in |at |on )?(?:the )?front of|ahead of|infront of|closer than|nearer than|before",
    "behind": "behind|in back of|at the back of|in the back of|in the rear of|back of|beyond|in behind|past|"
              "from behind|farther than|further than|farther back than|further back than|further away than",
    "between": "(?:in )?between|in the middle of|in the center of|in the centre of|midway between|halfway between|"
               "sandwiched between|squeezed between|half way between",
    "same colour": "(?:(?:of|in|with|has|having) )?the same colou?r (?:as|of|like)|same colou?r as|matching in colou?r|"
                   "matching the colou?r of|with the colou?r of|as (?:{colours}) as",
    "different colour": "(?:(?:of|in|with|has|having) )?(?:a |the )?different colou?r (?:from|than|to|as)|"
                        "differently colou?red (?:from|than|to)|different in colou?r (?:from|than|to)",
    "touching": "touching|(?:leaning|leaned|propped|propped up|resting|pressed|pushed|stacked|standing) (?:up )?against|"
                "leaning on|(?:up )?against|attached to|stuck to|in contact with|in touch with|connected to",
    "next to": "next to|beside|besides|(?:right |close |near )?by|alongside(?: of)?|adjacent to|next|along side(?: of)?|"
               "(?:to|at|on|by) (?:the|one|either) side of|at (?:the )?sides? of|adjoining|bordering|flanking|"
               "side by side with",
    "near": "near(?: to)?|nearby|close to|closer to|nearer to|nearest to|closest to|nearest|closest|not far from|around|"
            "in the vicinity of|at|not too far from|amongst?|among|amidst?",
    "far from": "(?:far |farther |further |farthest |furthest )(?:away |off )?from|away from|a long way from",
    "above": "above|over(?: the top of)?|higher than|higher up than|up above|overtop",
    "below": "below|lower than|down below",
    "under": "under|underneath|beneath|from under|from underneath|at the bottom of|at the foot of",
    "on": "(?:up )?on(?: the)? top of|atop(?: of)?|upon|on|onto|on the surface of|off(?: of)?|from on top of",
    "in": "in the inside of|in|inside(?: of)?|within|into|out of|from inside(?: of)?|contained in|in the interior of",
}
RELATION = pattern("|".join(
    f"(?P<r{number}>{source.replace('{colours}', '|'.join(sorted(COLOURS)))})"
    for number, source in enumerate(_RELATION_WORDS.values())))
RELATION_NAMES = tuple(_RELATION_WORDS)
# Relations whose words, without a landmark, say a place: "the one behind".
ALONE = {"behind": "back", "in front of": "front", "above": "top", "below": "bottom", "under": "bottom"}
# What may stand before a place or a relation without changing it.
INTENSIFIERS = words("""just right directly immediately slightly almost partly partially mostly closely exactly nearly
    somewhat really very quite fully completely straight also still currently too so more""")
# Landmarks that are the onlooker.
ONLOOKER = pattern("(?:the )?(?:camera|viewer|us|you|me|yourself|myself|robot|lens|photographer|observer)")
PRONOUNS = words("""it him her them himself herself itself themselves he she they i we you me us each who whom whose
    everyone somebody someone nobody everything nothing anyone mine yours ours theirs hers myself yourself""")
OTHERS = pattern("(?:each other|one another|(?:all )?(?:the )?(?:others|rest)|(?:the )?other ones)")

# --- negation ---------------------------------------------------------------------------------------------------------

# "not red"; "without a lid"; "except the red one".
NOT = pattern("(?:and |but |yet |though )?(?:(?:is|are|was|were|do|does|did|has|have|am|be) )?(?:not|never|neither|nor|non)"
              "(?: (?:be|being|so|really|at all|necessarily|actually|any))?|un")
LACKING = pattern("(?:and |but )?(?:without(?: any| having)?|with no|lacking|minus|missing|sans|has no|have no|having no|"
                  "with zero|no|with nothing|devoid of|free of|wearing no|and no)|"
                  "(?:and |but )?(?:do|does|did|has|have) not (?:have|got|has|contain|carry|show)(?: any| got)?")
EXCEPT = pattern("(?:and |but )?(?:except(?: for)?|other than|excluding|apart from|aside from|instead of|rather than|"
                 "besides|save for|as opposed to|different from|unlike)|but")

# --- nouns ------------------------------------------------------------------------------------------------------------

PEOPLE = words("""man woman guy lady girl boy kid dude person people child gentleman chick fella bloke toddler baby
    player batter catcher umpire pitcher skier surfer snowboarder skateboarder skater rider biker cyclist pedestrian
    chef cook waiter waitress bride groom soldier policeman officer teenager adult male female mom mother dad father
    son daughter brother sister grandma grandpa grandmother grandfather worker player spectator student teacher doctor
    nurse driver passenger couple crowd men women kids children guys ladies girls boys persons dudes players folks
    individual human fan runner walker jockey cowboy clown baker farmer fisherman artist musician singer drummer
    guitarist speaker businessman businesswoman customer shopper vendor barista cop cashier referee goalie golfer""")
ANIMALS = words("""dog cat horse cow sheep elephant giraffe zebra bear bird duck goat pig monkey lion tiger rabbit puppy
    kitten calf foal lamb deer chicken goose swan penguin pony bull donkey camel fox wolf squirrel mouse rat fish shark
    dolphin whale turtle frog snake parrot pigeon seagull owl eagle animal colt mare herd""")
# A noun after one of these is something of theirs ("guy hat"), unless it is one of those that make a compound.
COMPOUND_AFTER_PERSON = words("chair seat room mannequin figure statue doll toy toys figurine crossing sign")
CONTAINERS = words("bowl cup glass plate bottle can jar mug pot box bag basket bucket dish tray jug pitcher carton")
SUBSTANCES = words("""soup water coffee tea milk juice wine beer food rice fruit salad noodles pasta cereal sugar salt sauce
    oranges apples bananas carrots broccoli vegetables fries chips nuts popcorn candy chocolate flour oil vinegar ketchup
    mustard mayo mayonnaise honey jam yogurt oatmeal stew curry chili beans peas berries strawberries grapes tomatoes
    flowers pencils pens tools cookies eggs bread meat cheese paint soda coke lemonade whiskey champagne veggies fruits
    potatoes onions lettuce greens dip salsa icecream""")
CLOTHES = words("""shirt t-shirt tshirt tee dress skirt hat cap coat jacket jeans pants trousers shorts suit tie uniform
    sweater hoodie sweatshirt vest scarf gloves glove shoes shoe boots boot socks glasses sunglasses goggles helmet hood
    apron robe gown costume bikini swimsuit wetsuit trunks blouse top tank polo plaid stripes outfit clothes clothing
    jersey cardigan pajamas underwear leggings tights sandals sneakers heels mask gear attire kimono sari veil turban
    beanie headband bandana visor overalls jumpsuit tuxedo tux blazer parka raincoat poncho shawl denim leather khakis
    bowtie stockings slippers flannel camo camouflage t-shirts shirts hats harness backpack sleeves pyjamas fleece
    jumper anorak trainers spectacles collar turtleneck""")
# "In" and "on" these are states, no places.
STATES = words("""uniform motion flight half pieces hand hands mouth use air mid-air midair snow rain sun shade dark love
    sunlight shadow pain phone cellphone cell fire wheels side sides way general focus profile shape need style sight
    bloom color colour general pairs""")
# Generic nouns: they say nothing of what is meant.
GENERIC = words("one ones thing things object objects item items something anything stuff")
# Always plural, and one thing.
PLURAL_ONLY = words("""scissors pants trousers jeans shorts sunglasses goggles eyeglasses spectacles tongs pliers tweezers
    headphones earphones binoculars pajamas pyjamas leggings tights clippers shears overalls""")
# Plurals that the lists of spaCy's models lack.
SINGULARS = {"men": "man", "women": "woman", "people": "person", "ppl": "person", "leaves": "leaf"}
PARTS_OF_THINGS = words("half side piece end part section portion edge")
ING_NOUNS = words("""building painting ceiling ring king string thing wing spring awning clothing railing frosting icing
    dressing stocking drawing earring pudding topping sibling duckling dumpling swing sling wiring lettering crossing
    landing seating lining covering opening filling bedding wrapping stuffing housing casing bearing fitting coating
    clothing covering gosling sterling sapling something anything everything nothing evening morning wedding parking
    lightning pudding ping-pong string cutting living dining washing baking frying cooking writing parking swimming""")
COMPOUNDS = ("first aid", "second hand", "first base", "second base", "third base", "last name", "left over",
             "back pack", "front door", "back door", "top hat", "tank top", "right angle", "middle finger", "bottom line",
             "last supper", "front wheel", "back wheel", "rear wheel", "rear view", "crop top", "top coat", "back rest",
             "lower case", "upper case", "laptop", "light bulb", "light switch", "traffic light")

# --- doings -----------------------------------------------------------------------------------------------------------

POSTURES = words("stand sit lie lay rest hang lean perch lounge kneel crouch squat recline sleep float crouching")
LOCATED = words("""found locate place position situate find put set keep see park stack store leave stop arrange pile put reside
    stay situated positioned placed located stored kept left""")
LOOKS = words("face look point turn head go move lean bend stare gaze walk run swim fly drive travel")
COPULA = pattern(
    "(?:(?:that|which|who|it|they|there|this|these|those|he|she) )?(?:(?:also|still|just|currently) )?"
    "(?:(?:should|could|can|would|will|might|must|may|has|have) )?(?:(?:also|still|just|currently) )?"
    "(?:is|are|was|were|be|been|being|looks|look|seems|appears|stays|remains|happens to be|appears to be|seems to be)"
    "(?: (?:(?:also|still|just|currently|supposed to be|meant to be|kind of|sort of|kinda)))?")
RELATIVE = words("that which who whom whose where")
SEEN = pattern("(?:(?:that|which|who|whom) )?(?:you|we|i|they|one|anyone)(?: (?:can|could|may|might|will|would|just|now|"
               "already|also|have|had|did|am|are|was|were|do))*(?: (?:see|saw|seen|spot|find|found|want|wanted|need|"
               "needed|like|mean|meant|notice|use|used|asked for|looking for|talking about|looking at|pointing at|"
               "thinking of|describe|described|love|prefer|had|have|put|left|bought|got|mentioned|told you about))"
               "(?: (?:it|you|to))?(?: (?:is|are))?")
# Prepositions whose phrase a vision-language model can judge.
SHOWN = words("""with of for like as wearing featuring having showing containing made holding per plus via through across
    along around toward towards against during about into onto without down up from opposite""")
ADVERBS = words("""there here over nearby please too also only just now both all each itself somewhere instead alone
    together actually really quickly carefully gently immediately else respectively maybe perhaps thanks right-away
    again ok okay though already still currently kindly then ma'am sir mate buddy dear""")

# --- commands ---------------------------------------------------------------------------------------------------------

FILLERS = words("""hey hi hello ok okay please robot um uh umm ummm uhh uhm hmm er erm ah oh well so now just then alright yo oi
    mate buddy dear sir and but actually basically like kindly maybe perhaps yes yeah no sorry look listen here siri
    alexa assistant um, also next again quickly first? excuse me thanks""")
VERBS = words("""find grab fetch get give bring take show pick select choose locate identify detect segment highlight
    track point reach deliver carry lift grasp hold hand pass move put place push pull throw toss drop open close shut
    clean wash wipe press touch turn switch go drive navigate walk head approach follow inspect check examine look
    search seek locate mark outline mask count watch spot retrieve collect remove unload load stop halt park slide rotate
    tell describe focus click tap want need chuck hit kick cut empty fill pour serve gimme lemme let say name recognize
    water stack pack sort tidy catch return replace help try use buy order draw circle avoid keep leave""")
# Verbs that are also names of things and so need an object beside them.
VERB_OR_NOUN = words("""hand place point pass show hold watch water park clean open close light touch press pull lift turn drop
    cut fill pack sort return help use order draw circle head track mask count mark spot name look let move stop load
    check search reach approach switch click tap hit kick try stack slide pick push carry""")
PARTICLES = words("up out off over down away on to at for towards toward into back in around with from me us him them her")
GIVEN_TO = words("me us him them her")
PUTTING = words("put place move set push drop slide stack lay position pour throw toss bring carry deliver take return")
GOALS = pattern("(?:on|in|into|onto|to|next to|beside|under|underneath|behind|in front of|near|above|below|over|"
                "on top of|inside|between|by|against|at|(?:to|on) the (?:left|right)(?: side)?(?: of)?|from|out of|off)")
REQUEST = pattern(
    "(?:can|could|would|will|may|might|should)(?: (?:you|u|we|i|someone|somebody|anyone|ya))(?: (?:please|kindly|maybe|"
    "perhaps|just|possibly|now|then|also|mind|like to|be able to|"
    "have a look for|have))*|"
    "(?:i|we)(?: (?:would|will|do|just|really|also|kind of))* (?:need|want|like|love|prefer|wish for|wish|require|"
    "fancy|meant|mean|choose|see|saw|pick|take|am looking for|am searching for|am thinking of|am talking about|"
    "am after|was looking for|have|would rather have|think|guess|believe|lost|left|forgot)"
    "(?: (?:you|u))?(?: to)?(?: have)?|"
    "(?:let|allow)(?: (?:me|us)) (?:have|see|get|hold|take|borrow)|let us|"
    "where (?:is|are|was|were|did (?:i|we|you) (?:put|leave|place|see)|do (?:you|i|we) see|can (?:i|we|you) (?:find|see|get)|"
    "has|have)|"
    "(?:which|what|who)(?: one)? (?:is|are|was)|what about|how about|"
    "(?:is|are|was) there(?: any)?|there (?:is|are|was)|here is|this is|that is|it is|they are|these are|those are|"
    "do (?:you|we) (?:see|have|know where|spot|mind)(?: is| are)?|have you (?:got|seen)|you see|"
    "(?:i am|we are) (?:looking|searching|thinking|talking|asking|pointing)(?: (?:for|of|about|at|to))?|"
    "go(?: and| to)? (?:get|fetch|grab|find|pick up|take)|come and (?:get|take)|get (?:me|us)? ?rid of|"
    "make sure (?:you|to)|try to|be careful with|your (?:task|job|goal|target) is(?: to)?|"
    "the (?:target|goal|task|object|item|one) is(?: to)?|"
    "(?:how are you(?: today)?|good (?:morning|evening|afternoon|day)|thank you|excuse me)")
TRAILING = pattern("(?:for|to|over to) (?:me|us|him|her|them)|if (?:you|it is|possible|that is)(?: \\S+){0,4}|"
                   "(?:will|would|could|can) (?:you|ya)|thank you(?: very much| so much)?|right (?:now|away|here|there)|"
                   "over (?:there|here)|up (?:there|here)|down (?:there|here)|as soon as possible|thanks(?: a lot)?|"
                   "for a (?:second|minute|moment)|at once|one more time|to eat|to use|over to me")
