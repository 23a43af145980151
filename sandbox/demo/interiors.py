"""Scenes indoors: shelves, a classroom, a desk, a printing press."""

import math
import random
from collections.abc import Callable

from PIL import Image

from sandbox.demo.paint import Canvas, Pen, Point, blend


def archive_shelves(canvas: Canvas) -> Image.Image:
    eye: Point = (1060, 610)
    rng = canvas.rng

    def at(x: float, y: float, depth: float) -> Point:
        """Place a point of the front plane at a depth; 1 is the picture's edge and larger is farther away."""
        return eye[0] + (x - eye[0]) / depth, eye[1] + (y - eye[1]) / depth

    left, right, top, bottom, far = -140, 2180, -160, 1480, 9.0
    canvas.background([(0, "#241c1c"), (1, "#2b2019")])
    with canvas.enlarged() as pen:
        pen.polygon(
            [at(left, bottom, 1), at(right, bottom, 1), at(right, bottom, far), at(left, bottom, far)], "#4a3222"
        )
        for plank in range(18):
            x = left + (right - left) * plank / 18
            pen.line([at(x, bottom, 1), at(x, bottom, far)], 2, "#38251a")
        pen.polygon([at(left, top, 1), at(right, top, 1), at(right, top, far), at(left, top, far)], "#2c2422")
        pen.polygon([at(left, top, far), at(right, top, far), at(right, bottom, far), at(left, bottom, far)], "#7a5632")
        for wall, shade in ((left, 0.0), (right, 0.1)):
            shelves = 7
            for shelf in range(shelves):
                high = top + (bottom - top) * shelf / shelves
                low = top + (bottom - top) * (shelf + 1) / shelves
                pen.polygon([at(wall, high, 1), at(wall, low, 1), at(wall, low, far), at(wall, high, far)], "#1d1512")
                _row_of_files(pen, rng, at, wall, high, low, far, shade)
                wood = "#5a3f2a" if wall == left else "#4b3323"
                pen.polygon(
                    [at(wall, low - 16, 1), at(wall, low + 10, 1), at(wall, low + 10, far), at(wall, low - 16, far)],
                    wood,
                )
            for post in (1.35, 1.9, 2.8, 4.4, 7.0):
                pen.polygon(
                    [
                        at(wall, top, post),
                        at(wall, bottom, post),
                        at(wall, bottom, post * 1.02),
                        at(wall, top, post * 1.02),
                    ],
                    "#2e1f17",
                )
        for lamp in (1.7, 2.6, 4.2):
            x, y = at(1060, -40, lamp)
            pen.line([at(1060, top, lamp), (x, y)], 3 / lamp + 1, "#15100e")
            pen.polygon(
                [
                    (x - 110 / lamp, y + 60 / lamp),
                    (x + 110 / lamp, y + 60 / lamp),
                    (x + 34 / lamp, y),
                    (x - 34 / lamp, y),
                ],
                "#151010",
            )
    with canvas.layer([(0, "#fff6d8"), (1, "#ffdc90")]) as pen:
        for column in range(2):
            for row in range(3):
                x, y = 1022 + column * 41, 538 + row * 41
                pen.box(x, y, x + 36, y + 36)
    canvas.glow(1060, 600, 760, "#ffc066", 0.75)
    canvas.glow(1060, 596, 190, "#fff0c4", 0.9)
    canvas.glow(1060, 980, 640, "#ffb35a", 0.4, 0.62)
    with canvas.layer("#ffe2a2", alpha=0.17, blur=18) as pen:
        pen.polygon([(1024, 700), (1100, 700), (1420, 1333), (760, 1333)])
    return canvas.finish(grain=10, vignette=0.4)


def _row_of_files(
    pen: Pen,
    rng: random.Random,
    at: Callable[[float, float, float], Point],
    wall: float,
    high: float,
    low: float,
    far: float,
    shade: float,
) -> None:
    """Fill one shelf with binders; those farther away catch more of the light from the window."""
    colours = ("#8c3b2e", "#b4743c", "#d2a860", "#5b6b5e", "#34505c", "#7a5a43", "#c9bb98", "#4b3238")

    def spine(top: float, bottom: float, near: float, away: float, tone: str) -> None:
        pen.polygon([at(wall, top, near), at(wall, bottom, near), at(wall, bottom, away), at(wall, top, away)], tone)

    depth = 1.0
    while depth < far:
        thick = rng.choice((0.022, 0.03, 0.04, 0.05)) * depth
        tall = low - (low - high) * rng.uniform(0.68, 0.92)
        if rng.random() < 0.05:
            # A gap: somebody has taken files out.
            depth += thick * rng.uniform(2, 5)
            continue
        tone = blend(rng.choice(colours), "#f2b25c", min(0.55, (depth - 1) / far * 0.75))
        tone = blend(tone, "#120c0b", max(0.0, 0.5 + shade - (depth - 1) * 0.16))
        spine(tall, low, depth, min(far, depth + thick * 0.9), tone)
        if rng.random() < 0.6:
            label, label_low = tall + (low - tall) * 0.28, tall + (low - tall) * 0.5
            spine(label, label_low, depth + thick * 0.15, depth + thick * 0.7, blend(tone, "#f3e3bd", 0.5))
        depth += thick


