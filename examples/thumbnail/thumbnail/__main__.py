"""A small version of a picture, and what the picture is like.

Parameters: `image`, the file's bytes in base64; `size`, the longest side of the result in pixels (128).
The result's `thumbnail` is a PNG in base64.
"""

import base64
import binascii
import io

from PIL import Image, ImageOps, UnidentifiedImageError


def main(args):
    try:
        content = base64.b64decode(args["image"], validate=True)
        picture = ImageOps.exif_transpose(Image.open(io.BytesIO(content))).convert("RGB")
    except KeyError:
        return {"error": "parameter `image` is missing: give the bytes of a picture in base64"}
    except (binascii.Error, UnidentifiedImageError, TypeError) as problem:
        return {"error": f"`image` is no picture: {problem}"}
    width, height = picture.size
    size = int(args.get("size", 128))
    picture.thumbnail((size, size), Image.Resampling.LANCZOS)
    small = io.BytesIO()
    picture.save(small, "PNG", optimize=True)
    red, green, blue = picture.resize((1, 1), Image.Resampling.BOX).getpixel((0, 0))
    print(f"{width} x {height} became {picture.width} x {picture.height}")
    return {
        "from": [width, height],
        "to": [picture.width, picture.height],
        "average_colour": f"#{red:02x}{green:02x}{blue:02x}",
        "bytes": len(small.getvalue()),
        "thumbnail": base64.b64encode(small.getvalue()).decode(),
    }
