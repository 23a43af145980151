"""Scenes under the open sky: water, hills, forest, weather."""

import math

from PIL import Image

from sandbox.demo.paint import Canvas, Pen, blend, ground, ridge


def harbour_dusk(canvas: Canvas) -> Image.Image:
    horizon = 880.0
    canvas.background(
        [(0, "#1d2547"), (0.25, "#4b3f6b"), (0.45, "#b0596a"), (0.58, "#f0935a"), (0.66, "#fbd08a"), (1, "#fbd08a")]
    )
    canvas.mottle(0.16, 3, 26, 0, horizon)
    canvas.glow(1360, horizon - 30, 900, "#ffcf7a", 0.75, 0.6)
    with canvas.layer("#fff1cf") as pen:
        pen.oval(1360, horizon - 66, 62)
    with canvas.layer([(0, "#8f5a72"), (1, "#c97f6d")], alpha=0.9) as pen:
        pen.polygon(ground(ridge(canvas.rng, 2000, horizon - 40, 90), horizon))
    with canvas.layer([(0, "#5c3f5f"), (1, "#84546a")]) as pen:
        pen.polygon([*ground(ridge(canvas.rng, 1100, horizon - 16, 60), horizon)])
    with canvas.layer([(0, "#2b2440"), (1, "#3a2a49")]) as pen:
        _ship(pen, 900, horizon)
    for x, scale, tone in ((1640, 0.8, "#43304f"), (270, 1.12, "#1e1a33"), (620, 1.0, "#251e3a")):
        with canvas.layer(tone) as pen:
            _crane(pen, x, horizon, scale)
    with canvas.layer("#1a1730") as pen:
        pen.box(0, horizon - 26, 830, horizon)
        pen.box(1500, horizon - 16, 2000, horizon)
    canvas.reflect(horizon, "#3a2d55", 0.32, ripple=5)
    for _ in range(90):
        below = 8 + canvas.rng.random() ** 1.6 * 430
        sideways = canvas.rng.gauss(0, 25 + below * 0.275)
        glint = canvas.rng.uniform(20, 60 + below * 0.3)
        canvas.glow(1360 + sideways, horizon + below, glint, "#ffdf9e", 0.5, 0.07)
    for x, y in ((270, 470), (620, 505), (1010, 700), (760, 840), (1640, 590)):
        canvas.glow(x, y, 60, "#ff8d6b", 0.9)
        canvas.glow(x, y, 14, "#fff0d8", 1)
    return canvas.finish()


def _crane(pen: Pen, x: float, base: float, scale: float) -> None:
    def at(dx: float, dy: float) -> tuple[float, float]:
        return x + dx * scale, base - dy * scale

    thin, thick = 7 * scale, 15 * scale
    for leg in (-90, 90):
        pen.line([at(leg, 0), at(leg * 0.8, 330)], thick)
    pen.line([at(-86, 120), at(86, 120)], thick)
    pen.line([at(-80, 230), at(86, 120)], thin)
    pen.line([at(-74, 330), at(74, 330)], thick)
    pen.line([at(-250, 330), at(420, 330)], 20 * scale)
    pen.line([at(-250, 356), at(420, 346)], thin)
    for step in range(-250, 420, 36):
        pen.line([at(step, 330), at(step + 18, 354), at(step + 36, 330)], 4 * scale)
    pen.line([at(-40, 330), at(0, 470), at(40, 330)], thick * 0.8)
    pen.line([at(0, 470), at(410, 345)], thin)
    pen.line([at(0, 470), at(220, 345)], thin)
    pen.line([at(0, 470), at(-240, 350)], thin)
    pen.box(*at(150, 330), *at(205, 292))
    pen.line([at(178, 300), at(178, 190)], 3 * scale)
    pen.box(*at(148, 192), *at(208, 172))


def _ship(pen: Pen, x: float, base: float) -> None:
    pen.polygon([(x, base - 92), (x + 660, base - 100), (x + 620, base), (x + 40, base)])
    for column in range(11):
        tall = (2, 3, 4, 4, 3, 4, 5, 4, 3, 4, 2)[column]
        for row in range(tall):
            pen.box(x + 130 + column * 43, base - 126 - row * 30, x + 170 + column * 43, base - 99 - row * 30)
    pen.box(x + 30, base - 260, x + 110, base - 90)
    pen.box(x + 16, base - 270, x + 124, base - 240)
    pen.box(x + 55, base - 310, x + 64, base - 260)