def printing_press(canvas: Canvas) -> Image.Image:
    canvas.background([(0, "#efe3cc"), (1, "#e2d0b0")])
    canvas.mottle(0.1, 7, 5)
    with canvas.layer([(0, "#1f3350"), (1, "#16263f")]) as pen:
        pen.box(0, 1130, 2000, 1333)
        pen.box(90, 120, 250, 1140)
        pen.box(1750, 120, 1910, 1140)
        pen.box(90, 120, 1910, 200)
    with canvas.layer("#2c456b") as pen:
        for x in (170, 1830):
            for y in range(250, 1120, 96):
                pen.oval(x, y, 15)
        for x in range(330, 1720, 110):
            pen.oval(x, 160, 11)
    radius = 182
    rollers = [(470, 500, "red"), (830, 830, "ink"), (1190, 500, "ink"), (1550, 830, "red")]
    # The paper runs over the upper rollers and under the lower ones, and straight down or up between them.
    ribbon: list[Point] = [(-40, 500 - radius), (470, 500 - radius)]
    ribbon += _around(470, 500, radius, -90, 0)
    ribbon += _around(830, 830, radius, 180, 0)
    ribbon += _around(1190, 500, radius, -180, 0)
    ribbon += _around(1550, 830, radius, 180, 90)
    ribbon += [(1550, 830 + radius), (2040, 830 + radius)]
    for x, y, small in ((470, 845, 118), (1190, 850, 118), (830, 470, 118), (1550, 478, 118)):
        with canvas.layer("#b9a27a", alpha=0.75) as pen:
            for tooth in range(20):
                angle = math.radians(tooth * 18)
                pen.oval(x + math.cos(angle) * small, y + math.sin(angle) * small, 13)
            pen.oval(x, y, small)
        with canvas.layer("#e6d6b6") as pen:
            pen.oval(x, y, small * 0.66)
        with canvas.layer("#b9a27a", alpha=0.9) as pen:
            for spoke in range(3):
                angle = math.radians(spoke * 60 + 10)
                reach = (math.cos(angle) * small * 0.7, math.sin(angle) * small * 0.7)
                pen.line([(x - reach[0], y - reach[1]), (x + reach[0], y + reach[1])], 17)
            pen.oval(x, y, small * 0.2)
    for x, y, kind in rollers:
        with canvas.layer("#3a2a1d", alpha=0.32, blur=22) as pen:
            pen.oval(x + 26, y + 34, radius)
        _roller(canvas, x, y, radius - 10, kind)
    with canvas.layer("#3a2a1d", alpha=0.35, blur=9) as pen:
        pen.line([(x + 8, y + 12) for x, y in ribbon], 24)
    with canvas.layer("#fffaf0") as pen:
        pen.line(ribbon, 20)
    with canvas.layer("#c9bb9c") as pen:
        pen.line([(x + 5, y + 5) for x, y in ribbon], 3)
    canvas.glow(500, 200, 900, "#fff3d6", 0.22)
    return canvas.finish(grain=13, vignette=0.2)


def _around(x: float, y: float, radius: float, start: float, end: float) -> list[Point]:
    """Walk along a circle from one angle to another, in degrees, clockwise when the end is larger."""
    steps = 40
    angles = [math.radians(start + (end - start) * step / steps) for step in range(steps + 1)]
    return [(x + radius * math.cos(angle), y + radius * math.sin(angle)) for angle in angles]


def _roller(canvas: Canvas, x: float, y: float, radius: float, kind: str) -> None:
    dark, light = ("#8f2318", "#d9503c") if kind == "red" else ("#12233d", "#3f628f")
    with canvas.layer([(0, light), (0.5, blend(dark, light, 0.4)), (1, dark)]) as pen:
        pen.oval(x, y, radius)
    with canvas.layer("#f6e9cf", alpha=0.5) as pen:
        pen.ring(x, y, radius * 0.86, 4)
        pen.ring(x, y, radius * 0.94, 10, 195, 285)
    with canvas.layer([(0, "#f1dfba"), (1, "#b98f4e")]) as pen:
        pen.oval(x, y, radius * 0.3)
    with canvas.layer(dark) as pen:
        for spoke in range(6):
            angle = math.radians(spoke * 60 + 15)
            pen.oval(x + math.cos(angle) * radius * 0.58, y + math.sin(angle) * radius * 0.58, radius * 0.13)
        pen.oval(x, y, radius * 0.1)


