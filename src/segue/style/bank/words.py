"""Finding a style of the bank by words: no network, no weights, only a card of words for each style."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from dataclasses import dataclass

from segue.errors import UsageError
from segue.style.bank.catalogue import PAINTERS, BankStyle, bank_style

# what each style may be called by; words in Chinese are looked for anywhere in the text
CARDS = {
    "night-swirl": "night starry star stars moon swirl swirling swirls sky oil impasto vortex cosmic space galaxy "
    "dream dreamy blue yellow thick brush brushstrokes expressive expressionist expressionism post-impressionist "
    "post-impressionism milky universe midnight 夜 星空 星 油画 漩涡 旋转",
    "autumn-dabs": "autumn fall leaf leaves oil impasto dabs dab palette knife orange red gold golden brown "
    "forest wood woods tree trees park impressionist impressionism warm october november foliage 秋 落叶 树林 "
    "油画 印象派",
    "pointillism": "pointillism pointillist dots dot dotted point points stipple stippled divisionism "
    "neo-impressionism neo-impressionist spots river meadow summer spring bright landscape sunlight 点彩 点 夏",
    "halftone": "halftone pop pop-art comic comics cartoon ben-day newsprint print printed screen screenprint "
    "poster retro bold primary sixties 60s graphic speech superhero 波普 漫画 海报",
    "stained-glass": "stained glass window windows church cathedral gothic lead leaded chapel jewel mediaeval "
    "medieval tiffany rose translucent light saint 彩色玻璃 玻璃 教堂",
    "mosaic": "mosaic tile tiles tiled tesserae roman byzantine antique stone stones pebble ravenna flower sea "
    "bath villa 马赛克 镶嵌",
    "ink-hatching": "ink pen hatching hatched cross-hatching crosshatching engraving engraved etching etched "
    "drawing sketch sepia line lines linework manuscript illustration old draft copperplate 钢笔 素描 线描 蚀刻",
    "woodcut": "woodcut linocut lino wood-engraving carved carving relief block print black white red sun bold "
    "rustic expressionist stamp folk 木刻 版画",
    "charcoal": "charcoal chalk pencil graphite drawing sketch smudged grey gray monochrome dark tonal still-life "
    "fruit apples pastel conte shadow 炭笔 铅笔 素描",
    "watercolour": "watercolour watercolor aquarelle wash washes wet transparent soft loose splash splashes pale "
    "light paper bleeding delicate airy pastel gouache 水彩 淡彩",
    "cubist-shards": "cubist cubism shards shard facets faceted planes geometric geometry fragmented fractured "
    "angular abstract futurist futurism collage guitar analytic prism polygon 立体主义 立体派 抽象 几何",
    "deco-fans": "deco art-deco fan fans gold golden gilded luxury twenties 20s jazz gatsby ornament ornamental "
    "elegant nouveau lacquer shell shells scallop metallic 装饰艺术 金 扇",
    "pixel-quilt": "quilt quilted patchwork cloth fabric cotton textile sewing sewn stitch stitches stitched "
    "pixel pixels patches country cosy cozy blanket needlework embroidery 拼布 布 像素 刺绣",
    "woodblock-waves": "wave waves woodblock ukiyo-e ukiyo japanese japan edo sea ocean storm surf foam great "
    "tsunami prussian asian print water 浮世绘 海浪 浪 日本",
    "marbling": "marbling marbled marble ebru suminagashi paper ink swirls fluid liquid flowing flow feathered "
    "combed psychedelic turkish endpaper agate 大理石 水拓 流体",
    "batik": "batik wax indigo dye dyed cloth textile fabric cracked crackle javanese indonesian african tie-dye "
    "resist flowers floral cotton ethnic pattern 蜡染 靛蓝",
}
# words that say nothing about which style
_IDLE = (
    "a an the in of on at with and or by as to for from like style styles styled painting paintings painted paint "
    "picture pictures photo photos image images art artwork artist manner look looks made make this that my very"
)
IDLE = frozenset(_IDLE.split())
EXACT, PREFIX, NEAR = 1.0, 0.7, 0.5  # how much a word counts that is on a card, begins one (or it), or resembles one
OWN_NAME = 1.5  # how many times more a word counts that is part of the style's name
SHORTEST = 4  # letters from which on a word may begin another or resemble it
LIKENESS = 0.84  # of `difflib`, from 0 to 1


@dataclass(frozen=True)
class Match:
    """The style that words lead to, those of them that led there, and how many styles were looked at."""

    style: BankStyle
    matched: tuple[str, ...]
    looked_at: int

    def line(self) -> str:
        """What was taken, and why, for people."""
        return (
            f"no CLIP given: took the nearest of {self.looked_at} named styles, {self.style.name!r} "
            f"(matched: {', '.join(self.matched)})"
        )


def style_for_words(text: str) -> BankStyle:
    """The style of the bank that words describe best; raises `UsageError`, with all of them, where none fits."""
    return match_words(text).style


def match_words(text: str) -> Match:
    """As `style_for_words`, with the words that were found.

    A word counts the more, the fewer styles have it on their cards; on equal scores the first style is taken.

    Raises:
        UsageError: no word is on, or like one on, any card.
    """
    scores = {name: _score(text, name) for name in PAINTERS}
    best = max(scores, key=lambda name: sum(scores[name].values()))
    if not scores[best]:
        raise UsageError(
            f"expected words that describe a style, got {text!r}, which fits none of {', '.join(PAINTERS)}: "
            "say it in other words, give one as bank:NAME, or a CLIP network with --clip"
        )
    return Match(bank_style(best), tuple(scores[best]), len(scores))


def _score(text: str, name: str) -> dict[str, float]:
    """How much each word of a text speaks for a style; words that do not are left out."""
    card = CARDS[name].split()
    own = set(name.split("-"))
    found: dict[str, float] = {}
    for word in words_of(text):
        value, hit = max(((_likeness(word, known), known) for known in card), default=(0.0, ""))
        if value:
            found[word] = value / _HOLDERS[hit] * (OWN_NAME if hit in own else 1)
    for known in card:
        if not known.isascii() and known in text:
            found[known] = len(known) * EXACT / _HOLDERS[known]
    return found


def words_of(text: str) -> list[str]:
    """The words of a text that may describe a style, each once.

    >>> words_of("A starry night, in the style of ukiyo-e")
    ['starry', 'night', 'ukiyo-e', 'ukiyo']
    """
    words = [word for word in re.findall(r"[a-z0-9]+(?:-[a-z0-9]+)*", text.lower()) if word not in IDLE]
    parts = [part for word in words if "-" in word for part in word.split("-") if len(part) > 1 and part not in IDLE]
    return list(dict.fromkeys([*words, *parts]))


def _likeness(word: str, known: str) -> float:
    if word == known:
        return EXACT
    if min(len(word), len(known)) < SHORTEST:
        return 0.0
    if known.startswith(word) or word.startswith(known):
        return PREFIX
    return NEAR if difflib.SequenceMatcher(None, word, known).ratio() >= LIKENESS else 0.0


_HOLDERS = Counter(word for card in CARDS.values() for word in set(card.split()))
