"""Words for people, animals, clothes, food, and activities: knowledge that grammar alone does not provide.

All words are lower-case, in the spelling of the texts that `words.split` returns.
"""

from __future__ import annotations

from ris_ros.language.vocabulary import words

# --- nouns ------------------------------------------------------------------------------------------------------------

# Generic nouns, which name no kind of object.
GENERIC = words("""one ones thing things object objects item items something anything stuff everything everyone someone
    anyone somebody anybody whatever whoever whichever thingy""")
PEOPLE = words("""man woman guy lady girl boy kid dude person people child gentleman chick fella bloke toddler player
    batter catcher umpire pitcher skier surfer snowboarder skateboarder skater rider biker cyclist pedestrian cook
    waiter waitress groom officer teenager adult male female mom mother dad father son daughter brother sister grandma
    grandpa grandmother grandfather worker spectator student teacher performer juggler photographer conductor barber
    hostess bodyguard carpenter plumber mechanic gardener sculptor cellist violinist pianist bassist dj athlete wrestler
    gymnast paddler rower motorcyclist bicyclist shortstop infielder outfielder baseman goalkeeper defender driver
    passenger couple crowd folk individual human fan brunette redhead runner walker jockey artist musician singer
    drummer guitarist speaker businessman businesswoman customer shopper vendor barista cashier goalie golfer gal lad
    attendant professional""")
ANIMALS = words("""dog cat horse cow sheep elephant giraffe zebra bear bird duck goat pig monkey lion tiger rabbit puppy
    kitten calf foal lamb deer chicken goose swan penguin pony bull donkey camel fox wolf squirrel mouse rat fish shark
    dolphin whale turtle frog snake parrot pigeon seagull owl eagle animal colt mare herd butterfly bee moth gull crow
    hawk sparrow raven lizard panda gorilla moose rhino hippo buffalo leopard walrus hamster raccoon hen rooster peacock
    ostrich flamingo heron hummingbird dragonfly alligator crocodile""")
EATEN = words("chicken fish lamb duck turkey goose")
# Words for any person: a noun before them does not name a kind of person, as it does in "tennis player".
ANYBODY = words("""man woman guy lady girl boy kid dude person people child gentleman chick fella bloke toddler men
    women guys children kids cop""")
# People with characteristic clothes: a "cowboy hat" is a hat.
ROLES = words("""pilot guard captain pirate santa fireman firefighter lifeguard boxer bowler king queen prince princess
    sailor painter monk nun priest lumberjack swimmer jogger hiker climber diver dancer magician butcher bartender
    cowboy chef baker soldier nurse clown bride fisherman farmer baby doctor cop policeman referee guest patient husband
    wife friend neighbour neighbor boss colleague visitor manager engineer technician electrician supervisor surgeon
    dentist janitor librarian tourist owner client uncle aunt cousin roommate""")
PEOPLE |= ROLES
ALIVE = PEOPLE | ANIMALS
CLOTHES = words("""shirt t-shirt tee dress skirt hat cap coat jacket jeans pants trousers shorts suit tie uniform
    sweater hoodie sweatshirt vest scarf glove gloves shoe shoes boot boots sock socks glasses sunglasses goggles helmet
    hood apron robe gown costume bikini swimsuit wetsuit trunks blouse top tank polo plaid stripes outfit clothes
    clothing jersey cardigan pajamas underwear leggings tights sandals sneakers heels mask gear attire kimono sari veil
    turban beanie headband bandana visor overalls jumpsuit tuxedo tux blazer parka raincoat poncho shawl denim leather
    khakis bowtie stockings slippers flannel camo camouflage t-shirts shirts hats harness backpack sleeves pyjamas
    fleece jumper anorak trainers spectacles turtleneck beard mustache moustache goatee ponytail pigtails dreadlocks
    headphones earphones earrings necklace bracelet lanyard pearls scrubs""")
# Parts of objects with a front and a back: "the front wheel of the bicycle".
OWN_ENDS = words("""wheel wheels tire tires door doors leg legs seat seats window windows paw paws light lights bumper
    cover page yard porch teeth pocket pockets burner burners headlight headlights""")
# Parts of people and animals.
BODY_PARTS = words("""hand arm leg foot knee elbow ear eye shoulder paw wing horn hoof cheek hip thigh ankle wrist thumb
    finger fin claw palm fist toe calf forearm eyebrow nostril antler tusk breast head face mouth nose tongue neck chin
    forehead hair lap waist chest trunk tail mane""")
LIMBS = words("hand arm leg foot knee elbow")
# Objects that hold others, for the meaning of "from": "the cup from the drawer", "the cup from the table".
RECEPTACLES = words("""vial tube beaker bottle carton jug tank box drawer fridge refrigerator bowl basket cupboard bag
    cabinet sink cup mug jar bin can bucket oven dishwasher pot vase closet case crate backpack room kitchen garage
    bathroom microwave glass pocket wardrobe toolbox suitcase freezer trash pan""")