def checkpoint_fog(canvas: Canvas) -> Image.Image:
    canvas.background([(0, "#8fa3b0"), (0.4, "#b4c0c6"), (0.62, "#ced4d3"), (0.68, "#aeb7b8"), (1, "#6c7a80")])
    canvas.mottle(0.12, 4, 5)
    for base, tall, tone, thick in ((700, 330, "#a3b2b9", 30), (760, 430, "#84979f", 22), (830, 540, "#667b84", 15)):
        with canvas.layer([(0, tone), (1, blend(tone, "#c9d0d0", 0.6))], blur=thick / 9) as pen:
            x = canvas.rng.uniform(-60, 20)
            while x < 2060:
                # The gap in the trees is where the road leaves the picture.
                if abs(x - 1120) > 210 - (base - 700):
                    _spruce(pen, x, base, tall * canvas.rng.uniform(0.55, 1), canvas)
                x += canvas.rng.uniform(30, 80)
        canvas.mist(base - 330, base + 20, "#c6cfd1", 0.72, wisps=0.6)
    canvas.mist(500, 840, "#ccd3d3", 0.55)
    with canvas.layer([(0, "#b9c1c2"), (0.3, "#8b979b"), (1, "#56646b")]) as pen:
        pen.polygon([(0, 838), (2000, 838), (2000, 1333), (0, 1333)])
    canvas.mottle(0.14, 4, 40, 838)
    with canvas.layer([(0, "#a3adb0"), (0.4, "#66737a"), (1, "#3f4c54")]) as pen:
        pen.polygon([(1085, 838), (1150, 838), (1760, 1333), (340, 1333)])
    with canvas.layer("#d8dcd9", alpha=0.55) as pen:
        for near in (0.04, 0.13, 0.29, 0.55):
            far = near * 1.5
            left, right = 1117 - 70 * near, 1117 - 70 * far
            pen.polygon(
                [
                    (left - 12 * near, 838 + 495 * near),
                    (left + 12 * near, 838 + 495 * near),
                    (right + 14 * far, 838 + 495 * far),
                    (right - 14 * far, 838 + 495 * far),
                ]
            )
    with canvas.layer("#c6cecf", alpha=0.4, blur=70) as pen:
        pen.box(-300, 760, 2300, 930)
    with canvas.layer([(0, "#39474f"), (1, "#4b5a62")]) as pen:
        pen.box(250, 560, 640, 1010)
        pen.polygon([(205, 566), (690, 566), (660, 510), (236, 510)])
        pen.box(1468, 330, 1482, 1010)
        pen.line([(1475, 340), (1350, 336)], 12)
        pen.polygon([(1300, 334), (1384, 328), (1384, 350), (1300, 346)])
    with canvas.layer([(0, "#ffe3a3"), (1, "#f4b665")]) as pen:
        pen.box(330, 640, 560, 790)
    with canvas.layer("#3a454b") as pen:
        pen.box(440, 640, 450, 790)
        pen.oval(386, 738, 24, 27)
        pen.polygon([(340, 792), (350, 766), (424, 766), (434, 792)])
    canvas.glow(445, 715, 420, "#ffc878", 0.5)
    canvas.glow(1340, 350, 520, "#fff2cf", 0.7)
    canvas.glow(1340, 346, 60, "#fffbe9", 1)
    with canvas.layer("#2f3b42") as pen:
        pen.box(690, 800, 740, 1030)
        pen.box(660, 1018, 772, 1044)
    start, end = (660, 850), (1880, 812)
    for number in range(12):
        tone = "#c4493d" if number % 2 == 0 else "#ebe7dc"
        with canvas.layer(blend(tone, "#b9c1c2", number / 26)) as pen:
            pen.line([_between(start, end, number / 12), _between(start, end, (number + 1) / 12)], 25)
    with canvas.layer("#3c4950", alpha=0.45, blur=10) as pen:
        pen.line([(700, 1046), (1840, 1010)], 14)
        pen.polygon([(230, 1008), (720, 1008), (840, 1050), (240, 1040)])
    canvas.mist(900, 1333, "#aab4b7", 0.22, wisps=0.8)
    return canvas.finish(grain=10)


def _between(first: tuple[float, float], second: tuple[float, float], share: float) -> tuple[float, float]:
    return first[0] + (second[0] - first[0]) * share, first[1] + (second[1] - first[1]) * share


def _spruce(pen: Pen, x: float, base: float, tall: float, canvas: Canvas) -> None:
    half = tall * canvas.rng.uniform(0.13, 0.19)
    left, right = [], []
    tiers = 9
    for tier in range(tiers):
        y = base - tall + tall * tier / tiers
        reach = half * (tier + 1) / tiers
        left += [(x - reach * 0.35, y), (x - reach * canvas.rng.uniform(0.8, 1.1), y + tall / tiers * 0.95)]
        right += [(x + reach * 0.35, y), (x + reach * canvas.rng.uniform(0.8, 1.1), y + tall / tiers * 0.95)]
    pen.polygon([(x, base - tall * 1.04), *right, (x + 5, base + 20), (x - 5, base + 20), *reversed(left)])


