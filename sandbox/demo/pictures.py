"""The demo's pictures by name: lead illustrations for the articles and portraits of their authors.

python -m sandbox.demo.pictures FOLDER [NAME …]
"""

import argparse
from pathlib import Path

from PIL import Image

from sandbox.demo import interiors, landscapes, townscapes
from sandbox.demo.paint import Canvas, Scene
from sandbox.demo.portraits import LOOKS, portrait

LEAD_SIZE = (2000, 1333)
QUALITY = 86

SCENES: dict[str, Scene] = {
    "archive-shelves": interiors.archive_shelves,
    "checkpoint-fog": landscapes.checkpoint_fog,
    "city-night": townscapes.city_night,
    "classroom-window": interiors.classroom_window,
    "desk-lamp": interiors.desk_lamp,
    "forest-road": landscapes.forest_road,
    "harbour-dusk": landscapes.harbour_dusk,
    "lamp-and-snow": townscapes.lamp_and_snow,
    "market-stalls": townscapes.market_stalls,
    "mountain-relay": landscapes.mountain_relay,
    "printing-press": interiors.printing_press,
    "radio-towers": landscapes.radio_towers,
    "rail-yard": townscapes.rail_yard,
    "river-bridge": landscapes.river_bridge,
}
NAMES = (*SCENES, *LOOKS)


class UnknownPicture(Exception):
    """No picture has this name."""


def paint(name: str) -> Image.Image:
    """Paint a picture; the same name always gives the same pixels with the same version of Pillow."""
    if name in SCENES:
        return SCENES[name](Canvas(*LEAD_SIZE, seed=name))
    if name in LOOKS:
        return portrait(name)
    raise UnknownPicture(f"There is no picture “{name}”. There are: {', '.join(NAMES)}.")


def render(name: str, path: Path) -> None:
    """Paint a picture and write it as a JPEG file."""
    paint(name).save(path, "JPEG", quality=QUALITY, optimize=True, progressive=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="Paint the demo's pictures.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="*", default=NAMES, metavar="NAME")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    for name in options.names:
        render(name, options.folder / f"{name}.jpg")
        print(name)


if __name__ == "__main__":
    main()
