"""Instructions nobody showed the grammar, against goals written down by hand.

Goals are written as ``2 small red cube > A; * > B``: ``*`` is any part, ``-`` is "stay".
"""

from __future__ import annotations

import unicodedata

import pytest

from shopfloor.errors import OrderError
from shopfloor.order import parse
from shopfloor.types import COLOURS, SHAPES, SIZES, Goal, Rule, Select


def goal_of(text: str) -> Goal:
    """Read the short notation of this file."""
    rules = []
    for clause in text.split(";"):
        words, tote = (side.strip() for side in clause.split(">"))
        count, said = None, {}
        for word in words.split():
            if word.isdigit():
                count = int(word)
            elif word in COLOURS:
                said["colour"] = word
            elif word in SHAPES:
                said["shape"] = word
            elif word in SIZES:
                said["size"] = word
            else:
                assert word == "*", word
        rules.append(Rule(Select(**said), None if tote == "-" else tote, count))
    return Goal(tuple(rules))


ENGLISH = [
    ("Could you pop the crimson cubes in bin A?", "red cube > A"),
    ("all the little violet discs: tote C please", "small purple cylinder > C"),
    ("I'd like everything green to end up in container D.", "green > D"),
    ("Anything blue belongs in crate B; anything orange in crate A", "blue > B; orange > A"),
    ("Cubes? Tote A. Cylinders? Tote B. Bars? Tote C.", "cube > A; cylinder > B; bar > C"),
    ("tote b gets whatever is yellow", "yellow > B"),
    (
        "Fill the A bin with the big cubes and the B bin with the small ones.",
        "large cube > A; small cube > B",
    ),
    ("Would you kindly transfer every rectangular block to tote D", "bar > D"),
    ("Sort by size: little parts to tote B, big ones to tote A.", "small > B; large > A"),
    ("RED PARTS TO A, GREEN PARTS TO B!", "red > A; green > B"),
    (
        "put the purple bars and the orange cylinders in box C",
        "purple bar > C; orange cylinder > C",
    ),
    (
        "Two yellow cubes should go into tote A, one blue bar into tote B",
        "2 yellow cube > A; 1 blue bar > B",
    ),
    ("3 bars -> A", "3 bar > A"),
    ("Grab exactly two cylinders and drop them in tote D", "2 cylinder > D"),
    ("I need a single large cube in A", "1 large cube > A"),
    ("Put an orange bar in tote B, nothing else.", "1 orange bar > B"),
    ("Move all but the green ones into tote A", "green > -; * > A"),
    ("Everything apart from the cylinders goes in C", "cylinder > -; * > C"),
    ("Excluding large parts, load the whole tray into tote B", "large > -; * > B"),
    ("Put everything into tote B, but leave the purple ones on the tray", "purple > -; * > B"),
    ("Keep the orange bars where they are. The remainder goes into A.", "orange bar > -; * > A"),
    ("Ignore the cubes; all other parts go to tote D", "cube > -; * > D"),
    ("Don't move anything red. Put the rest in C.", "red > -; * > C"),
    ("Without touching the small ones, put the other parts into A", "small > -; * > A"),
    ("The blue ones must not be moved, the others belong in B", "blue > -; * > B"),
    ("Cubes go to A, what is left goes to B", "cube > A; * > B"),
    ("Stow the small cubes in C, the leftovers in D", "small cube > C; * > D"),
    (
        "In tote A: red bars. In tote B: green bars. In tote C: all else.",
        "red bar > A; green bar > B; * > C",
    ),
    ("Into B go the round parts, into A the square ones", "cylinder > B; cube > A"),
    ("For tote A pick the reds, for tote D pick the greens", "red > A; green > D"),
    ("A - yellow, B - blue", "yellow > A; blue > B"),
    ("A is for cubes, C is for cylinders", "cube > A; cylinder > C"),
    ("Tote A: red cubes, blue cubes; tote B: bars", "red cube > A; blue cube > A; bar > B"),
    ("red/orange/yellow parts in A, the others in B", "red > A; orange > A; yellow > A; * > B"),
    ("Place red, green and blue cubes in tote C", "red cube > C; green cube > C; blue cube > C"),
    (
        "Large red and large blue cylinders go in A",
        "large red cylinder > A; large blue cylinder > A",
    ),
    ("Put the big yellow and purple bars into A", "large yellow bar > A; large purple bar > A"),
    ("Take the tiny, green cubes and toss them into bin D", "small green cube > D"),
    ("cubes which are both blue and large go to C", "large blue cube > C"),
    ("Put parts that are either red or green in tote A", "red > A; green > A"),
    ("Any object whose colour is orange goes into box D", "orange > D"),
    ("Everything that isn't a cube goes into tote B", "cube > -; * > B"),
    ("Put all non-blue cylinders in tote A", "blue cylinder > -; cylinder > A"),
    ("All cubes except the red ones go in A, all red parts go in B", "red > B; cube > A"),
    ("Put the cubes in A except the large ones", "large cube > -; cube > A"),
    ("Everything in A except the red cubes and the bars", "red cube > -; bar > -; * > A"),
    ("Green into A, blue likewise, red into B", "green > A; blue > A; red > B"),
    (
        "Put the red bars in tote A and the green bars in the same tote",
        "red bar > A; green bar > A",
    ),
    ("Red bars go to A. The green cylinders go there too.", "red bar > A; green cylinder > A"),
    ("Red and yellow things go to A and D respectively", "red > A; yellow > D"),
    ("Into totes A and B go the cubes and the bars, respectively", "cube > A; bar > B"),
    ("Using totes A and B, put cubes in A and bars in B", "cube > A; bar > B"),
    ("There are cubes and bars on the tray. Put the cubes in C.", "cube > C"),
    ("Put two cubes in A and the remaining cubes in B", "2 cube > A; cube > B"),
    ("Place one red cube in A and another in B", "1 red cube > A; 1 red cube > B"),
    ("Of the yellow bars put one in A and two in C", "1 yellow bar > A; 2 yellow bar > C"),
    ("Leave one green cube on the tray, everything else into A", "1 green cube > -; * > A"),
    ("All three blue cubes go to tote B", "blue cube > B"),
    ("Put the red cube in A", "red cube > A"),
    ("Each long part goes to tote A, regardless of colour", "bar > A"),
    ("Put both sizes of cube in A", "cube > A"),
    (
        'Find every small blue cylinder, then place it inside container "B".',
        "small blue cylinder > B",
    ),
    ("The tote labelled C wants all the sticks", "bar > C"),
    ("Cylinders to the bin marked 'D', leave all bars alone", "cylinder > D"),
    ("Put them all in tote B", "* > B"),
    ("Empty the tray into A", "* > A"),
    ("orange ones: A; purple ones: B; forget nothing", "orange > A; purple > B"),
    ("Please put all of the red parts to bin C and then leave the rest.", "red > C"),
    ("Put the cubes (except the red ones) in tote A", "red cube > -; cube > A"),
    (
        "Small red cubes into A, small blue cubes into B, large parts into C.",
        "small red cube > A; small blue cube > B; large > C",
    ),
    (
        "Anything round and green: container A. Anything round and red: container B.",
        "green cylinder > A; red cylinder > B",
    ),
    ("Everything else should go to B once the reds are in A", "red > A; * > B"),
    (
        "Stick the yellow blocks in B and the green bricks in C, ta.",
        "yellow cube > B; green bar > C",
    ),
    ("1) red cubes to A 2) blue cubes to B 3) leave the rest", "red cube > A; blue cube > B"),
    ("1. Red cubes into A. 2. Blue cubes into B.", "red cube > A; blue cube > B"),
    (
        "I'd like tote A filled with cubes, tote B with cylinders and tote C with bars.",
        "cube > A; cylinder > B; bar > C",
    ),
    (
        "Among the red parts, cubes go to A and bars go to B. Blue parts go to C.",
        "red cube > A; red bar > B; blue > C",
    ),
    ("Put red parts in tote A, unless they are cubes.", "red cube > -; red > A"),
    ("Everything that's neither red nor blue goes to A", "red > -; blue > -; * > A"),
    ("blue to A, red to B, green to A", "blue > A; green > A; red > B"),
    (
        "Could tote A please have the red bars, and tote D the blue bars?",
        "red bar > A; blue bar > D",
    ),
    (
        "Make sure every red part is in A, every blue part is in B, and whatever remains is in C.",
        "red > A; blue > B; * > C",
    ),
    ("put 2 red cubes in A and 3 in B", "2 red cube > A; 3 red cube > B"),
    ("Every part that is not blue and not red belongs in tote D.", "blue > -; red > -; * > D"),
]

