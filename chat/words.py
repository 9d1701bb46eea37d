"""The words of spoken room codes: short, common, and hard to mishear over music."""

from __future__ import annotations

from typing import Final

FIRST: Final = (
    "amber apple april arctic autumn azure bamboo basil berry birch blue bold brass brave breezy bright bronze brown "
    "calm candy carbon cedar cherry chilly citrus classic clear clever clover cobalt cocoa copper coral cosmic cotton "
    "crimson crisp crystal daily daisy dancing dapper dawn denim desert double dreamy early east easy ebony eager "
    "electric emerald evening fabled faint family fancy fast festive fiery fine first flying foggy forest fresh "
    "friendly frosty garden gentle giant ginger glad global golden good grand granite grape green happy harbor hazel "
    "hidden high honest honey humble icy indigo island ivory jade jolly jumbo july june kind lucky large laser lemon "
    "light lilac lime linen little lively local lofty loud lunar magic magenta maple marble meadow mellow merry metal "
    "midnight mint misty modern morning mossy mountain music navy neat neon noble north ocean olive onyx open orange "
    "orchid paper pastel peach pearl pepper pine pink plain plum polar polite prime proud purple quick quiet rainy "
    "rapid red rich river robust rocky rosy round royal ruby rustic sandy satin scarlet secret shady shiny silent "
    "silk silver simple sky smart smooth snowy soft solar solid south spicy spring steady stellar stone stormy summer "
    "sunny super sweet swift tall teal tender tidal tiny topaz tropic true turbo twin urban valley vast velvet violet "
    "vivid warm wavy west white wild windy winter wise wooden yellow young zesty"
).split()

SECOND: Final = (
    "acorn alley anchor apricot arena arrow atlas badge bagel balloon banjo banner barn basket bay beach beacon bean "
    "bear bell bench bicycle bison boat bonfire book booth bottle bridge brook bucket bus cabin cactus camel camera "
    "camp canal candle canoe canyon carrot castle cello chapel choir circle circus cliff clock cloud coast comet "
    "compass cookie corner cove cricket crown cup curtain deck deer desk dolphin donkey door dragon drum eagle echo "
    "elephant engine falcon feather fence ferry festival field fig fiddle flag flame flute fountain fox frame "
    "galaxy gallery garage gate gecko geyser giraffe glacier globe goat guitar hall hammer hammock harp hat hawk "
    "heron hill hippo horizon horn horse hotel house igloo iguana inn jacket jaguar jar jelly jungle kayak kettle "
    "kite kiwi koala ladder lagoon lake lamp lantern lark leaf lemur library lion lizard llama lobby lodge lynx "
    "magnet mango market mast maze melon meteor mill mirror moon moose muffin museum napkin nest oasis oboe orbit "
    "otter oven owl paddle palace palm panda panel parade parrot path pavement peacock pebble pelican pencil penguin "
    "piano picnic pier pigeon pillow pilot pizza planet plaza pocket pond pony poster prairie puffin pumpkin puzzle "
    "rabbit radio raft ranch raven reef ribbon ridge ring robin rocket roof rope saddle sail salad sandal sauna "
    "scarf school seal shadow shell shore signal sofa spark sparrow spoon square stable stadium stage star station "
    "street studio sunset swan table tango teapot temple tent theater thunder ticket tiger tower trail train trumpet "
    "tulip tunnel turtle valve van village viola violin wagon walrus water wave whale wheel willow window wolf yacht "
    "zebra"
).split()
