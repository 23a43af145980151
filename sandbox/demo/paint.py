"""A small painter's box on top of Pillow: gradients, smooth shapes, light, mist, water and grain.

Coordinates are pixels of the finished picture. Shapes are drawn at twice the size and reduced, because Pillow's own
drawing has no smooth edges. Every random choice comes from the canvas's own seeded generator, so a
picture is the same on each run.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise

from PIL import Image, ImageChops, ImageColor, ImageDraw, ImageFilter

Point = tuple[float, float]
Colour = tuple[int, int, int]
Stops = Sequence[tuple[float, str]]
Fill = str | Stops

OVERSIZE = 2


def colour(name: str) -> Colour:
    red, green, blue, *_ = ImageColor.getrgb(name)
    return red, green, blue


def blend(first: str, second: str, share: float) -> str:
    """Mix two colours; a share of 0 gives the first and 1 the second."""
    share = min(1.0, max(0.0, share))
    mixed = [round(a + (b - a) * share) for a, b in zip(colour(first), colour(second), strict=True)]
    return "#{:02x}{:02x}{:02x}".format(*mixed)


def gradient(stops: Stops, size: tuple[int, int]) -> Image.Image:
    """Paint a vertical gradient; each stop is a height from 0 (top) to 1 (bottom) and a colour."""
    height = size[1]
    column = Image.new("RGB", (1, height))
    for y in range(height):
        at = y / max(1, height - 1)
        before = max((stop for stop in stops if stop[0] <= at), key=lambda stop: stop[0], default=stops[0])
        after = min((stop for stop in stops if stop[0] >= at), key=lambda stop: stop[0], default=stops[-1])
        span = after[0] - before[0]
        column.putpixel((0, y), colour(blend(before[1], after[1], (at - before[0]) / span if span else 0)))
    return column.resize(size, Image.Resampling.NEAREST)


@dataclass
class Pen:
    """Draws on an oversized image with the coordinates of the finished one."""

    draw: ImageDraw.ImageDraw
    fill: str | int = 255

    def polygon(self, points: Sequence[Point], fill: str | None = None) -> None:
        self.draw.polygon([(x * OVERSIZE, y * OVERSIZE) for x, y in points], fill=fill or self.fill)

    def box(
        self, left: float, top: float, right: float, bottom: float, fill: str | None = None, radius: float = 0
    ) -> None:
        edges = (left * OVERSIZE, top * OVERSIZE, right * OVERSIZE, bottom * OVERSIZE)
        self.draw.rounded_rectangle(edges, radius=radius * OVERSIZE, fill=fill or self.fill)

    def oval(self, x: float, y: float, across: float, down: float | None = None, fill: str | None = None) -> None:
        """Fill an ellipse around a centre, given its half axes."""
        down = across if down is None else down
        edges = tuple(value * OVERSIZE for value in (x - across, y - down, x + across, y + down))
        self.draw.ellipse(edges, fill=fill or self.fill)

    def line(self, points: Sequence[Point], width: float, fill: str | None = None) -> None:
        path = [(x * OVERSIZE, y * OVERSIZE) for x, y in points]
        self.draw.line(path, fill=fill or self.fill, width=max(1, round(width * OVERSIZE)), joint="curve")

    def ring(self, x: float, y: float, radius: float, width: float, start: float = 0, end: float = 360) -> None:
        edges = tuple(value * OVERSIZE for value in (x - radius, y - radius, x + radius, y + radius))
        self.draw.arc(edges, start, end, fill=self.fill, width=max(1, round(width * OVERSIZE)))


@dataclass
class Canvas:
    width: int
    height: int
    seed: str
    image: Image.Image = field(init=False)
    rng: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.image = Image.new("RGB", (self.width, self.height))
        self.rng = random.Random(self.seed)

    @property
    def size(self) -> tuple[int, int]:
        return self.width, self.height

    def background(self, stops: Stops) -> None:
        self.image = gradient(stops, self.size)

    @contextmanager
    def layer(self, fill: Fill, *, alpha: float = 1, blur: float = 0) -> Iterator[Pen]:
        """Collect shapes into one mask and lay the fill through it.

        A gradient runs over the height of what was drawn, not over the whole picture.
        """
        mask = Image.new("L", (self.width * OVERSIZE, self.height * OVERSIZE))
        yield Pen(ImageDraw.Draw(mask))
        mask = mask.reduce(OVERSIZE)
        if blur:
            mask = mask.filter(ImageFilter.GaussianBlur(blur))
        if alpha < 1:
            mask = mask.point([round(level * alpha) for level in range(256)])
        box = mask.getbbox()
        if box is None:
            return
        left, top, right, bottom = box
        size = (right - left, bottom - top)
        paint = Image.new("RGB", size, fill) if isinstance(fill, str) else gradient(fill, size)
        self.image.paste(paint, (left, top), mask.crop(box))

    @contextmanager
    def enlarged(self) -> Iterator[Pen]:
        """Draw many shapes of different colours straight on the picture."""
        large = self.image.resize((self.width * OVERSIZE, self.height * OVERSIZE), Image.Resampling.NEAREST)
        yield Pen(ImageDraw.Draw(large), "#000000")
        self.image = large.reduce(OVERSIZE)

    def glow(self, x: float, y: float, radius: float, tint: str, strength: float = 1, squash: float = 1) -> None:
        """Add light around a point; a squash below 1 flattens it."""
        across, down = round(radius * 1.2), round(radius * 1.2 * squash)
        # Pillow's gradient is 181 where its circle touches the edges; squared, the light falls off as it does in air.
        fall = [round(255 * strength * max(0.0, 1 - level / 180) ** 2) for level in range(256)]
        mask = Image.radial_gradient("L").point(fall).resize((across * 2, down * 2), Image.Resampling.BICUBIC)
        light = ImageChops.multiply(Image.merge("RGB", (mask, mask, mask)), Image.new("RGB", mask.size, tint))
        left, top = round(x) - across, round(y) - down
        under = self.image.crop((left, top, left + across * 2, top + down * 2))
        self.image.paste(ImageChops.screen(under, light), (left, top))

    def mist(self, top: float, bottom: float, tint: str, strength: float, *, wisps: float = 0) -> None:
        """Lay mist that is thickest at the bottom of the band and, with wisps, uneven."""
        height = round(bottom - top)
        mask = Image.linear_gradient("L").resize((self.width, height), Image.Resampling.BICUBIC)
        mask = mask.point([round(level * strength) for level in range(256)])
        if wisps:
            cloud = self.clouds((self.width, height), 9, 5).point(
                [max(0, min(255, round(128 + (v - 128) * 2))) for v in range(256)]
            )
            mask = Image.blend(mask, ImageChops.multiply(mask, cloud), wisps)
        self.image.paste(Image.new("RGB", mask.size, tint), (0, round(top)), mask)

    def clouds(self, size: tuple[int, int], across: int, down: int, octaves: int = 3) -> Image.Image:
        """Make smooth noise around the middle grey, with so many spots across and down."""
        total = Image.new("L", size, 128)
        for octave in range(octaves):
            spots = (across * 2**octave, down * 2**octave)
            noise = Image.frombytes("L", spots, self.rng.randbytes(spots[0] * spots[1])).resize(
                size, Image.Resampling.BICUBIC
            )
            total = Image.blend(total, noise, 0.5 ** (octave + 1) if octave else 1)
        return total

    def mottle(
        self, strength: float, across: int = 6, down: int = 4, top: float = 0, bottom: float | None = None
    ) -> None:
        """Vary the tone unevenly, as ink and watercolour do. Many spots down and few across give streaks."""
        box = (0, round(top), self.width, self.height if bottom is None else round(bottom))
        size = (box[2] - box[0], box[3] - box[1])
        noise = self.clouds(size, across, down).point([128 + round((level - 128) * strength) for level in range(256)])
        part = ImageChops.add(self.image.crop(box), Image.merge("RGB", (noise, noise, noise)), 1, -128)
        self.image.paste(part, box)

    def reflect(self, horizon: float, tint: str, share: float, *, ripple: float = 6, depth: float = 1) -> None:
        """Mirror what stands above the horizon into the water below it, in ripples that widen towards the viewer."""
        line = round(horizon)
        below = self.height - line
        source = self.image.crop((0, max(0, line - round(below / depth)), self.width, line))
        mirror = source.transpose(Image.Transpose.FLIP_TOP_BOTTOM).resize((self.width, below), Image.Resampling.BICUBIC)
        mirror = Image.blend(mirror, Image.new("RGB", mirror.size, tint), share).filter(ImageFilter.GaussianBlur(2))
        y = 0
        while y < below:
            near = y / below
            tall = max(2, round(3 + near * 16))
            shift = round(self.rng.uniform(-1, 1) * ripple * (0.4 + near * 3))
            strip = mirror.crop((0, y, self.width, min(below, y + tall)))
            self.image.paste(ImageChops.offset(strip, shift, 0), (0, line + y))
            y += tall
        lower = self.image.crop((0, line, self.width, self.height)).filter(ImageFilter.BoxBlur((5, 1)))
        self.image.paste(lower, (0, line))

    def finish(self, *, grain: float = 9, vignette: float = 0.28) -> Image.Image:
        """Darken the corners a little and add grain, which also hides the steps of the gradients."""
        shade = Image.radial_gradient("L").resize(self.size, Image.Resampling.BICUBIC)
        shade = shade.point([255 - round(vignette * 255 * (level / 255) ** 2.2) for level in range(256)])
        image = ImageChops.multiply(self.image, Image.merge("RGB", (shade, shade, shade)))
        noise = Image.frombytes("L", self.size, self.rng.randbytes(self.width * self.height))
        noise = noise.filter(ImageFilter.GaussianBlur(0.8)).point(
            [128 + round((v - 128) * grain / 40) for v in range(256)]
        )
        return ImageChops.add(image, Image.merge("RGB", (noise, noise, noise)), 1, -128)


def ridge(
    rng: random.Random, width: int, base: float, rise: float, rough: float = 0.55, detail: int = 8
) -> list[Point]:
    """Draw the outline of a range of hills by halving a line and moving each middle, less at each step."""
    heights = [rng.uniform(-0.5, 0.5), rng.uniform(-0.5, 0.5), rng.uniform(-0.5, 0.5)]
    reach = 1.0
    for _ in range(detail):
        reach *= rough
        longer = []
        for left, right in pairwise(heights):
            longer += [left, (left + right) / 2 + rng.uniform(-reach, reach)]
        heights = [*longer, heights[-1]]
    step = width / (len(heights) - 1)
    return [(i * step, base - height * rise) for i, height in enumerate(heights)]


def ground(points: Sequence[Point], height: float) -> list[Point]:
    """Close an outline downwards into a shape that reaches the lower edge."""
    return [*points, (points[-1][0], height), (points[0][0], height)]


Scene = Callable[[Canvas], Image.Image]