def classroom_window(canvas: Canvas) -> Image.Image:
    canvas.background([(0, "#7f8f7c"), (0.6, "#a8a888"), (0.66, "#8c8064"), (1, "#8c8064")])
    canvas.mottle(0.08, 6, 4)
    with canvas.layer([(0, "#5d7064"), (1, "#6f7a68")]) as pen:
        pen.polygon([(0, 0), (760, 170), (760, 780), (0, 1130)])
    with canvas.layer([(0, "#a3754a"), (1, "#57391f")]) as pen:
        pen.polygon([(0, 1130), (760, 780), (2000, 780), (2000, 1333), (0, 1333)])
    canvas.mottle(0.1, 4, 30, 800)
    for near, far in ((-0.1, 0.27), (0.36, 0.62), (0.68, 0.88)):
        x0, x1 = 760 * near, 760 * far
        top0, top1 = 60 + 170 * near, 60 + 170 * far
        low0, low1 = 800 - 190 * near, 800 - 190 * far
        with canvas.layer([(0, "#fff7dc"), (1, "#ffe0a0")]) as pen:
            pen.polygon([(x0, top0), (x1, top1), (x1, low1), (x0, low0)])
        with canvas.layer("#4b5a50") as pen:
            middle = (x0 + x1) / 2
            pen.line([(middle, (top0 + top1) / 2), (middle, (low0 + low1) / 2)], 11)
            for share in (0, 0.36, 1):
                pen.line([(x0, top0 + (low0 - top0) * share), (x1, top1 + (low1 - top1) * share)], 11)
            pen.line([(x0, top0), (x0, low0)], 11)
            pen.line([(x1, top1), (x1, low1)], 11)
        canvas.glow((x0 + x1) / 2, (top0 + low0) / 2, 420, "#ffe6ae", 0.4)
    with canvas.layer([(0, "#24483f"), (1, "#1b3832")]) as pen:
        pen.box(1010, 250, 1830, 620)
    with canvas.layer("#7a5330") as pen:
        for edge in ((994, 236, 1846, 252), (994, 618, 1846, 640), (994, 236, 1012, 640), (1828, 236, 1846, 640)):
            pen.box(*edge)
    with canvas.layer("#dfe8df", alpha=0.13, blur=14) as pen:
        for _ in range(9):
            x, y = canvas.rng.uniform(1060, 1560), canvas.rng.uniform(290, 570)
            pen.line([(x, y), (x + canvas.rng.uniform(90, 240), y + canvas.rng.uniform(-30, 30))], 40)
    with canvas.layer("#e9eee4") as pen:
        pen.box(1600, 606, 1660, 618)
    with canvas.enlarged() as pen:
        for depth in (0.42, 0.58, 0.78, 1.05):
            for column in range(4):
                wide = 330 * depth
                x = 1240 + (column - 1.62) * wide * 1.52
                _desk(pen, x, 600 + 560 * depth, wide, depth)
    with canvas.layer("#ffe9b0", alpha=0.27, blur=9) as pen:
        for shift in (0, 1, 2):
            start = 330 + shift * 270
            pen.polygon(
                [(start, 800 + shift * 14), (start + 150, 790 + shift * 10), (start + 980, 1333), (start + 560, 1333)]
            )
            pen.polygon(
                [
                    (860 + shift * 270, 400),
                    (980 + shift * 270, 420),
                    (1060 + shift * 270, 770),
                    (940 + shift * 270, 770),
                ]
            )
    with canvas.layer("#fff1c8", alpha=0.13, blur=24) as pen:
        for near, far in ((0.0, 0.25), (0.36, 0.62), (0.68, 0.88)):
            pen.polygon([(760 * near, 100), (760 * far, 160), (760 * far + 1060, 1250), (760 * near + 820, 1333)])
    with canvas.layer("#fff8de", alpha=0.6, blur=1) as pen:
        for _ in range(140):
            pen.oval(canvas.rng.uniform(200, 1500), canvas.rng.uniform(200, 1200), canvas.rng.uniform(0.8, 2.8))
    return canvas.finish(grain=11, vignette=0.34)


