/**
 * The words of the almanac that are no facts: what the slots of its patterns are filled from, all equally likely. They
 * belong to the language, which both floors know (METHODS §9). Lists that follow `a` hold no word that wants `an`;
 * `almanac.test.ts` reads the pages for it.
 */

import { numbers, words } from "./grammar.ts";

/** A list of phrases, one a line. */
const phrases = (lines: string): readonly string[] =>
  lines
    .trim()
    .split("\n")
    .map((line) => line.trim());

export const MONTHS = words(
  "Wolfmonth Snowmonth Windmonth Budmonth Milkmonth Rosemonth Haymonth Reapmonth Fruitmonth Winemonth Fogmonth Yulemonth",
);

export const SHIRES = words(
  "Marl Fenwold Hartsea Brackenshire Tolland Wethermoor Copsey Dunmarch Ellery Farrowdale Garth Hallamshire Inverlow Jarrow Kelder Lambourn " +
    "Merrow Netherwold Oxmere Pellam Quillan Rushmark Selwick Thornea Ulverdale Vennick Wexmoor Yarlside Ashmarch Brinsey Calderdale Stowland",
);

export const ANIMALS = words(
  "otter heron badger hedgehog raven jackdaw ferret goose tortoise fox hare owl goat magpie donkey squirrel " +
    "weasel rooster swan toad dormouse crane piglet parrot lamb starling pony falcon duck mole cat finch",
);

export const COLOURS = words("red blue green grey white black golden silver");

export const DISHES = phrases(`
  pea soup
  plum cake
  smoked eel
  barley bread
  pickled walnuts
  roast goose
  honey cakes
  leek pie
  stewed pears
  oat porridge
  fried trout
  mutton broth
  cheese dumplings
  baked apples
  cold ham
  gooseberry tart
  buttered turnips
  rabbit stew
  almond biscuits
  onion tart
  boiled beef
  cherry pudding
  salted herring
  mushroom toast
  gingerbread
  lentil stew
  potted crab
  egg custard
  cabbage rolls
  quince jelly
  parsnip fritters
  saffron buns
`);

