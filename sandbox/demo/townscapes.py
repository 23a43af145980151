"""Scenes of the town: its blocks at night, a street in the snow, the rail yard, the market."""

import math
from collections.abc import Callable

from PIL import Image

from sandbox.demo.paint import Canvas, Pen, Point, blend


def lamp_and_snow(canvas: Canvas) -> Image.Image:
    canvas.background([(0, "#0f1a30"), (0.55, "#2a3c58"), (0.8, "#44566f"), (1, "#44566f")])
    canvas.mottle(0.16, 4, 5)
    with canvas.layer([(0, "#16233a"), (1, "#22324c")]) as pen:
        pen.polygon(
            [
                (980, 560),
                (1180, 430),
                (1320, 430),
                (1320, 380),
                (1420, 380),
                (1420, 430),
                (2000, 390),
                (2000, 1000),
                (980, 900),
            ]
        )
    with canvas.layer([(0, "#4a5872"), (1, "#2b3850")]) as pen:
        pen.polygon([(0, 250), (1250, 640), (1250, 842), (0, 1070)])
    with canvas.layer("#e6ebf0", alpha=0.85) as pen:
        pen.polygon([(0, 226), (1250, 632), (1250, 644), (0, 258)])
    with canvas.layer("#1d2a41", alpha=0.45) as pen:
        for number in range(1, 9):
            x = 1250 - 1250 * (number / 9) ** 1.7
            share = 1 - x / 1250
            pen.line([(x, 640 - 390 * share), (x, 842 + 228 * share)], 1 + 5 * share)
    with canvas.layer([(0, "#8ea0b8"), (0.3, "#b3c0d0"), (1, "#6f8099")]) as pen:
        pen.polygon([(0, 1070), (1250, 842), (2000, 900), (2000, 1333), (0, 1333)])
    with canvas.layer("#596b86", alpha=0.7, blur=3) as pen:
        for step in range(15):
            share = step / 14
            x, y = 560 + 560 * share + 22 * (-1) ** step * (1.4 - share), 1310 - 410 * share
            pen.oval(x, y, 20 - 15 * share, 9 - 6.5 * share)
    canvas.glow(1430, 1010, 760, "#ffd694", 0.7, 0.26)
    canvas.glow(1430, 330, 640, "#ffcb80", 0.75)
    with canvas.layer([(0, "#ffe2aa"), (1, "#f2c98a")], alpha=0.24, blur=16) as pen:
        pen.polygon([(1400, 330), (1460, 330), (1850, 1060), (1010, 1060)])
    with canvas.layer("#0b1222") as pen:
        pen.polygon([(1633, 1030), (1667, 1030), (1658, 230), (1642, 230)])
        pen.box(1616, 1000, 1684, 1046)
        pen.ring(1540, 240, 110, 13, 270, 360)
        pen.line([(1540, 135), (1470, 175)], 13)
        pen.line([(1470, 175), (1436, 262)], 11)
        pen.polygon([(1380, 318), (1488, 318), (1456, 258), (1412, 258)])
    with canvas.layer("#eef2f5", alpha=0.9) as pen:
        pen.polygon([(1404, 262), (1464, 262), (1450, 248), (1416, 248)])
    canvas.glow(1434, 324, 120, "#fff6df", 1)
    for count, size, blur, alpha in ((620, 2.0, 0.6, 0.65), (260, 4.2, 1.2, 0.75), (60, 9, 4, 0.6)):
        with canvas.layer("#f4f6f8", alpha=alpha, blur=blur) as pen:
            for _ in range(count):
                pen.oval(canvas.rng.uniform(0, 2000), canvas.rng.uniform(0, 1333), size * canvas.rng.uniform(0.6, 1.2))
    return canvas.finish(grain=10, vignette=0.36)


def city_night(canvas: Canvas) -> Image.Image:
    rng = canvas.rng
    canvas.background([(0, "#0a1230"), (0.4, "#1b2a5c"), (0.7, "#4a4a86"), (0.85, "#a8748a"), (1, "#d99a86")])
    canvas.mottle(0.15, 3, 14)
    with canvas.layer("#f0f0ff", alpha=0.8) as pen:
        for _ in range(120):
            pen.oval(rng.uniform(0, 2000), rng.random() * 480, rng.uniform(0.7, 2))
    rows = (
        (640, 150, "#4b4a80", "#caa07f", 0.30, 0.7),
        (760, 190, "#2f3466", "#f0b770", 0.34, 0.85),
        (930, 240, "#1c2148", "#ffcb70", 0.30, 1.0),
        (1120, 260, "#0e1230", "#ffd684", 0.26, 1.2),
    )
    for base, spread, tone, light, lit, scale in rows:
        with canvas.enlarged() as pen:
            x = rng.uniform(-90, 0)
            while x < 2000:
                wide = round(rng.uniform(130, 250) * scale)
                top = base - rng.uniform(-0.35, 1) * spread
                _block(pen, canvas, x, top, wide, blend(tone, "#05081a", rng.uniform(0, 0.25)), light, lit, scale)
                x += wide + rng.uniform(-6, 14) * scale
        canvas.mist(base - 120, 1333, "#7a6a96", 0.26 * (1.3 - scale * 0.6), wisps=0.4)
    for x, y in ((388, 1010), (1240, 960), (1716, 820)):
        canvas.glow(x, y, 220, "#ffcf7d", 0.4)
    return canvas.finish(grain=10, vignette=0.34)