CHINESE = [
    ("麻烦把绯红的方块搬到A箱", "red cube > A"),
    ("所有小号紫色圆柱体：C箱", "small purple cylinder > C"),
    ("绿的全都归到D号料框", "green > D"),
    ("蓝色零件归B，橙色零件归A", "blue > B; orange > A"),
    ("方块送A箱。圆柱送B箱。长条送C箱。", "cube > A; cylinder > B; bar > C"),
    ("B盒只收黄色的", "yellow > B"),
    ("A箱里放大方块，B箱里放小方块", "large cube > A; small cube > B"),
    ("请将每一个长方体移至周转箱D", "bar > D"),
    ("按大小分拣：小的进B箱，大的进A箱", "small > B; large > A"),
    ("红的放甲箱，绿的放乙箱！", "red > A; green > B"),
    ("把紫色长条以及橙色圆柱都放进料箱C", "purple bar > C; orange cylinder > C"),
    ("两个黄色方块放A箱，一个蓝色长条放B箱", "2 yellow cube > A; 1 blue bar > B"),
    ("３根长条 → Ａ", "3 bar > A"),
    ("挑两个圆柱丢进D箱", "2 cylinder > D"),
    ("我要一个大号立方体放到A里", "1 large cube > A"),
    ("只拿一根橙色长条放进B箱", "1 orange bar > B"),
    ("除绿色以外的零件全部装入A箱", "green > -; * > A"),
    ("圆柱除外，全部零件放C箱", "cylinder > -; * > C"),
    ("除了大的，整盘都倒进B箱", "large > -; * > B"),
    ("全部放进B箱，但紫色的留在托盘上", "purple > -; * > B"),
    ("橙色长条保持原位，剩余零件放A箱", "orange bar > -; * > A"),
    ("方块不用管，别的都放到D箱", "cube > -; * > D"),
    ("不要碰红色的，其余放C箱", "red > -; * > C"),
    ("小的别动，其他零件放入A箱", "small > -; * > A"),
    ("蓝色的请勿移动，其它的归B箱", "blue > -; * > B"),
    ("方块进A，剩下的进B", "cube > A; * > B"),
    ("小方块存C箱，余下的存D箱", "small cube > C; * > D"),
    ("A箱：红色长条。B箱：绿色长条。C箱：其他所有零件。", "red bar > A; green bar > B; * > C"),
    ("往B箱里放圆形零件，往A箱里放方形零件", "cylinder > B; cube > A"),
    ("A号箱要红色的，D号箱要绿色的", "red > A; green > D"),
    ("A－黄色，B－蓝色", "yellow > A; blue > B"),
    ("甲箱装方块，丙箱装圆柱", "cube > A; cylinder > C"),
    ("A箱放红色方块、蓝色方块；B箱放长条", "red cube > A; blue cube > A; bar > B"),
    ("红、橙、黄色的零件放A箱，其余放B箱", "red > A; orange > A; yellow > A; * > B"),
    ("红色、绿色和蓝色的方块都放C箱", "red cube > C; green cube > C; blue cube > C"),
    ("大红圆柱和大蓝圆柱放A箱", "large red cylinder > A; large blue cylinder > A"),
    ("把大号的黄色和紫色长条放进A", "large yellow bar > A; large purple bar > A"),
    ("把又小又绿的方块扔进D箱", "small green cube > D"),
    ("既是蓝色又是大号的方块放C箱", "large blue cube > C"),
    ("红色或绿色的零件放进A箱", "red > A; green > A"),
    ("凡是颜色为橙色的物件都放进D盒", "orange > D"),
    ("凡不是方块的都放B箱", "cube > -; * > B"),
    ("非蓝色的圆柱放进A箱", "blue cylinder > -; cylinder > A"),
    ("除红色外的方块放A箱", "red cube > -; cube > A"),
    ("方块放A箱，大的除外", "large cube > -; cube > A"),
    ("除了红色方块和长条之外，都放进A箱", "red cube > -; bar > -; * > A"),
    ("红色长条放A箱，绿色长条也放A箱", "red bar > A; green bar > A"),
    ("红色长条放A箱，绿色圆柱也放到那里", "red bar > A; green cylinder > A"),
    ("红色和黄色的零件分别放入A箱和D箱", "red > A; yellow > D"),
    ("用A、B两个箱子：方块放A，长条放B", "cube > A; bar > B"),
    ("托盘上有方块和长条。把方块放进C箱。", "cube > C"),
    ("两个方块放A箱，其余方块放B箱", "2 cube > A; cube > B"),
    ("红色方块放一个到A箱，放两个到B箱", "1 red cube > A; 2 red cube > B"),
    ("留一个绿色方块在托盘上，其余都放A箱", "1 green cube > -; * > A"),
    ("把那个红色方块放进A箱", "red cube > A"),
    ("长的零件不管颜色都放A箱", "bar > A"),
    ("把它们全部放进B箱", "* > B"),
    ("找出所有小的蓝色圆柱，放进“B”箱", "small blue cylinder > B"),
    ("标有C的箱子放所有棒子", "bar > C"),
    ("圆柱放到箱子D，长条一概别动", "cylinder > D"),
    ("把紅色圓柱放進B箱，綠色長條放進A箱", "red cylinder > B; green bar > A"),
    ("橘色的：A；紫色的：B", "orange > A; purple > B"),
    ("红色零件请小心地放到C箱，其余不要动", "red > C"),
    ("小红方块进A，小蓝方块进B，大的进C", "small red cube > A; small blue cube > B; large > C"),
    ("绿色圆柱放丁箱；不要动其他零件", "green cylinder > D"),
    ("把黄色长方形和蓝色正方体放入 b 号 箱", "yellow bar > B; blue cube > B"),
    ("红绿两种颜色的方块统一放C箱", "red cube > C; green cube > C"),
    ("先把红的拣到A箱，再把蓝的拣到B箱，最后剩下的拣到C箱", "red > A; blue > B; * > C"),
    ("3个小方块、2个大圆柱放进B箱", "3 small cube > B; 2 large cylinder > B"),
    ("每个黄色零件都要进乙箱", "yellow > B"),
    ("A箱给方块，其他给B箱", "cube > A; * > B"),
    ("红色零件中，方块放A箱，圆柱放B箱", "red cube > A; red cylinder > B"),
    ("①红色方块放A箱 ②蓝色方块放B箱", "red cube > A; blue cube > B"),
    ("1、红色放A；2、蓝色放B", "red > A; blue > B"),
    ("黄色零件不要，其余放A箱", "yellow > -; * > A"),
    ("既不是红色也不是蓝色的零件放A箱", "red > -; blue > -; * > A"),
    ("方块全放A，除了红色的", "red cube > -; cube > A"),
    ("方块全放A，红色的方块除外，放B", "red cube > B; cube > A"),
    ("圆柱和方块分开放：圆柱A箱，方块B箱", "cylinder > A; cube > B"),
    ("红方块一个、蓝圆柱两个，放进A箱", "1 red cube > A; 2 blue cylinder > A"),
    ("红的圆的放A，蓝的方的放B", "red cylinder > A; blue cube > B"),
    (
        "把方块、圆柱放进A，长条放进B，红色的长条除外",
        "red bar > -; cube > A; cylinder > A; bar > B",
    ),
    ("红色方块和蓝色长条各两个放进A箱", "2 red cube > A; 2 blue bar > A"),
    ("请把A箱装满方块，B箱装满圆柱", "cube > A; cylinder > B"),
]


