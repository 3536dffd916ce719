"""Paints input.png: hills in the evening, 640 by 400 pixels. Needs Pillow: python make_input.py"""

import math
from pathlib import Path

from PIL import Image, ImageDraw

WIDTH, HEIGHT = 640, 400


def paint():
    picture = Image.new("RGB", (WIDTH, HEIGHT))
    draw = ImageDraw.Draw(picture)
    for y in range(HEIGHT):
        warm = y / HEIGHT
        draw.line((0, y, WIDTH, y), (int(70 + 170 * warm), int(90 + 80 * warm), int(150 - 50 * warm)))
    draw.ellipse((440, 120, 520, 200), (255, 225, 150))
    for hill in range(5):
        colour = (70 - 12 * hill, 60 - 9 * hill, 90 - 14 * hill)
        for x in range(WIDTH):
            wave = math.sin(x / (90 - 9 * hill) + 2 * hill) + 0.5 * math.sin(x / (37 + 5 * hill))
            draw.line((x, 210 + 40 * hill + int(20 * wave), x, HEIGHT), colour)
    return picture


if __name__ == "__main__":
    paint().save(Path(__file__).with_name("input.png"), optimize=True)