def _block(
    pen: Pen, canvas: Canvas, x: float, top: float, wide: float, tone: str, light: str, lit: float, scale: float
) -> None:
    rng = canvas.rng
    pen.box(x, top, x + wide, 1340, tone)
    pen.box(x - 5 * scale, top, x + wide + 5 * scale, top + 9 * scale, blend(tone, "#8a86c0", 0.2))
    kind = rng.random()
    if kind < 0.3:
        pen.box(x + wide * 0.2, top - 34 * scale, x + wide * 0.5, top, tone)
        pen.line([(x + wide * 0.35, top - 30 * scale), (x + wide * 0.35, top - 120 * scale)], 3 * scale, tone)
    elif kind < 0.5:
        pen.polygon([(x, top), (x + wide / 2, top - 60 * scale), (x + wide, top)], tone)
    elif kind < 0.68:
        for chimney in (0.15, 0.3, 0.72):
            pen.box(x + wide * chimney, top - 40 * scale, x + wide * chimney + 16 * scale, top, tone)
    step_x, step_y = 34 * scale, 46 * scale
    columns = int((wide - 20 * scale) // step_x)
    margin = (wide - columns * step_x) / 2
    for row in range(int((1333 - top - 30 * scale) // step_y)):
        whole_floor = rng.random() < 0.06
        for column in range(columns):
            left, high = x + margin + column * step_x + 8 * scale, top + 30 * scale + row * step_y
            if whole_floor or rng.random() < lit:
                pane = blend(light, rng.choice(("#ffffff", "#ff9d5c", "#ffe9b0", tone)), rng.uniform(0, 0.45))
            else:
                pane = blend(tone, "#8b8fd0", 0.12)
            pen.box(left, high, left + 18 * scale, high + 26 * scale, pane)


def rail_yard(canvas: Canvas) -> Image.Image:
    rng, horizon, meet = canvas.rng, 560.0, 1180.0
    canvas.background([(0, "#22304a"), (0.2, "#4d5470"), (0.34, "#c07e66"), (0.42, "#f6bd75"), (1, "#f6bd75")])
    canvas.mottle(0.2, 3, 24, 0, horizon)
    canvas.glow(meet, horizon, 900, "#ffdc96", 0.85, 0.6)
    with canvas.layer([(0, "#6a5260"), (1, "#b27c68")]) as pen:
        for x in range(0, 2000, 64):
            tall = rng.uniform(14, 70) if abs(x - meet) > 190 else rng.uniform(6, 16)
            pen.box(x, horizon - tall, x + 66, horizon + 4)
        for x in (330, 410, 1690):
            pen.polygon([(x - 12, horizon), (x - 8, horizon - 190), (x + 8, horizon - 190), (x + 12, horizon)])
    with canvas.layer([(0, "#b07f66"), (0.12, "#6a5759"), (1, "#231f2b")]) as pen:
        pen.box(0, horizon, 2000, 1333)
    canvas.mottle(0.16, 40, 26, horizon)
    tracks = [-1500, -640, 210, 1060, 1900, 2760, 3700]

    def rail(foot: float, offset: float, share: float) -> Point:
        """Follow a rail from the horizon (0) to the lower edge (1); far away all tracks bend together."""
        spread = share**1.7
        bend = 70 * math.sin(share * math.pi) * (1 - share)
        x = meet + (foot - meet) * spread * 0.98 + offset * spread + bend
        return x, horizon + (1333 - horizon) * share**1.25 * 1.02

    steps = [step / 40 for step in range(41)]
    with canvas.layer([(0, "#7a5d55"), (1, "#15131c")]) as pen:
        for foot in tracks:
            for number in range(46):
                share = 0.16 + 0.84 * number / 45
                a, b = rail(foot, -190, share), rail(foot, 190, share)
                pen.line([a, b], 1 + 17 * share**2.2)
    with canvas.layer([(0, "#fff0c6"), (0.4, "#e9b98a"), (1, "#a7a3b4")]) as pen:
        for foot in tracks:
            for offset in (-128, 128):
                left = [rail(foot, offset - 9, share) for share in steps]
                right = [rail(foot, offset + 9, share) for share in steps]
                pen.polygon([*left, *reversed(right)])
    for foot, cars, first, tones in (
        (210, 4, 0.3, ("#7b3a30", "#4b4a5e", "#8a5a34", "#6d2f2c")),
        (1900, 3, 0.2, ("#4b4a5e", "#7b3a30", "#3c5058")),
    ):
        for car in range(cars):
            far, near = first + car * 0.115, first + (car + 1) * 0.115 - 0.016
            _wagon(canvas, rail, foot, far, near, foot < meet, tones[car])
    _masts_and_signals(canvas, rail)
    canvas.mist(horizon - 20, horizon + 120, "#ffcf92", 0.2)
    canvas.glow(meet, horizon + 10, 520, "#ffe6b0", 0.6, 0.35)
    return canvas.finish(grain=11, vignette=0.36)


def _masts_and_signals(canvas: Canvas, rail: Callable[[float, float, float], Point]) -> None:
    with canvas.layer("#1b1825") as pen:
        for share in (0.12, 0.22, 0.38, 0.62):
            for foot in (640, 1500):
                x, y = rail(foot, 0, share)
                tall = 900 * share**1.4
                pen.line([(x, y), (x, y - tall)], 2 + 12 * share**1.5)
                reach = 260 * share**1.6
                pen.line([(x - reach, y - tall * 0.93), (x + reach, y - tall * 0.93)], 1 + 6 * share**1.5)
    for foot, share, tint in (
        (640, 0.38, "#ff4b3a"),
        (1500, 0.38, "#5cf0a0"),
        (640, 0.22, "#5cf0a0"),
        (1500, 0.22, "#ff4b3a"),
        (640, 0.62, "#ff4b3a"),
    ):
        x, y = rail(foot, 0, share)
        lamp = y - 900 * share**1.4 * 0.62
        canvas.glow(x, lamp, 150 * share + 30, tint, 0.95)
        canvas.glow(x, lamp, 22 * share + 4, "#ffffff", 1)


def _wagon(
    canvas: Canvas,
    rail: Callable[[float, float, float], Point],
    foot: float,
    far: float,
    near: float,
    is_left: bool,
    tone: str,
) -> None:
    """Draw a goods wagon between two distances: its side towards the middle of the yard, its end towards the viewer."""
    inner = 178 if is_left else -178
    floor, roof = 60, 560

    def corner(share: float, offset: float, high: float) -> Point:
        x, y = rail(foot, offset, share)
        return x, y - high * share**1.7

    side = [corner(far, inner, roof), corner(near, inner, roof), corner(near, inner, floor), corner(far, inner, floor)]
    end = [corner(near, -178, roof), corner(near, 178, roof), corner(near, 178, floor), corner(near, -178, floor)]
    with canvas.layer("#120f18", alpha=0.9) as pen:
        pen.polygon(
            [
                corner(far, inner, floor),
                corner(near, inner, floor),
                corner(near, inner * 0.8, 0),
                corner(far, inner * 0.8, 0),
            ]
        )
        pen.polygon([corner(near, -140, floor), corner(near, 140, floor), corner(near, 128, 0), corner(near, -128, 0)])
    with canvas.layer(
        [(0, blend(tone, "#ffc98a", 0.5)), (0.5, blend(tone, "#f0a070", 0.18)), (1, blend(tone, "#17131d", 0.35))]
    ) as pen:
        pen.polygon(side)
    with canvas.layer("#17131d", alpha=0.35) as pen:
        for number in range(1, 7):
            share = far + (near - far) * number / 7
            pen.line([corner(share, inner, roof), corner(share, inner, floor)], 1 + 3 * share)
    with canvas.layer([(0, blend(tone, "#241f2e", 0.55)), (1, "#17131d")]) as pen:
        pen.polygon(end)
        pen.polygon([corner(near, -178, roof), corner(near, 0, roof + 40), corner(near, 178, roof)])
    with canvas.layer("#0f0c14", alpha=0.6) as pen:
        for offset in (-60, 60):
            pen.line([corner(near, offset, roof - 30), corner(near, offset, floor + 20)], 5 * near)


def market_stalls(canvas: Canvas) -> Image.Image:
    rng = canvas.rng
    canvas.background([(0, "#1c2f3a"), (0.5, "#3b4a48"), (0.8, "#6b5a45"), (1, "#54412f")])
    with canvas.layer("#16262f") as pen:
        for x in range(-60, 2100, 250):
            pen.line([(x, 0), (x + 125, 150), (x + 250, 0)], 9)
        pen.box(0, 146, 2000, 160)
    with canvas.layer("#27363b", blur=2) as pen:
        for x in (150, 470, 900, 1180, 1560, 1900):
            tall = rng.uniform(280, 340)
            pen.oval(x, 840 - tall, 36, 42)
            pen.polygon(
                [
                    (x - 70, 900),
                    (x - 58, 900 - tall + 90),
                    (x, 890 - tall + 50),
                    (x + 58, 900 - tall + 90),
                    (x + 70, 900),
                ]
            )
    canvas.mist(300, 900, "#d79a55", 0.25)
    stalls = ((-120, "#c4442f", "#f3e3c3"), (580, "#2f6b62", "#f1e2bf"), (1280, "#d58a2c", "#f5e8cc"))
    for left, first, second in stalls:
        _awning(canvas, left, first, second)
    goods = ("#d7a44c", "#c8402f", "#7f9a3a", "#e0d3a8", "#8a2f4a", "#e07b2e", "#b98a4f", "#5f7f3b", "#e9bf55")
    for number, (left, _, _) in enumerate(stalls):
        with canvas.enlarged() as pen:
            for row in range(2):
                for column in range(3):
                    x, y = left + 20 + column * 222 - row * 8, 800 + row * 150
                    _crate(pen, canvas, x, y, 212 + row * 6, goods[(number * 4 + row * 3 + column * 2) % len(goods)])
    for left, _, _ in stalls:
        for x in (left + 180, left + 500):
            with canvas.layer("#120c0a") as pen:
                pen.line([(x, 500), (x, 606)], 3)
                pen.polygon([(x - 40, 640), (x + 40, 640), (x + 14, 604), (x - 14, 604)])
            canvas.glow(x, 650, 420, "#ffb95e", 0.62)
            canvas.glow(x, 648, 60, "#fff3d2", 1)
    with canvas.layer([(0, "#33261d"), (1, "#17110e")]) as pen:
        pen.box(0, 1180, 2000, 1333)
    canvas.mottle(0.22, 26, 8, 1180)
    for left, _, _ in stalls:
        canvas.glow(left + 345, 1230, 380, "#ffb35a", 0.4, 0.2)
    return canvas.finish(grain=11, vignette=0.38)


def _awning(canvas: Canvas, left: float, first: str, second: str) -> None:
    with canvas.layer("#2a1d16") as pen:
        pen.box(left + 14, 430, left + 34, 1110)
        pen.box(left + 656, 430, left + 676, 1110)
    for number in range(10):
        x, top_x = left - 30 + number * 75, left + 40 + number * 61
        tone = first if number % 2 == 0 else second
        with canvas.layer([(0, blend(tone, "#ffffff", 0.1)), (0.8, tone), (1, blend(tone, "#2a1208", 0.3))]) as pen:
            pen.polygon([(top_x, 310), (top_x + 61, 310), (x + 75, 500), (x, 500)])
            pen.box(x, 498, x + 75, 530)
            pen.oval(x + 37.5, 530, 37.5, 24)
    with canvas.layer("#1a0f0a", alpha=0.35, blur=20) as pen:
        pen.box(left, 545, left + 690, 590)


def _crate(pen: Pen, canvas: Canvas, x: float, y: float, wide: float, tone: str) -> None:
    rng, size = canvas.rng, 25
    for row in range(3):
        for number in range(int(wide // 38)):
            centre = x + 24 + number * 38 + (row % 2) * 17 + rng.uniform(-4, 4)
            high = y - 34 + row * 17 + rng.uniform(-5, 5)
            shade = blend(tone, rng.choice(("#3a1a0c", "#ffe2a0", tone)), rng.uniform(0, 0.3))
            pen.oval(centre, high, size, size * 0.94, blend(shade, "#1a0d06", 0.35))
            pen.oval(centre - 2, high - 3, size * 0.86, size * 0.8, shade)
            pen.oval(centre - 8, high - 10, size * 0.26, size * 0.2, blend(shade, "#fff3d0", 0.55))
    for slat in range(3):
        top = y + slat * 48
        pen.box(x, top, x + wide, top + 42, blend("#8a5f38", "#3d2716", 0.25 * slat + rng.uniform(0, 0.1)), 3)
    for post in (x + 6, x + wide - 22):
        pen.box(post, y - 4, post + 16, y + 138, "#5d3f25")
