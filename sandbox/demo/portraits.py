"""Author portraits: a head and shoulders in two tones. Nobody's likeness, which is the point."""

from PIL import Image

from sandbox.demo.paint import Canvas, Pen, blend

# Background, figure, and the cut of the hair.
LOOKS = {
    "portrait-tolland": ("#e0b15a", "#5a2a2a", "bob"),
    "portrait-marova": ("#7fa39a", "#1d3b44", "bun"),
    "portrait-vellek": ("#c9b79c", "#2c3a55", "short"),
    "portrait-sorel": ("#d98368", "#4a2440", "long"),
    "portrait-kesh": ("#8fa8c4", "#22304f", "cap"),
    "portrait-orrin": ("#b9c08a", "#3a4a2c", "curls"),
    "portrait-alder": ("#a9a6b5", "#3c3a4c", "hood"),
}


def portrait(name: str) -> Image.Image:
    back, figure, cut = LOOKS[name]
    canvas = Canvas(800, 800, name)
    canvas.background([(0, blend(back, "#ffffff", 0.22)), (1, blend(back, "#000000", 0.06))])
    with canvas.layer(blend(back, "#ffffff", 0.38), alpha=0.8) as pen:
        pen.oval(400, 400, 318)
    if cut in ("long", "bob"):
        with canvas.layer([(0, blend(figure, "#000000", 0.1)), (1, blend(figure, "#000000", 0.25))]) as pen:
            low = 640 if cut == "long" else 490
            pen.box(252, 210, 548, low, radius=148 if cut == "bob" else 130)
    with canvas.layer([(0, blend(figure, back, 0.18)), (1, figure)]) as pen:
        _shoulders(pen)
    with canvas.layer(blend(figure, back, 0.55)) as pen:
        pen.polygon([(352, 470), (448, 470), (456, 590), (400, 640), (344, 590)])
    with canvas.layer(blend(figure, "#000000", 0.12), alpha=0.35, blur=10) as pen:
        pen.oval(402, 512, 58, 34)
    with canvas.layer([(0, blend(figure, back, 0.7)), (1, blend(figure, back, 0.55))]) as pen:
        pen.oval(400, 370, 112, 146)
    with canvas.layer([(0, blend(figure, "#000000", 0.12)), (1, figure)]) as pen:
        _hair(pen, cut)
    with canvas.layer(blend(figure, back, 0.3), alpha=0.9) as pen:
        if cut == "short":
            for x in (352, 448):
                pen.ring(x, 374, 37, 7)
            pen.line([(389, 370), (411, 370)], 7)
    # Light falls from the upper left, so the other half of the figure lies in a soft shade.
    with canvas.layer(figure, alpha=0.22, blur=26) as pen:
        pen.polygon(
            [
                (436, 250),
                (492, 290),
                (500, 420),
                (450, 500),
                (446, 590),
                (610, 680),
                (640, 800),
                (470, 800),
                (428, 600),
                (430, 480),
            ]
        )
    return canvas.finish(grain=9, vignette=0.14)


def _shoulders(pen: Pen) -> None:
    pen.polygon(
        [(118, 800), (140, 690), (200, 628), (344, 580), (400, 640), (456, 580), (600, 628), (660, 690), (682, 800)]
    )
    pen.oval(214, 706, 88, 88)
    pen.oval(586, 706, 88, 88)


def _hair(pen: Pen, cut: str) -> None:
    if cut in ("short", "bun", "long", "bob"):
        # A cap of hair, parted at the side.
        pen.polygon(
            [
                (284, 380),
                (282, 300),
                (312, 238),
                (362, 206),
                (420, 200),
                (480, 226),
                (514, 282),
                (518, 380),
                (504, 386),
                (496, 326),
                (462, 288),
                (380, 300),
                (318, 288),
                (300, 326),
                (296, 386),
            ]
        )
    if cut == "bun":
        pen.oval(404, 176, 62, 54)
    if cut == "long":
        pen.polygon([(284, 360), (304, 330), (300, 470), (282, 600), (252, 600), (254, 400)])
        pen.polygon([(516, 360), (496, 330), (500, 470), (518, 600), (548, 600), (546, 400)])
    if cut == "bob":
        pen.polygon([(284, 340), (306, 320), (302, 480), (262, 480), (256, 380)])
        pen.polygon([(516, 340), (494, 320), (498, 480), (538, 480), (544, 380)])
    if cut == "cap":
        pen.polygon([(280, 326), (286, 256), (330, 206), (400, 192), (470, 206), (514, 256), (520, 326)])
        pen.polygon([(270, 318), (520, 318), (596, 336), (584, 356), (500, 346), (276, 344)])
    if cut == "curls":
        for x, y, size in (
            (300, 310, 44),
            (316, 256, 50),
            (358, 214, 54),
            (414, 204, 56),
            (466, 228, 52),
            (500, 280, 46),
            (508, 330, 36),
            (292, 352, 30),
            (400, 256, 66),
        ):
            pen.oval(x, y, size)
        pen.polygon(
            [
                (300, 420),
                (330, 470),
                (400, 500),
                (470, 470),
                (500, 420),
                (506, 460),
                (470, 516),
                (400, 534),
                (330, 516),
                (294, 460),
            ]
        )
    if cut == "hood":
        pen.polygon(
            [
                (400, 156),
                (500, 190),
                (560, 300),
                (566, 440),
                (530, 560),
                (456, 600),
                (488, 500),
                (502, 380),
                (480, 286),
                (400, 252),
                (320, 286),
                (298, 380),
                (312, 500),
                (344, 600),
                (270, 560),
                (234, 440),
                (240, 300),
                (300, 190),
            ]
        )
        # The face stays in the dark of the hood: this author may not be recognised.
        pen.oval(400, 380, 118, 150)