CONTAINERS = words("""bowl cup glass plate bottle can jar mug pot box bag basket bucket dish tray jug carton vase
    pitcher""")
# What one follows to another location.
WAYS = words("""line path road hall hallway corridor trail track street lane sidewalk aisle tunnel river arrow sign wall
    rail fence passage footpath""")
ROOMS = words("""room bedroom bathroom kitchen hall hallway corridor lounge office foyer closet lobby garage basement
    gym spa sauna loft attic cellar study pantry balcony terrace porch house apartment building garden""")
# Where one is and goes: these are the target only if no object is named.
GROUNDS = words("""lane road street way lot intersection crossroad junction roundabout driveway place spot space
    corner direction side sidewalk traffic work home""")
# The contents of these are visible from above: "plate pancakes".
OPEN_CONTAINERS = words("bowl plate basket tray bucket")
# Everyday objects, to which short unknown words are corrected.
EVERYDAY = PEOPLE | ANIMALS | CONTAINERS | words("""car truck bus bike motorcycle motorbike train boat plane airplane
    chair couch sofa table bench bed desk pizza donut cake sandwich hotdog burger orange apple banana carrot broccoli
    umbrella suitcase luggage backpack laptop phone keyboard monitor screen television remote oven fridge sink toilet
    book clock knife fork spoon skateboard surfboard snowboard racket frisbee kite helmet shirt jacket hat""")
SUBSTANCES = words("""soup water coffee tea milk juice wine beer food rice fruit salad noodles pasta cereal sugar salt
    sauce oranges apples bananas carrots broccoli vegetables fries chips nuts popcorn candy chocolate flour oil vinegar
    ketchup mustard mayo mayonnaise honey jam yogurt oatmeal stew curry chili beans peas berries strawberries grapes
    tomatoes flowers pencils pens tools cookies eggs bread meat cheese paint soda coke lemonade whiskey champagne
    veggies fruits potatoes onions lettuce greens dip salsa""")
DISHES = words("donut doughnut pizza cake burger sandwich bagel cupcake hotdog dog waffle taco salad toast pancake")
TOPPINGS = words("""sprinkles pepperoni olives mushrooms onions pickles relish mustard ketchup strawberries pineapple
    anchovies peppers blueberries chocolate vanilla cheese frosting glaze""")
# What may follow a person without a preposition: "lady profile".
CAUGHT_IN = words("profile air mid-air motion flight")
# Patterns: "umbrella polka dots" is an umbrella.
PATTERNS = words("stripes dots spots checks squiggles polka")
# After "in" and "on" these are states, not regions.
STATES = words("""uniform motion flight half pieces hand hands mouth use air mid-air rain sun shade dark love sunlight
    shadow shadows pain phone cellphone cell laptop computer tablet tiptoe fire wheels way general focus profile shape
    need style sight bloom pairs color colour""")
# Plural words for one object.
PLURAL_ONLY = words("""scissors pants trousers jeans shorts sunglasses goggles eyeglasses spectacles tongs pliers
    tweezers headphones earphones binoculars pajamas pyjamas leggings tights clippers shears overalls""")
# Plurals that spaCy's lists lack, and words with the meaning of a plural.
SINGULARS = {"men": "man", "women": "woman", "people": "person", "peoples": "person", "leaves": "leaf",
             "graffiti": "graffiti", "cola": "cola", "ottomans": "ottoman",
             "syringes": "syringe", "comics": "comic", "lei": "lei", "lenses": "lens", "axes": "axe", "taxis": "taxi",
             "everything": "thing",
             "everyone": "person", "someone": "person", "anyone": "person", "somebody": "person", "anybody": "person"}
# Parts that are the target if "of" follows: "the left half of the sandwich".
PARTS = words("row area half side piece end part section portion edge top bottom back rear front middle center corner")
# Of these, those that are the target if nothing else is named.
PORTIONS = words("half part section portion third area quadrant region")
# Adjectives that are never read as nouns, although the lists have them as such: "the small", but "the remote".
ONLY_ADJECTIVES = words("""small big large little tall short long wide narrow thin thick old young new full empty heavy
    dark bright high low hot cold wet dry clean dirty open closed thirsty hungry tired good bad nice right wrong same
    other""")
# Adjectives that are nouns if no noun follows.
ADJECTIVE_THINGS = words("""blonde blond orange lime peach plum key remote cooler light lighter mobile safe robot dryer
    washer freezer heater mixer patient native adult husky square spread net""")
# Nouns that are attributes if another noun follows.
MATERIALS = words("""plaid denim leather khaki camo metal wood plastic stone brick paper cardboard steel iron concrete
    rubber cotton wool silk velvet fabric marble ceramic dark light clean open dirty square straight flat""")
# Participles that form an attribute with the noun before them: "heart shaped".
COMPOUNDED = words("""shaped colored coloured sized covered filled topped patterned flavored flavoured coated stained
    themed scented lined trimmed inspired printed styled""")
