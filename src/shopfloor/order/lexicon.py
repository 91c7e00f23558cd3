"""The words of sorting orders, in English and Chinese: what is spotted, and as what.

Patterns are tried in their order at every place of the text; what none of them knows is
skipped. So a wording nobody has written down is understood as long as its words are.
"""

# ruff: noqa: E501, ISC004  (alternatives of one meaning stand together)
from __future__ import annotations

__all__ = ["PATTERNS", "TOTE_NOUN_EN", "TOTE_NOUN_ZH", "UNDECIDABLE"]

TOTE_NOUN_EN = (
    r"(?:tote|box|bin|container|crate|basket|bucket|tub|carton|receptacle|compartment|case)"
)
TOTE_NOUN_ZH = (
    r"(?:周转箱|收纳箱|收纳盒|物料箱|塑料箱|料箱|箱子|料盒|盒子|料框|框子|筐子|篮子|容器|料筐|"
    r"箱|盒|框|筐|篮|桶|仓|槽)"
)

_COLOURS = {
    "red": (r"reds?|reddish|crimson|scarlet|ruby", r"红色?|赤色?|朱红色?|绯红"),
    "orange": (r"oranges?|tangerine|amber", r"橙红?黄?色?|橘红?黄?子?色?|桔色?"),
    "yellow": (r"yellows?|yellowish|lemon(?:[ -]yellow)?", r"黄色?"),
    "green": (r"greens?|greenish|emerald|lime", r"绿色?|翠色"),
    "blue": (r"blues?|bluish|navy|azure|cobalt", r"蓝色?|湛色"),
    "purple": (r"purples?|purplish|violets?|lilac|mauve", r"紫色?"),
}
_SIZES = {
    "small": (
        r"small(?:er|est)?(?:[ -]sized?)?|little|tiny|tiniest|mini|miniature|compact|petite",
        r"小号|小型|小的|小个儿?的?|小尺寸|较小的?|迷你|细小|小",
    ),
    "large": (
        r"large(?:r|st)?(?:[ -]sized?)?|big(?:ger|gest)?(?:[ -]sized?)?|huge|giant|great|jumbo|bulky",
        r"大号|大型|大的|大个儿?的?|大尺寸|较大的?|巨大|大",
    ),
}
# (shape, strength, noun, English, Chinese). Where one selection has several, the strongest
# wins: a "rectangular block" is a bar, a "cylindrical block" a cylinder.
_SHAPES: tuple[tuple[str, int, bool, str, str | None], ...] = (
    (
        "cube",
        2,
        False,
        r"(?:cube|box|dice|square)[ -]?(?:shaped|like)|cubic(?:al)?|cube-?like",
        None,
    ),
    ("cylinder", 2, False, r"(?:cylinder|round|disc|disk|can)[ -]?(?:shaped|like)", None),
    (
        "bar",
        2,
        False,
        r"(?:bar|brick|stick|rod)[ -]?(?:shaped|like)|(?:long|elongated|rectangular)[ -]shaped",
        None,
    ),
    (
        "bar",
        3,
        True,
        r"bars?|sticks?|bricks?|rods?|beams?|cuboids?|planks?|ingots?",
        r"长方体|长方块|长条形?块?|条形块?|条状|条块|长块|棒子?|杆子?|方条|砖块?",
    ),
    (
        "bar",
        2,
        False,
        r"rectangular|rectangles?|oblongs?|long|elongated",
        r"长方形|矩形|长形|长的|长",
    ),
    (
        "cylinder",
        3,
        True,
        r"cylinders?|discs?|disks?|pucks?|columns?|pillars?|drums?",
        r"圆柱形?体?状?|柱形|柱状|柱体|柱子|圆柱块|圆饼|圆片|圆块",
    ),
    ("cylinder", 2, False, r"cylindrical|circular|circles?|round", r"圆形|圆的|圆"),
    ("cube", 3, True, r"cubes?", r"立方体|正方体|方块|立方块?|正方块|方体"),
    ("cube", 2, False, r"squared?|squares", r"正方形|方形|方的"),
    ("cube", 1, True, r"blocks?", r"木块|积木块?|块状"),
    ("bar", 3, True, r"(?!)", r"条子?(?!件)"),
    ("cylinder", 3, True, r"(?!)", r"柱"),
    ("cube", 2, False, r"(?!)", r"方"),
)
_NUMBERS_EN = {
    word: value
    for value, word in enumerate(
        [
            "one",
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve",
        ],
        start=1,
    )
}
_NUMBERS_ZH = {
    "一": 1,
    "二": 2,
    "两": 2,
    "三": 3,
    "四": 4,
    "五": 5,
    "六": 6,
    "七": 7,
    "八": 8,
    "九": 9,
    "十": 10,
}
_MEASURE = r"(?:个|只|块|件|枚|根|支|颗|粒|条|样)"
_ZH_CONTENT = r"[红赤橙橘桔黄绿蓝紫大小方圆长立柱条正]"