def radio_towers(canvas: Canvas) -> Image.Image:
    canvas.background([(0, "#3f6f8f"), (0.3, "#86a8a8"), (0.5, "#e8cfa0"), (0.62, "#f6b379"), (1, "#e98f66")])
    canvas.mottle(0.2, 3, 22, 0, 900)
    canvas.glow(640, 800, 950, "#ffe1a0", 0.8)
    with canvas.layer("#fff4d6") as pen:
        pen.oval(640, 772, 92)
    for base, rise, top, low in (
        (850, 170, "#c98d78", "#eebd93"),
        (930, 200, "#946870", "#cf8f77"),
        (1030, 190, "#5b4a5f", "#94656c"),
    ):
        with canvas.layer([(0, top), (1, low)]) as pen:
            pen.polygon(ground(ridge(canvas.rng, 2000, base, rise), 1333))
        canvas.mist(base - 20, base + 190, "#f5c694", 0.28, wisps=0.5)
    outline = ridge(canvas.rng, 2000, 1130, 150, 0.45)
    masts = ((1030, 700, 0.8), (1370, 930, 1.0), (1720, 620, 0.72))
    for x, tall, scale in masts:
        foot = outline[round(x / 2000 * (len(outline) - 1))][1] + 10
        for number in range(1, 6):
            with canvas.layer("#fff3d4", alpha=0.42 - number * 0.06) as pen:
                pen.ring(x, foot - tall, 62 * number * scale, 5 - number * 0.5, -58, 58)
                pen.ring(x, foot - tall, 62 * number * scale, 5 - number * 0.5, 122, 238)
        with canvas.layer("#2a2a40") as pen:
            _mast(pen, x, foot, tall, 38 * scale)
        canvas.glow(x, foot - tall, 70, "#ff6a4d", 1)
        canvas.glow(x, foot - tall, 14, "#ffffff", 1)
    with canvas.layer([(0, "#2c2b42"), (1, "#1a1b2d")]) as pen:
        pen.polygon(ground(outline, 1333))
        pen.polygon([(560, 1140), (560, 1070), (640, 1030), (720, 1070), (720, 1150)])
        pen.box(672, 1020, 690, 1060)
    with canvas.layer("#ffcf7d") as pen:
        pen.box(598, 1082, 622, 1110)
    canvas.glow(610, 1096, 80, "#ffbf66", 0.8)
    return canvas.finish()


def _mast(pen: Pen, x: float, foot: float, tall: float, half: float) -> None:
    steps = 16
    for step in range(steps):
        low, high = step / steps, (step + 1) / steps
        wide, narrow = half * (1 - low * 0.92), half * (1 - high * 0.92)
        y, top = foot - tall * low, foot - tall * high
        pen.line([(x - wide, y), (x - narrow, top)], 5)
        pen.line([(x + wide, y), (x + narrow, top)], 5)
        pen.line([(x - wide, y), (x + narrow, top)], 2.6)
        pen.line([(x + wide, y), (x - narrow, top)], 2.6)
        pen.line([(x - narrow, top), (x + narrow, top)], 3)
    for share, reach in ((0.9, 250), (0.55, 210)):
        for side in (-1, 1):
            pen.line([(x, foot - tall * share), (x + side * reach, foot + 30)], 1.6)