COMPOUNDED_AFTER = words("shaped colored coloured sized themed patterned scented flavored flavoured")
# States of what somebody holds, or of a body part: "skier poles up", "cat eyes closed".
HELD = words("up down open closed shut out crossed raised extended folded spread")
# Shapes and states, if no noun follows.
SHAPED = words("round clear lit bent cut partial whole")
# Verbs whose object is then to be picked up, brought or repaired: "the baby dropped her spoon".
MISLAYING = words("drop leave forget lose spill break tear drag throw knock")
# Verbs for handling an object: "suitcase woman is pulling".
HANDLED = words("""hold wear carry ride use throw push pull eat catch drink touch hug pet kick hit read lift drag serve
    swing cut drive feed bite chew lick sniff""")
# Last words of a clause without its object: "kid is on".
STRANDED = words("""on in at with under by behind near into onto from against wearing holding using riding carrying
    touching""")
# Nouns that look like adjectives.
THINGS = words("locomotive convertible explosive collectible")
# Nouns that look like participles.
ING_NOUNS = words("""building painting ceiling ring king string thing wing spring awning clothing railing frosting icing
    dressing stocking drawing earring pudding topping sibling duckling dumpling swing sling wiring lettering crossing
    landing seating lining covering opening filling writing bedding wrapping stuffing housing casing bearing fitting
    coating gosling something anything everything nothing evening morning wedding""")
# First and second words of sports: "fly fishing", "horse riding".
SPORTS = words("""fly horse ice roller wind kite boogie snow skate rock bungee bike bird paddle body water para hang sun
    figure speed wake base sky long hand ski""")
SPORTING = words("""fishing riding skating surfing boarding climbing jumping diving skiing flying watching gliding
    dancing bathing sailing""")
# Names that contain what is otherwise a function word.
COUPLES = words("salt_and_pepper ham_and_cheese mac_and_cheese fish_and_chips bread_and_butter pen_and_paper")
COMPOUNDS = words("""first_class left_handed right_handed second_hand two_way one_way first_aid first_base second_base
    third_base top_hat tank_top crop_top stove_top rear_end turn_signal back_pack ice_cream whipped_cream sour_cream
    remote_control hot_dog high_chair solar_panel electric_guitar hard_hat hard_drive polar_bear spare_tire stop_light
    brake_light tail_light street_light night_light ceiling_light watering_can washing_machine vending_machine
    sewing_machine frying_pan rolling_pin cutting_board shopping_cart shopping_bag sleeping_bag ironing_board
    rocking_chair folding_chair steering_wheel fishing_rod fishing_pole walking_stick measuring_cup mixing_bowl
    baking_sheet boxing_glove parking_meter parking_lot swimming_pool dining_table dining_room dressing_table
    bowling_ball running_shoe training_wheel serving_dish serving_spoon drinking_glass drinking_fountain carving_knife
    hiking_boot sewing_kit shaving_cream chewing_gum right_angle middle_finger traffic_light light_bulb light_switch
    counter_top""")

# --- activities -------------------------------------------------------------------------------------------------------

# Verbs that give a name: "a box labelled B2".
NAMING = words("label name call mark title number")
# Verbs that only say that an object is somewhere.
LOCATED = words("""found locate place position situate find put set keep see park stack store leave stop arrange pile
    reside stay""")
POSTURES = words("stand sit lie lay rest hang lean perch lounge kneel crouch squat recline sleep float")
# Activities of people and animals: "walks" in "man walks" is not a plural.
ACTS = words("""hold wear eat drink jump smile laugh watch play throw catch kick ride carry push pull read write cook
    serve reach crouch crawl climb pose wait cross talk speak sing dance cry yawn wave clap hug kiss feed pet graze drag
    surf ski skate cut grab touch use pour open wash bite lick chew swing hit enjoy stare try prepare cheer""")
# Activities that objects never do: "boy by the fence | reading".
LIVELY = ACTS | words("look use") - words("hold carry push pull reach touch cut serve pour open hit cross watch wash")
# Activities that are also plurals of what somebody may have: "cow heads", "girl skis".
ALSO_OWNED = words("head face ski skate drink cut point turn run walk drive")
# Verbs whose complement describes the appearance, even if its preposition could express a relation.
MAKING = words("cover fill dress paint wrap coat cut slice make surround decorate top load")
# Verbs after a noun that cannot be plurals: "sign says stop".
SAYING = words("says reads wears has go goes belong belongs need needs wants keeps")
# Postures: never nouns after a noun.
POSED = words("upright sideways upside-down backwards face-down face-up better close")
# Verbs whose past is spelt like the present.
INVARIABLE = words("""cut put set hit shut hurt let split spread cast burst bet cost quit rid shed slit thrust read run
    come become""")
SETS = words("set shed spread cast split cut")
VERB_PARTICLES = words("up down out off away together upright still over around back about open straight")