_TOUCH_EN = (
    r"(?:touch(?:ed|ing)?|mov(?:e|ed|ing)|pick(?:ed|ing)?(?: up)?|tak(?:e|en|ing)|handl(?:e|ed|ing)|"
    r"disturb(?:ed|ing)?|bother(?:ed)?(?: with| about)?|budge|relocat(?:e|ed|ing)|grab(?:bed)?|"
    r"sort(?:ed)?|shift(?:ed|ing)?|remov(?:e|ed|ing)|mess with|go anywhere)"
)
_PUT_EN = (
    r"(?:put|plac(?:e|ed|ing)|drop(?:ped)?|load(?:ed)?|pack(?:ed)?|go|belong|send|sent|box(?:ed)?)"
)
_NOT_EN = (
    r"(?:do|does|did|should|must|may|shall|will|would|can|could|need|is|are|ought)? ?(?:not|never)"
    r"(?: (?:to|be|get|have|ever|need|any|you|have to))*"
)
_NOT_ZH = (
    r"(?:不要|不用|不必|不许|不能|不得|不可以?|不准|不需要?|不应该?|无需|无须|毋须|切勿|请勿|禁止|"
    r"避免|免得|别|勿|莫|不)(?:再|去|被|随便)?"
)
_TOUCH_ZH = r"(?:移动|挪动|搬动|触碰|碰触|触摸|处理|理会|理睬|分拣|改变|动|移|碰|拿|取|管|理|挪|搬|抓|夹|拣|变)"

UNDECIDABLE = {
    "colour": (
        r"pink|black|white|gr[ea]y|brown|cyan|teal|magenta|turquoise|beige|gold(?:en)?|silver|maroon",
        r"粉红色?|粉色|黑色|白色|灰色|棕色|褐色|青色|银色|金色|咖啡色|[黑白灰粉棕褐](?=[的方圆长小大立柱])",
    ),
    "shape": (
        r"spheres?|spherical|balls?|cones?|conical|pyramids?|triang(?:les?|ular)|rings?|"
        r"hexagon(?:s|al)?|prisms?|stars?|gears?|wedges?",
        r"球体?|圆锥体?|锥体|三角形?|圆环|环形|六角形?|六边形?|星形|齿轮",
    ),
    "size": (r"medium(?:[ -]sized?)?|mid ?sized?", r"中号|中型|中等|中等大小"),
    "quantity": (
        r"some(?: of)?(?! way| how)|several|a few|few|half|at (?:least|most)|up to|"
        r"(?:more|less|fewer) than|a dozen|most of|dozens?",
        r"一些|有些|若干|部分(?!是)|几[个只块件]|至少|至多|最多|最少|不超过|一半|半数|多数|大多",
    ),
}
"""Words that no goal of this cell can decide, by what they are about (English, Chinese)."""

ALLOWED = {
    "colour": "red, orange, yellow, green, blue, purple",
    "shape": "cube, cylinder, bar",
    "size": "small, large",
    "quantity": "all, or an exact number",
}


def _en(pattern: str) -> str:
    return rf"(?<![a-z0-9])(?:{pattern})(?![a-z0-9])"