export const LEXICON: Readonly<Record<string, readonly string[]>> = {
  month: MONTHS,
  day: numbers(1, 28),
  dawn: numbers(4, 5),
  dusk: numbers(16, 5),
  clock: numbers(0, 24),
  minute: numbers(0, 60).map((minute) => minute.padStart(2, "0")),
  number: numbers(1, 99),
  shire: SHIRES,
  animal: ANIMALS,
  dish: DISHES,
  colour: COLOURS,
  quarter: words("north north-east east south-east south south-west west north-west"),
  sky: phrases(`
    thin rain
    hard frost
    a high blue sky
    low cloud
    sleet before noon
    a warm haze
    thunder at dusk
    fog in the hollows
    clear and cold
    showers and sun
    heavy dew
    a red dawn
    snow on the tops
    a still grey day
    hail, then sun
    a long soft evening
  `),
  hour: phrases(`
    five in the morning
    six in the morning
    seven in the morning
    eight in the morning
    nine in the morning
    ten in the morning
    eleven in the morning
    noon
    one o'clock
    two o'clock
    three o'clock
    four o'clock
    five o'clock
    sunset
    moonrise
    midnight
  `),
  goods: words(
    "eggs butter cheese plums pears apples onions leeks beans barley oats rye flour salt honey wax " +
      "candles soap rope twine nails needles thread wool linen felt lace ribbons buttons boots gloves hats " +
      "combs spoons bowls jugs kettles knives baskets brooms bricks tiles slates lime tar pitch oil vinegar " +
      "mustard ginger pepper cloves tea snuff paper ink chalk feathers hides hens ducks geese eels crabs",
  ),
  price: phrases(`
    a farthing
    a halfpenny
    a penny
    two pence
    three pence
    four pence
    five pence
    six pence
    seven pence
    eight pence
    nine pence
    ten pence
    a shilling
    two shillings
    three shillings
    half a crown
  `),
  quality: words(
    "slow quick loud quiet borrowed stolen broken mended rusty polished crooked straight hollow heavy light cheap " +
      "painted buried lost found wet dry hungry patient proud humble jealous faithful careless careful sleepy bold",
  ),
  thing: words(
    "candle bell ladder kettle bucket mirror anchor lantern thimble hammer drum clock boot hat cloak glove " +
      "key lock door window chair table cradle saddle wheel plough rope net oar sail feather ring " +
      "purse coin letter book map song fiddle spoon bowl jug barrel basket broom comb needle button " +
      "ribbon pillow blanket curtain chimney oven gate fence bridge mill loaf pie cheese apple egg fish",
  ),
  outdoes: words(
    "outlives outweighs forgives fears follows mends answers warms shames flatters feeds forgets outruns betrays deserves hides " +
      "wakes guards spoils teaches envies pays carries keeps spares needs finds leads serves trusts beats blesses",
  ),
  spot: phrases(`
    old mill
    corn market
    fish steps
    north gate
    south gate
    chapel well
    tannery
    toll house
    lime kiln
    deer park
    weir
    rope walk
    bowling green
    hangman's oak
    brewhouse
    ferry stairs
    school wall
    almshouse
    sheepfold
    drying loft
    salt store
    clock tower
    orchard lane
    stone cross
    long barn
    duck pond
    glass works
    signal hill
    quay
    barley field
    bell yard
    fountain
  `),
  sign: words("Plough Ladle Hare Crown Swan Anchor Thimble Archer Goose Lantern Widow Bear Ram Fiddler Oak Key"),
  phase: phrases(`
    is new
    is a thin sickle
    is at the half
    is nearly full
    is full
    is on the wane
    is hidden
    has a ring around it
  `),
  task: phrases(`
    sowing beans
    pruning pears
    salting pork
    shearing sheep
    airing beds
    brewing ale
    mending nets
    digging ditches
    laying hedges
    setting hens
    cutting peat
    washing wool
    paying debts
    writing letters
    proposing marriage
    visiting cousins
    sharpening scythes
    moving bees
    baking bread
    stacking hay
    picking hops
    clearing gutters
    training dogs
    drying herbs
    boiling jam
    hanging doors
    felling timber
    buying horses
    counting sheep
    naming children
    singing rounds
    doing nothing
  `),
  condition: phrases(`
    dry and fast
    deep in mud
    closed by a fallen beech
    under water at the ford
    full of sheep
    safe by daylight
    newly gravelled
    watched by robbers
    white with frost
    open to carts
    open to riders only
    cracked by the heat
    lined with lanterns
    blocked by a quarrel
    fit for a bishop
    no worse than usual
  `),
  bird: words(
    "swallow cuckoo lark thrush robin wren rook plover curlew snipe stork kestrel blackbird nightjar lapwing gull",
  ),
  ailment: phrases(`
    a cough
    a cold
    toothache
    gout
    hiccups
    chilblains
    a stiff neck
    sore feet
    bad dreams
    a broken heart
    warts
    fever
    a black eye
    baldness
    low spirits
    the itch
  `),
  herb: words(
    "sage thyme rue mint fennel dill parsley yarrow comfrey nettle tansy borage chervil hyssop lovage lavender " +
      "rosemary marjoram basil sorrel dandelion plantain mallow chamomile feverfew betony savory caraway anise burdock clover vervain",
  ),
  liquid: words("ale cider milk vinegar honey wine broth rainwater"),
  fate: phrases(`
    a visit from an aunt
    money by the post
    a wet harvest
    a wedding in the family
    a lawsuit
    a long journey
    news from the sea
    a quarrel with a miller
    a lucky purchase
    the loss of a tooth
    a new neighbour
    an honest servant
    a broken window
    twins
    a change of hat
    a good night's rest
    a debt repaid
    trouble with geese
    an old friend
    a bargain regretted
    a dry cellar
    a smoking chimney
    fame in a small way
    an offer of marriage
    three days of rain
    a sermon on thrift
    a win at cards
    mice
    a better spring
    a fall from a ladder
    something under the floor
    nothing at all
  `),
  omen: phrases(`
    the bells rang for a wedding
    a comet hung over the hills
    the river was in flood
    snow lay on the roofs
    the whole street was at a fair
    the harvest stood in the fields
    a storm took the chimney
    the cows got into the church
    the baker's shop was on fire
    bees swarmed at the window
    the midwife told jokes
    an owl watched from the beam
    a stranger played the pipes outside
    the tide was on the turn
    the candle refused to stay lit
    all the dogs in the lane were singing
  `),
  mood: words("windy cold bright damp misty frosty golden rainy sultry still snowy mild stormy clear gloomy perfect"),
  crop: words(
    "plums hops barley beans cherries turnips nettles roses oats pears cabbages flax walnuts leeks melons poppies",
  ),
  youth: words(
    "nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty thirty forty fifty sixty",
  ),
  temper: words(
    "good bad slow careful merry silent stubborn cheerful gloomy patient reckless modest boastful thrifty generous curious",
  ),
  tree: words(
    "yew rowan beech chestnut linden birch willow maple pine walnut hawthorn hazel larch pear-tree cherry-tree mulberry",
  ),
  bequest: phrases(`
    six spoons and a clock
    a house full of books
    debts in three towns
    a barrel of good cider
    eleven grandchildren
    a will in rhyme
    a chest nobody could open
    one silver thimble
    the best garden in the lane
    a letter to the bishop
    a very old donkey
    a map of nowhere
    enough rope for a bell tower
    two unfinished quilts
    a jar of foreign coins
    no forwarding address
  `),
  teacher: phrases(`
    a blind uncle
    a passing sailor
    the village priest
    an elder sister
    a travelling tinker
    a retired hangman
    the miller's wife
    a company of players
    a prisoner of war
    the organist
    a book without a cover
    a shepherd in the hills
    a cousin from abroad
    a lodger behind with the rent
    the night watchman
    no one in particular
  `),
  listener: phrases(`
    the neighbours
    every dog in the lane
    the whole household
    a patient aunt
    the cows
    the night watch
    two maiden sisters
    the lodgers
    the landlord
    passing carters
    the sick
    the curate
    late walkers
    the owls
    all the children
    the moon
  `),
  pet: words(
    "Biscuit Captain Duchess Pepper Nutmeg Tobias Button Thistle Admiral Crumb Juniper Barnaby Pudding Marigold Whisper Hector " +
      "Bramble Solomon Treacle Clover Bishop Mustard Peggy Rufus Tansy Major Pickle Dorcas Ginger Samson Widget Plum",
  ),
  trick: phrases(`
    fetch slippers
    count to five
    ring the dinner bell
    walk on a rope
    open gates
    carry letters
    bow to the vicar
    dance on a barrel
    find mushrooms
    turn the spit
    wake the baker
    steal buttons
    sit through a sermon
    pull a small cart
    guard the cheese
    play dead
  `),
  bed: phrases(`
    in the bread oven
    under the stairs
    in a hat box
    on the pulpit cushion
    by the stove
    among the onions
    in the good armchair
    on the window sill
    in a barrel of wool
    behind the clock
    at the foot of the bed
    in the coal scuttle
    on the roof
    under the cart
    in the laundry
    wherever it pleased
  `),
  drink: phrases(`
    small beer
    hot cider
    red wine
    cold milk
    elder cordial
    plum brandy
    black tea
    barley water
    honey mead
    sour ale
    spring water
    birch wine
    sloe gin
    goat's milk
    mint tea
    perry
  `),
  aside: phrases(`
    as every carter will tell you
    or so the ferryman swears
    though few have checked
    and nobody minds
    to the envy of the neighbours
    which surprises strangers
    as the children sing
    and proud of it
    if the clerk can be trusted
    by the oldest reckoning
    and it shows
    much to the bishop's regret
    as the innkeeper never fails to mention
    whatever the maps may say
    and has the papers to prove it
    for better or worse
    rain or shine
    as any fool can see
    to the delight of painters
    and so it should be
    thanks to a clever mason
    a matter of some dispute
    as the song has it
    give or take a little
    and long may it last
    no small thing in these parts
    at least on paper
    as the old women say
    to the credit of all concerned
    with good reason
    against all advice
    and that is that
  `),
  buyer: words(
    "sailors brides bishops soldiers farmers pilgrims widows scholars bakers travellers nurses judges pedlars hunters gardeners monks",
  ),
  ruler: phrases(`
    the old queen
    a grateful king
    the boy king
    a bishop in a hurry
    the regent
    a duke who had lost a bet
    the last emperor
    the high council
    a blind prince
    two rival kings
    the lady of the lake forts
    a tired general
    the abbot
    the lord of the north
    a travelling judge
    the queen's own barber
  `),
  payment: phrases(`
    forty barrels of herring
    a white horse
    a promise of soldiers
    nine bags of pepper
    the price of a bridge
    a song and a supper
    two hundred sheep
    a golden bowl
    a year of free beer
    one very good sword
    a cartload of wool
    a debt forgiven
    the mayor's daughter's hand
    six fat oxen
    a bell without a crack
    next to nothing
  `),
  core: phrases(`
    a single inn
    an old abbey
    a ford
    a horse fair
    a well of sweet water
    a ruined tower
    a ring of standing stones
    a salt spring
    a wooden bridge
    a watch-fire
    a toll gate
    a hermit's cell
    a crossroads
    a great lime tree
    a quarry
    a ferry
  `),
  vantage: phrases(`
    the coast road
    across the valley
    two miles away
    five miles away
    the sea
    the tops of the moors
    the mail coach
    any passing boat
    the far woods
    the abbey tower
    the gallows hill
    a good way off
    the next hill
    the high pass
    the drovers' track
    the far bank
  `),
  door: phrases(`
    north gate
    south gate
    council door
    mayor's bed
    main well
    corn hall
    jail
    school
    bridge house
    old pump
    best inn
    court bench
    weigh house
    chapel porch
    fire buckets
    town clock
  `),
  memory: phrases(`
    a flood
    a long siege
    a famous joke
    the first mayor
    a drowned king
    a hard winter
    a saint nobody can name
    a lost ship
    a wager
    the great fire
    a runaway bride
    a battle half won
    a good shepherd
    the plague year
    an eclipse
    a clerk's mistake
  `),
  country: phrases(`
    open heath
    beech wood
    good pasture
    black peat
    water meadow
    stony moor
    hop garden
    reed bed
    barley land
    orchard
    chalk down
    pine forest
    sheep country
    empty hills
    market gardens
    quiet farmland
  `),
  trickle: phrases(`
    a ditch behind a barn
    three small springs
    a drip under a rock
    a bog full of cranes
    a stream a child could jump
    the overflow of a well
    meltwater
    a thread among ferns
    a pool with no bottom
    a wet place in a field
    a noise under the ground
    a brook without a name
    a waterfall
    a spring that tastes of iron
    two becks that quarrel
    a leak in a dam
  `),
  season: words("spring summer autumn winter April May June September"),
  costume: phrases(`
    a paper crown
    a borrowed robe
    yellow stockings
    a coat of feathers
    full armour
    a bishop's hat
    muddy boots
    a mask of bark
    a velvet apron
    a stolen uniform
    a wreath of hops
    two left shoes
    a lion skin
    a beard of moss
    plain grey cloth
    nothing but ribbons
  `),
  origin: phrases(`
    five counties
    across the sea
    every farm in the hills
    both sides of the border
    the far islands
    the four winds
    the mining valleys
    a hundred villages
    the capital itself
    the fishing ports
    the southern vineyards
    monasteries near and far
    the lonely moors
    as far as letters go
    the court
    nowhere anyone could name
  `),
};