@pytest.mark.parametrize(("instruction", "goal"), ENGLISH)
def test_english(instruction: str, goal: str) -> None:
    assert parse(instruction) == goal_of(goal)
    assert parse(instruction, "en") == goal_of(goal)


@pytest.mark.parametrize(("instruction", "goal"), CHINESE)
def test_chinese(instruction: str, goal: str) -> None:
    assert parse(instruction) == goal_of(goal)
    assert parse(instruction, "zh") == goal_of(goal)


@pytest.mark.parametrize(("instruction", "goal"), ENGLISH + CHINESE)
def test_width_and_outer_space_do_not_matter(instruction: str, goal: str) -> None:
    wide = "".join(
        unicodedata.normalize("NFKC", c)
        if ord(c) > 0xFF00
        else chr(ord(c) + 0xFEE0)
        if c.isascii() and c.isalnum()
        else c
        for c in instruction
    )
    assert parse(f"  {wide} \n") == goal_of(goal)


def test_table_is_as_large_as_promised() -> None:
    assert min(len(ENGLISH), len(CHINESE)) >= 60
    assert len({text for text, _ in ENGLISH + CHINESE}) == len(ENGLISH) + len(CHINESE)


@pytest.mark.parametrize(
    ("instruction", "said"),
    [
        ("", "no tote"),
        ("Hello there", "no tote"),
        ("Put the red cubes away", "Understood: red, cubes"),
        ("把红色方块收好", "红色, 方块"),
        ("tote A", "nothing is said"),
        ("Put the red cubes in tote F", "A, B, C, D"),
        ("Put the pink cubes in tote A", "pink"),
        ("把黑色方块放进A箱", "黑色"),
        ("Put the spheres in tote A", "spheres"),
        ("Put some cubes in tote A", "some"),
        ("至少两个方块放A箱", "至少"),
        ("Put the red cubes in tote A and the blue bars", "no tote of its own"),
        ("Put the red cubes in A. Put the red cubes in B.", "one place"),
        ("Leave the cubes in place, A stays empty", "not understood"),
        ("Don't put the red cubes in tote A", "not understood"),
        ("Put the cubes into A and B", "which goes where"),
        ("I never want red parts in A", "never"),
        ("红色方块不可放进A箱", "not understood"),
    ],
)
def test_what_is_not_understood_is_said(instruction: str, said: str) -> None:
    with pytest.raises(OrderError) as caught:
        parse(instruction)
    assert said in str(caught.value)


def test_more_specific_wins_whatever_comes_first() -> None:
    expected = goal_of("red cube > B; cube > A")
    assert parse("put the cubes in A and the red cubes in B") != goal_of("cube > A")
    assert parse("put the cubes in A and the red cubes in B") == expected
    assert parse("红色方块放B箱，方块放A箱") == expected


def test_clauses_of_one_tote_are_grouped() -> None:
    assert parse("red to A, blue to B, green to A") == goal_of("red > A; green > A; blue > B")