def _build() -> tuple[tuple[str, object, str], ...]:  # noqa: PLR0915 - a table
    found: list[tuple[str, object, str]] = []

    def add(kind: str, value: object, english: str | None, chinese: str | None = None) -> None:
        both = [p for p in (_en(english) if english else None, chinese) if p]
        found.append((kind, value, "|".join(both)))

    # Words that look like something else.
    add(
        "SKIP",
        None,
        r"(?:regardless|irrespective|independent(?:ly)?) of (?:(?:their|its|the) )?"
        r"(?:size|colou?r|shape|kind|type)s?(?: (?:and|or) (?:size|colou?r|shape)s?)?|"
        r"(?:no matter|whatever|whichever)(?: (?:of|what|which|the|their|its|is))* "
        r"(?:size|colou?r|shape|kind|type)s?(?: (?:and|or) (?:size|colou?r|shape)s?)?"
        r"(?: (?:they|it|is|are|be|may|have|has))*|"
        r"(?:of |in )?(?:any|all|both|every|each) (?:sizes?|colou?rs?|shapes?|kinds?|types?)|"
        r"(?:whether )?(?:large|big|small) or (?:small|large|big|little)(?= alike)|"
        r"(?:big|large) and small(?= alike)|"
        r"by (?:size|colou?r|shape)(?: and (?:size|colou?r|shape))?|"
        r"one (?:by one|at a time|after (?:the other|another)|arm|hand)|each other|"
        r"(?:both|two|either) (?:arms?|hands?|robots?)|the other (?:arm|hand)|"
        r"do not (?:forget|leave|miss|overlook|mix|confuse)(?: to| out| any| behind)*|"
        r"leave (?:no|nothing)(?: \w+)? (?:behind|out)|"
        r"nothing (?:else|more|other)|no other \w+|stick(?= (?:the|all|every|each|any|both|\d+|two|three) )|if any|in one go|at once|first of all|"
        r"[a-d] (?:stays|remains|must stay|is to stay|is left) (?:empty|unused|free)|"
        r"(?:keep|leave) (?:tote |bin |box )?[a-d] (?:empty|unused|free)|"
        r"in (?:total|all)(?! \w* ?(?:cube|cylinder|bar))|all right|after all|all the way|"
        r"large ?scale|left (?:arm|hand|side)|right (?:arm|hand|side)|great(?=[ ,.!])(?! (?:cube|bar))",
        r"小心|大约|大概|大家|小组|小时|(?:不论|不管|无论|不分)(?:颜色|大小|形状|尺寸|什么[^,;。的]{1,3}的?|"
        r"是?[大小红圆方]的?(?:还是|或)?[大小方圆]的?)|大小(?:不限|不论|都行|均可)?|长短|长度|方向|方式|方法|地方|"
        r"方便|方才|特别|分别对应|类别|区别|级别|个别|不同的?|各种|各类|多大|一律|一起|统一|一同|一致|一共|"
        r"一下|一并|统统|通通|一次|一个个|一个一个|一件件|逐一|逐个|依次|两只手|双手|双臂|每次一个|"
        r"[两三四]种(?:颜色|形状|大小)?(?:的)?|两类|第[一二三四]步?|其中|不要(?:忘|遗漏|漏|弄错|放错|混)[了掉]?|"
        r"别(?:忘|漏|弄错|放错|混)[了掉]?|请|麻烦|[两三四]个(?:不同的)?(?="
        + TOTE_NOUN_ZH
        + r")|正好|刚好|"
        r"[a-d](?:号)?箱?(?:留空|空着|不用)|全程|完全|安全|分类|部分是|长期|成长|大部|收到|收工",
    )
    for what, (english, chinese) in UNDECIDABLE.items():
        add("BAD", what, english, chinese)

    # Exceptions.
    add(
        "REST",
        None,
        None,
        r"除此(?:之外|以外|外)(?:的)?|除去这些(?:以外|之外)?|除了这些(?:以外|之外)?",
    )
    add(
        "POSTEXC",
        None,
        r"(?:(?:are|is|being) )?(?:excluded|excepted|exempt(?:ed)?|not included)|(?:as|are|is) "
        r"(?:the |an? )?(?:only )?exceptions?",
        r"除外|例外|不在内|不包括在内|不算在内|不算",
    )
    add(
        "EXC",
        None,
        r"except(?:ing|ed)?(?: for)?|exclud(?:ing|e)|apart from|aside from|other than|besides|"
        r"but not|but for|save for|with(?:out)? (?:the )?exception of|with the exception of|"
        r"not (?:counting|including)|minus|unless(?: (?:it|they) (?:is|are))?|leaving (?:out|aside)",
        r"除了|除去|除开|除却|不包括|不包含|不含|排除|撇开|除",
    )
    add("CLOSE", None, None, r"以外的?|之外的?|外的?(?![面边])")

    # What must stay.
    add(
        "REST",
        None,
        r"(?:what|whatever|all that|everything that|anything that|those that|that|which|what's|"
        r"whatever's)(?: (?:is|are))? (?:remains?|left(?: over| on the tray)?)|left[ -]?overs?|"
        r"anything left(?: over)?|everything left(?: over)?|(?:parts|ones|pieces|items) left(?: over)?|"
        r"what is left(?: over| on the tray)?",
        r"余下的?|剩下的?|剩余的?|剩的|其余的?|其馀的?|其它的?|其他的?|别的|另外的|多余的?|其余",
    )
    add(
        "NEGPUT",
        None,
        rf"{_NOT_EN} {_PUT_EN}",
        rf"{_NOT_ZH}(?:放进?入?到?|装进?入?|投|送|把|将)",
    )
    add("SKIP", None, r"(?:back |lying )?(?:on the table|by hand)")
    add(
        "STAY",
        None,
        rf"{_NOT_EN} {_TOUCH_EN}|without {_TOUCH_EN}|no need to {_TOUCH_EN}|hands off|"
        r"(?:is|are|be|get|gets|being) left(?: (?:alone|untouched|behind|there|in place|as \w+|"
        r"where \w+ \w+))?(?: on the tray)?|leav(?:e|es|ing)|stay(?:s|ing|ed)?|"
        r"remain(?:s|ed)?|keep(?:s|ing)?|kept|untouched|unmoved|undisturbed|"
        r"where (?:they|it|that|those|these|each) (?:\w+ )?(?:is|are|lies?|sits?|belongs?)|"
        r"(?:they|it) (?:is|are) where|in (?:its|their) places?|in place|in position|alone|"
        r"as (?:they|it|is)(?: (?:is|are))?|ignor(?:e|ing)|skip(?:ping)?|"
        r"(?:go(?:es)?|put|placed?) back|back (?:on|onto|in|to) the tray|none of(?: the)?",
        rf"{_NOT_ZH}{_TOUCH_ZH}|保持(?:不动|原位|原样|原状)?|保留|停留|留在?下?着?|原地|原位|原处|原样|"
        r"原封|忽略|跳过|不变|放?回托盘|待在|呆在|静止|(?:不要|不用|不管|不放|不拿|免)了?(?=\s*[,;。!]|\s*$)",
    )
    add(
        "TRAY",
        None,
        r"(?:on|onto|in|to|at|upon) the tray",
        r"(?:(?:放|摆|搁)[在到]?|在|到)托盘[上里中内]?",
    )
    add(
        "ALLPRON",
        None,
        r"(?:empty|clear)(?: out| off)? the (?:whole |entire )?tray|"
        r"the (?:whole|entire|full) (?:lot|tray|set|batch|contents)|the contents|the lot",
        r"整个托盘[上里]?|整盘|托盘上?里?的?全部东西",
    )

    # Totes.
    letter = r"([a-z])(?![a-z'])"
    add(
        "TOTE",
        None,
        rf"{TOTE_NOUN_EN}(?:s|es)?[ ,]*(?:(?:no\.?|number|labell?ed|marked|named|called|lettered|"
        rf"with|the|letter|label|sign|#|as|:)[ ]*)*[\"'“‘(\[]?{letter}[\"'”’)\]]?",
        rf"{TOTE_NOUN_ZH}\s*(?:编?号|标签|标有|标着|写着|字母|#|为|是|:)*\s*[\"'“‘「(\[]?"
        rf"([a-z甲乙丙丁])(?![a-z])[\"'”’」)\]]?(?:号|字)?",
    )
    add(
        "TOTE",
        None,
        rf"(?:letter )?[\"'“‘(\[]?{letter}[\"'”’)\]]?[ -]?(?:labell?ed |marked )?{TOTE_NOUN_EN}",
        rf"[\"'“‘「(\[]?(?<![a-z])([a-z甲乙丙丁])(?![a-z])[\"'”’」)\]]?\s*(?:号|字号?|#|标签|标)?(?:的)?"
        rf"\s*(?:[两三四]个?)?{TOTE_NOUN_ZH}(?:子|里|中)?",
    )
    add(
        "SAME",
        None,
        r"(?:the )?same (?:\w+)|there|(?<=[a-z] )likewise(?=\s*[.,;]|\s*$)|(?:in|into) (?:it|that one)(?= (?:too|also|as well))",
        r"同一个?(?:" + TOTE_NOUN_ZH + r")|同箱|那里|那儿",
    )
    add(
        "LETTER",
        None,
        r"(?<!\w')[\"'(\[]?[a-z](?!'?\w)[\"')\]]?",
        r"(?<![a-z'])[a-z](?![a-z'])|[甲乙丙丁]",
    )

    # Quantities.
    add(
        "ALL",
        None,
        r"all|every|each|any|both|entire(?:ly)?|whole",
        r"所有的?|全部的?|全体|每一?[个件块只根]|每|一切|任何|凡是|凡|全都?|[两三四]者",
    )
    add("ALLPRON", None, r"everything|anything|whatever|every last thing")
    add("REST", None, r"rest|remainder|remaining|others?|else|left(?:over)?", None)
    add("REST", None, None, r"另外(?=的|[红橙黄绿蓝紫大小方圆长])")
    add("ANOTHER", 1, r"another(?: one)?|one more", r"另外?一[个件块只根]|再[来]?一[个件块只根]")
    add("NUM", 2, r"(?:a |one )?(?:couple|pair)(?: of)?", r"俩|一对|一双")
    add("NUM", 1, r"(?:a |just )?single|exactly one|only one|just one", None)
    for word, number in _NUMBERS_EN.items():
        add("ONE" if number == 1 else "NUM", number, word)
    add("NUM", 3, None, r"仨")
    add("NUM", "digits", r"(\d+)(?: ?x(?= ))?", rf"(\d+)\s*{_MEASURE}?")
    for word, number in _NUMBERS_ZH.items():
        tail = _MEASURE if number == 1 else rf"(?:{_MEASURE}|(?=\s*{_ZH_CONTENT}))"
        add("NUM", number, None, rf"(?<![第十]){word}{tail}")
    add("EACHNUM", None, r"(?!)", r"各")
    add("ART", 1, r"a|an")

    # What parts look like.
    add("SKIP", None, None, r"颜色|形状|尺寸|色泽|外形|条件|条理|方案|长得?很")
    for shape in _SHAPES[:3]:  # "box-shaped" before the colours, as it holds other words
        add("SHAPE", shape[:3], *shape[3:])
    for colour, (english, chinese) in _COLOURS.items():
        add("COLOUR", colour, english, chinese)
    for shape in _SHAPES[3:]:
        add("SHAPE", shape[:3], *shape[3:])
    for size, (english, chinese) in _SIZES.items():
        add("SIZE", size, english, chinese)
    add(
        "PART",
        None,
        r"parts|part|pieces?|items?|objects?|things?|components?|workpieces?|goods|stuff|units?|"
        r"elements?|toys?|shapes|contents|products?",
        r"零部件|零件|工件|物件|物体|东西|部件|物品|元件|制品|物料|玩具|货物?|件(?!事)|者",
    )
    add("PRON", None, r"ones|those(?= (?:that|which|with|in|of))|kinds?", None)

    # Small words that shape a sentence.
    add("NOT1", None, r"non", r"非")
    add("NOT", None, r"(?:is |are |being )?not|neither|nor", r"(?:并?不是|并非|不属于|不为)")
    add("SCOPE", None, None, r"(?:里面|当中|之中|里头|中间|里|中)(?=\s*,)")
    add(
        "REL",
        None,
        r"that|which|whose|who|being|in the shape of|shaped like|shaped|painted|colou?red|"
        r"colou?r|of|with|in(?= (?:red|orange|yellow|green|blue|purple))",
        r"(?:里面|当中|之中|里头|中间|里|中)的?(?=[^a-z]{0,3}[红橙黄绿蓝紫大小方圆长])",
    )
    add("AMONG", None, r"among|amongst")
    add("DE", None, None, r"的")
    add("ZIP", None, r"respectively|in (?:that|this) order", r"分别|对应地?")
    add("ALSO", None, r"too|also|as well|likewise|plus", r"也|同样|还要")
    add("PREP", None, r"into|in|to|onto|inside|for|towards?|->", r"→|=>")
    add("OR", None, r"or|/", r"或者?|还是|/")
    add(
        "VERB",
        None,
        r"put(?:s|ting)?|mov(?:e|es|ing)|plac(?:e|es|ing|ed)|go(?:es)?|sort|drop(?:s|ped)?|"
        r"tak(?:e|es)|collects?|gather|find|fetch|pick(?: up)?|transfer|toss|throw|load|pack|"
        r"deliver|bring|carry|stow|store|stash|send|grab|belongs?|gets?|receives?|holds?|"
        r"contains?|fill|want|need|give|assign|should|must|shall|will|deposit|relocate|shift|"
        r"dump|lay|set|add|route|please|end up|is for|are for|reserve|select|choose|insert|chuck",
        r"放置|放到|放进|放入|放在|放|装到|装进|装入|装|移到|移入|移至|移|搬|拿|捡|拾|夹|送|归|分拣|"
        r"丢|扔|投|挪|摆|存|收|挑|选|抓|把|将|给|要|应|该|取|入|去|进|到|分",
    )
    add(
        "AND",
        None,
        r"and|&|along with|together with|as well as|\+",
        r"和|与|跟|及|以及|还有|并且|并|加上|连同|而且|且|而|、|又",
    )
    add(
        "COMMA",
        None,
        r"then|but|while|whereas|however|though|only",
        r",|但是?|然后|接着|再|不过|只有?",
    )
    add("COLON", None, r"=", r":|=|—+|–| - ")
    add("HARD", None, None, r"[.;。!?\n|•*]")
    add("DET", None, r"the|these|this|those|my|our|its|their", r"这些?|那些?")
    return tuple(found)


PATTERNS = _build()
"""(kind, value, regular expression) in order of precedence; matched without case."""