def river_bridge(canvas: Canvas) -> Image.Image:
    horizon = 870
    canvas.background([(0, "#5f8f8d"), (0.3, "#9dbfae"), (0.55, "#e3e6c4"), (0.66, "#f7edc9"), (1, "#f7edc9")])
    canvas.mottle(0.18, 3, 20, 0, horizon)
    canvas.glow(480, 730, 900, "#fff3c4", 0.7)
    for base, rise, top, low in (
        (720, 190, "#8fb3a6", "#c9d6b8"),
        (790, 160, "#5f8f86", "#a9c2a6"),
        (850, 110, "#396a68", "#7fa48f"),
    ):
        with canvas.layer([(0, top), (1, low)]) as pen:
            pen.polygon(ground(ridge(canvas.rng, 2000, base, rise), horizon))
        canvas.mist(base - 60, horizon, "#eef0d2", 0.5, wisps=0.5)
    with canvas.layer("#2b5357") as pen:
        for start, end in ((0, 420), (1500, 2000)):
            x = float(start)
            while x < end:
                wide, tall = canvas.rng.uniform(38, 80), canvas.rng.uniform(30, 105)
                pen.box(x, horizon - tall, x + wide, horizon)
                pen.polygon(
                    [(x - 4, horizon - tall), (x + wide / 2, horizon - tall - 26), (x + wide + 4, horizon - tall)]
                )
                x += wide + canvas.rng.uniform(-4, 12)
        pen.polygon(
            [(1688, horizon), (1692, horizon - 130), (1706, horizon - 170), (1720, horizon - 130), (1724, horizon)]
        )
    with canvas.layer([(0, "#16363f"), (1, "#24525a")]) as pen:
        deck = 690
        pen.box(0, deck, 2000, deck + 30)
        pen.line([(0, deck - 26), (2000, deck - 26)], 4)
        for x in range(0, 2000, 26):
            pen.line([(x, deck - 26), (x, deck)], 2)
        for left, right, rise in ((-560, 300, 300), (300, 1560, 430), (1560, 2420, 300)):
            _arch(pen, left, right, deck, rise)
        for x in (300, 1560):
            pen.polygon([(x - 44, deck), (x + 44, deck), (x + 60, horizon + 4), (x - 60, horizon + 4)])
    canvas.reflect(horizon, "#4f8582", 0.34, ripple=6)
    canvas.mist(horizon - 60, horizon + 12, "#f4f1d3", 0.4)
    for _ in range(60):
        y = horizon + 10 + canvas.rng.random() ** 1.5 * 440
        canvas.glow(480 + canvas.rng.gauss(0, 180), y, canvas.rng.uniform(30, 150), "#fff9dc", 0.4, 0.05)
    with canvas.layer("#12303a") as pen:
        pen.polygon([(980, 1106), (1250, 1106), (1215, 1148), (1020, 1148)])
        pen.polygon([(1080, 1106), (1092, 1050), (1122, 1050), (1136, 1106)])
        pen.oval(1107, 1036, 16)
        pen.line([(1110, 1074), (1290, 1164)], 5)
    return canvas.finish()


def _arch(pen: Pen, left: float, right: float, deck: float, rise: float) -> None:
    middle, half = (left + right) / 2, (right - left) / 2
    outer, inner = [], []
    for step in range(41):
        x = left + (right - left) * step / 40
        curve = 1 - ((x - middle) / half) ** 2
        outer.append((x, deck - rise * curve))
        inner.append((x, deck - (rise - 46) * curve + 14))
    pen.line(outer, 13)
    pen.line(inner, 9)
    for step in range(0, 41, 2):
        pen.line([outer[step], inner[step]], 4)
        pen.line([inner[step], (inner[step][0], deck)], 4)
        if step + 2 <= 40:
            pen.line([outer[step], inner[step + 2]], 3)


def mountain_relay(canvas: Canvas) -> Image.Image:
    canvas.background([(0, "#141f3c"), (0.3, "#2f4570"), (0.6, "#7f93b4"), (0.8, "#c6cedb"), (1, "#c6cedb")])
    with canvas.layer("#ffffff", alpha=0.8) as pen:
        for _ in range(170):
            pen.oval(canvas.rng.uniform(0, 2000), canvas.rng.random() ** 1.4 * 620, canvas.rng.uniform(0.7, 2))
    canvas.glow(1420, 430, 760, "#c9d8f2", 0.5)
    with canvas.layer([(0, "#f6f2e4"), (1, "#dfe2e6")]) as pen:
        pen.oval(1420, 430, 205)
    with canvas.layer("#c9cfd8", alpha=0.5, blur=7) as pen:
        for x, y, size in ((1360, 380, 46), (1470, 470, 62), (1490, 350, 26), (1350, 500, 30)):
            pen.oval(x, y, size, size * 0.8)
    tones = ("#8d9fbe", "#6d83a9", "#4f6690", "#354a74", "#22345a")
    for number, tone in enumerate(tones):
        base = 640 + number * 112
        with canvas.layer([(0, tone), (1, blend(tone, "#c4cddb", 0.5))]) as pen:
            pen.polygon(ground(ridge(canvas.rng, 2000, base, 300 - number * 26, 0.52), 1333))
        canvas.mist(base - 20, base + 170, "#c7d0de", 0.42 - number * 0.05, wisps=0.7)
    front = [
        (0.0, 1180.0),
        (240, 1090),
        (430, 960),
        (560, 905),
        (640, 898),
        (730, 930),
        (960, 1090),
        (1300, 1210),
        (1700, 1260),
        (2000, 1300),
    ]
    with canvas.layer([(0, "#101b36"), (1, "#070d1d")]) as pen:
        pen.polygon(ground(front, 1333))
        pen.box(556, 820, 660, 910)
        pen.box(548, 808, 668, 824)
        pen.line([(690, 930), (690, 560)], 9)
        pen.line([(690, 570), (610, 910)], 2)
        pen.line([(690, 570), (800, 960)], 2)
        for y in (600, 650, 700):
            pen.line([(664, y), (716, y)], 5)
        pen.polygon([(690, 752), (742, 708), (760, 768), (740, 804)])
        pen.line([(576, 810), (576, 742)], 4)
        pen.oval(566, 748, 26, 34)
    with canvas.layer("#ffc56e") as pen:
        pen.box(582, 846, 608, 874)
    canvas.glow(595, 860, 150, "#ffb85c", 0.7)
    canvas.glow(690, 560, 90, "#ff5a47", 1)
    canvas.glow(690, 560, 16, "#ffffff", 1)
    return canvas.finish()