def _desk(pen: Pen, x: float, y: float, wide: float, depth: float) -> None:
    wood, side, leg = blend("#d3a063", "#8b5d34", 0.2), "#7b4f2b", "#2b2a26"
    back = wide * 0.12
    for foot in (x + wide * 0.06, x + wide * 0.9):
        pen.line([(foot, y), (foot, y + 170 * depth)], 11 * depth, leg)
        pen.line([(foot + back * 0.5, y - 20 * depth), (foot + back * 0.5, y + 130 * depth)], 8 * depth, leg)
    pen.box(x + wide * 0.28, y + 46 * depth, x + wide * 0.72, y + 66 * depth, "#5d3b20")
    for foot in (x + wide * 0.32, x + wide * 0.66):
        pen.line([(foot, y + 60 * depth), (foot, y + 190 * depth)], 8 * depth, leg)
    pen.polygon([(x, y), (x + wide, y), (x + wide + back * 0.4, y - 62 * depth), (x + back, y - 62 * depth)], wood)
    pen.box(x, y, x + wide, y + 20 * depth, side)


def desk_lamp(canvas: Canvas) -> Image.Image:
    rng, table = canvas.rng, 980
    canvas.background([(0, "#151a2c"), (0.7, "#2a2a3c"), (1, "#2a2a3c")])
    canvas.mottle(0.1, 5, 4)
    with canvas.layer([(0, "#1d3357"), (1, "#47648c")]) as pen:
        pen.box(1130, 110, 1800, 800)
    with canvas.layer("#20304e") as pen:
        pen.polygon(
            [
                (1130, 800),
                (1130, 640),
                (1280, 560),
                (1390, 640),
                (1390, 610),
                (1520, 610),
                (1520, 680),
                (1660, 600),
                (1800, 690),
                (1800, 800),
            ]
        )
    with canvas.layer("#ffc873") as pen:
        for x, y in ((1240, 690), (1452, 660), (1452, 710), (1700, 720)):
            pen.box(x, y, x + 22, y + 30)
    with canvas.layer("#f0f4f8", alpha=0.85, blur=0.8) as pen:
        for _ in range(230):
            pen.oval(rng.uniform(1130, 1800), rng.uniform(110, 800), rng.uniform(1, 5))
    with canvas.layer("#0f1322") as pen:
        for left, top, right, low in (
            (1106, 88, 1824, 114),
            (1106, 796, 1824, 826),
            (1106, 88, 1134, 826),
            (1796, 88, 1824, 826),
            (1456, 100, 1474, 810),
            (1120, 390, 1810, 404),
        ):
            pen.box(left, top, right, low)
    with canvas.layer([(0, "#7a4a2a"), (0.2, "#5a351f"), (1, "#24140d")]) as pen:
        pen.box(0, table, 2000, 1333)
    canvas.mottle(0.14, 4, 34, table)
    canvas.glow(720, 640, 900, "#ffbf6b", 0.5)
    canvas.glow(700, table + 120, 860, "#ffc878", 0.8, 0.24)
    with canvas.layer("#ffe0a0", alpha=0.3, blur=14) as pen:
        pen.polygon([(610, 560), (860, 560), (1250, table + 90), (170, table + 90)])
    with canvas.enlarged() as pen:
        for left, sheets, wide in ((160, 18, 330), (1040, 30, 340), (1420, 12, 320)):
            for sheet in range(sheets):
                shift, y = rng.uniform(-9, 9), table + 96 - sheet * 11
                tone = blend("#f7e6be", "#a97a48", rng.uniform(0, 0.5))
                tone = blend(tone, "#2a1a14", min(0.62, max(0.0, abs(left + wide / 2 - 720) / 1500)))
                pen.box(left + shift, y, left + wide + shift, y + 8, tone)
            pen.line([(left + wide / 2, table + 104), (left + wide / 2, table + 104 - sheets * 11)], 7, "#8c3b2e")
        pen.polygon([(520, 1130), (900, 1130), (960, 1262), (470, 1262)], "#fff3d3")
        for row in range(6):
            edge = row * 7.5
            pen.line(
                [(552 - edge, 1152 + row * 17), ((868 if row % 3 else 720) + edge, 1152 + row * 17)], 3.4, "#b79f78"
            )
        pen.oval(930, 1232, 34, 22, "#7d5a3c")
        pen.polygon([(1010, 1150), (1020, 1156), (900, 1262), (884, 1268)], "#8c2f24")
    with canvas.layer([(0, "#3d6b5c"), (1, "#17342d")]) as pen:
        pen.polygon([(520, 560), (950, 560), (860, 390), (610, 390)])
        pen.box(690, 356, 780, 392)
    with canvas.layer([(0, "#c99a4a"), (1, "#6b4720")]) as pen:
        pen.line([(735, 360), (735, 250), (980, 250), (980, table + 20)], 17)
        pen.oval(980, table + 24, 120, 24)
    with canvas.layer("#fff4d0") as pen:
        pen.oval(735, 560, 204, 15)
    canvas.glow(735, 575, 330, "#fff0c4", 0.9, 0.5)
    return canvas.finish(grain=11, vignette=0.42)