def forest_road(canvas: Canvas) -> Image.Image:
    meet_x, meet_y = 1050, 720
    canvas.background([(0, "#0b1220"), (0.35, "#16263a"), (0.54, "#3a5566"), (0.56, "#22343f"), (1, "#0c151c")])
    with canvas.layer("#dfe9f2", alpha=0.75) as pen:
        for _ in range(120):
            pen.oval(canvas.rng.uniform(0, 2000), canvas.rng.random() * 480, canvas.rng.uniform(0.7, 1.9))
    canvas.glow(meet_x, meet_y, 700, "#7f9aa6", 0.5, 0.7)
    for base, tall, tone, gap in (
        (730, 300, "#46606d", 110),
        (760, 460, "#2f4753", 190),
        (810, 660, "#1d303b", 330),
        (880, 900, "#101d26", 560),
    ):
        with canvas.layer([(0, tone), (1, blend(tone, "#3c5360", 0.35))], blur=1) as pen:
            x = -80.0
            while x < 2090:
                if abs(x - meet_x) > gap:
                    _spruce(pen, x, base, tall * canvas.rng.uniform(0.7, 1.1), canvas)
                x += canvas.rng.uniform(36, 90) * (tall / 420)
        canvas.mist(base - 200, base + 10, "#4b6674", 0.25, wisps=0.6)
    with canvas.layer([(0, "#3d525d"), (0.2, "#2b3c46"), (1, "#101a21")]) as pen:
        pen.polygon(ground([(0, 850), (500, 760), (meet_x, meet_y + 12), (1560, 760), (2000, 850)], 1333))
    with canvas.layer([(0, "#c5c7b2"), (0.12, "#7d8b8c"), (0.5, "#37474f"), (1, "#1b262d")]) as pen:
        pen.polygon([(meet_x - 12, meet_y + 12), (meet_x + 16, meet_y + 12), (1990, 1333), (300, 1333)])
    canvas.mottle(0.06, 8, 14, 780)
    with canvas.layer([(0, "#fff2c9"), (0.5, "#c2c6b8"), (1, "#6d7a7c")], alpha=0.75) as pen:
        for near in (0.05, 0.11, 0.2, 0.34, 0.57):
            far = near * 1.38
            a, b = meet_x + 3 + 92 * near, meet_x + 3 + 92 * far
            pen.polygon(
                [
                    (a - 13 * near, 732 + 600 * near),
                    (a + 13 * near, 732 + 600 * near),
                    (b + 13 * far, 732 + 600 * far),
                    (b - 13 * far, 732 + 600 * far),
                ]
            )
    for side in (-1, 1):
        canvas.glow(meet_x + 4 + side * 13, meet_y - 2, 260, "#ffe9b5", 0.75)
        canvas.glow(meet_x + 4 + side * 13, meet_y - 2, 34, "#ffffff", 1)
    canvas.glow(meet_x + 6, meet_y + 60, 480, "#ffdf9e", 0.5, 0.22)
    with canvas.layer("#dfe7ea", alpha=0.5, blur=1.2) as pen:
        for _ in range(240):
            pen.oval(canvas.rng.uniform(0, 2000), canvas.rng.uniform(300, 1333), canvas.rng.uniform(1, 3.6))
    with canvas.layer("#060c11") as pen:
        for x, wide in ((60, 74), (270, 42), (1780, 56), (1950, 84)):
            lean = math.sin(x) * 14
            pen.polygon(
                [
                    (x - wide * 0.4 + lean, 0),
                    (x + wide * 0.4 + lean, 0),
                    (x + wide * 0.62, 1333),
                    (x - wide * 0.62, 1333),
                ]
            )
    return canvas.finish(grain=11)
