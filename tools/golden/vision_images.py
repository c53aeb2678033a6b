"""Small pictures in many formats, and what Pillow reads in them.

    python3 tools/golden/vision_images.py > tests/vision/codec_golden.inc

Writes the files to tests/vision/fuzz/image_corpus, where the fuzzer starts from them too.
"""
import io
import pathlib
import struct
import zlib

import numpy as np
import PIL
import PIL.features
from PIL import Image, ImageOps

OUT = pathlib.Path(__file__).parents[2] / "tests/vision/fuzz/image_corpus"
OUT.mkdir(parents=True, exist_ok=True)

rng = np.random.default_rng(5)


def smooth(h, w, c):
    """Waves, so that JPEG and WebP keep them."""
    y, x, k = np.mgrid[0:h, 0:w, 0:c]
    v = 128 + 70 * np.sin(0.31 * x + 0.9 * k) + 50 * np.cos(0.43 * y - 0.4 * k + 0.05 * x)
    return np.clip(np.round(v), 0, 255).astype(np.uint8)


def rough(h, w, c):
    return rng.integers(0, 256, (h, w, c), dtype=np.uint8)


def squeeze(a):
    return a[..., 0] if a.shape[-1] == 1 else a


entries = []


def keep(name, data, wanted):
    """wanted: [h, w, c] as the file has it, by Pillow."""
    (OUT / name).write_bytes(data)
    a = np.asarray(wanted)
    a = a[..., None] if a.ndim == 2 else a
    a = a.transpose(2, 0, 1)
    values = ", ".join(map(str, a.reshape(-1).tolist()))
    entries.append('    {"%s", {%d, %d, %d},\n     {%s}},' % (name, *a.shape, values))


def save(image, fmt, **options):
    out = io.BytesIO()
    image.save(out, fmt, **options)
    return out.getvalue()


def reread(data, mode=None, transpose=False):
    image = Image.open(io.BytesIO(data))
    image.load()
    if transpose:
        image = ImageOps.exif_transpose(image)
    return np.asarray(image.convert(mode) if mode else image)


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(w, h, bits, color, rows, interlace=0, extra=b""):
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", w, h, bits, color, 0, 0, interlace)) + extra +
            chunk(b"IDAT", zlib.compress(b"".join(b"\0" + r for r in rows))) + chunk(b"IEND", b""))


# ---- PNG
for name, c in [("gray", 1), ("la", 2), ("rgb", 3), ("rgba", 4)]:
    a = rough(5, 7, c)
    keep(name + ".png", save(Image.fromarray(squeeze(a)), "PNG"), a)
one = rng.integers(0, 2, (5, 11)).astype(bool)
keep("gray1.png", save(Image.fromarray(one), "PNG"), one.astype(np.uint8) * 255)
# PNG's own rule for more samples is the nearest of 255 / 65535 of the value.
deep = rng.integers(0, 65536, (4, 6, 3), dtype=np.uint16)
deep[0, 0] = (0, 65535, 32768)
want = np.round(deep.astype(np.float64) * 255 / 65535).astype(np.uint8)
keep("gray16.png", save(Image.fromarray(deep[..., 0]), "PNG"), want[..., 0])
keep("rgb16.png", png(6, 4, 16, 2, [r.astype(">u2").tobytes() for r in deep]), want)
indexed = Image.fromarray(rough(6, 8, 3)).quantize(9)
data = save(indexed, "PNG")
keep("palette.png", data, reread(data, "RGB"))
data = save(indexed, "PNG", transparency=bytes([0, 128, 255, 7]))
keep("palette_alpha.png", data, reread(data, "RGBA"))
a = rough(3, 4, 3)
data = save(Image.fromarray(a), "PNG", transparency=tuple(a[1, 2].tolist()))
keep("rgb_transparent.png", data, reread(data, "RGBA"))
a = rough(3, 4, 1)
keep("gray_transparent.png", save(Image.fromarray(squeeze(a)), "PNG", transparency=int(a[0, 0, 0])), a)
a = rough(9, 10, 3)
rows = []
for x0, y0, dx, dy in [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]:
    rows += [r.tobytes() for r in a[y0::dy, x0::dx] if r.size]
data = png(10, 9, 8, 2, rows, interlace=1)
assert (reread(data) == a).all()
keep("interlaced.png", data, a)
a = rough(4, 6, 3)
exif = Image.Exif()
exif[0x0112] = 6
data = save(Image.fromarray(a), "PNG", exif=exif)
keep("orientation6.png", data, reread(data, transpose=True))
data = save(Image.fromarray(a), "PNG", icc_profile=b"x" * 200, pnginfo=None)
keep("icc.png", data, a)

# ---- JPEG
a = smooth(19, 26, 3)
for name, options in [("444.jpg", dict(quality=90, subsampling=0)), ("420.jpg", dict(quality=80)),
                      ("progressive.jpg", dict(quality=85, progressive=True)),
                      ("restart.jpg", dict(quality=70, restart_marker_blocks=2))]:
    data = save(Image.fromarray(a), "JPEG", **options)
    keep(name, data, reread(data))
data = save(Image.fromarray(smooth(9, 17, 1)[..., 0]), "JPEG", quality=88)
keep("gray.jpg", data, reread(data))
for o in range(1, 9):
    exif = Image.Exif()
    exif[0x0112] = o
    data = save(Image.fromarray(smooth(6, 9, 3)), "JPEG", quality=92, subsampling=0, exif=exif)
    keep("orientation%d.jpg" % o, data, reread(data, transpose=True))

# ---- WebP
a = rough(5, 8, 3)
keep("lossless.webp", save(Image.fromarray(a), "WEBP", lossless=True), a)
a = rough(5, 8, 4)
keep("lossless_alpha.webp", save(Image.fromarray(a), "WEBP", lossless=True, exact=True), a)
data = save(Image.fromarray(smooth(13, 20, 3)), "WEBP", quality=80)
keep("lossy.webp", data, reread(data))
b = np.concatenate([smooth(13, 20, 3), smooth(13, 20, 1)], 2)
data = save(Image.fromarray(b), "WEBP", quality=80)
keep("lossy_alpha.webp", data, reread(data))
exif = Image.Exif()
exif[0x0112] = 8
a = rough(4, 6, 3)
data = save(Image.fromarray(a), "WEBP", lossless=True, exif=exif)
keep("orientation8.webp", data, reread(data, transpose=True))

# ---- BMP
a = rough(5, 7, 3)
data = save(Image.fromarray(a), "BMP")
keep("rgb.bmp", data, a)
# The same, rows from the top down.
size = len(data) - 54
rows = [data[54 + i * (size // 5):54 + (i + 1) * (size // 5)] for i in range(5)]
keep("top_down.bmp", data[:22] + struct.pack("<i", -5) + data[26:54] + b"".join(rows[::-1]), a)
a = rough(5, 7, 1)
keep("gray.bmp", save(Image.fromarray(squeeze(a)), "BMP"), a)
keep("gray1.bmp", save(Image.fromarray(one), "BMP"), one.astype(np.uint8) * 255)
data = save(indexed, "BMP")
keep("palette.bmp", data, reread(data, "RGB"))
a = rough(5, 7, 4)
data = save(Image.fromarray(a), "BMP")
keep("rgbx.bmp", data, reread(data, "RGB"))
masks = struct.pack("<III", 0xFF0000, 0xFF00, 0xFF)
fields = data[:30] + struct.pack("<I", 3) + data[34:54]
shifted = fields[:10] + struct.pack("<I", 66) + fields[14:]
rgb_fields = shifted + masks + data[54:]
keep("rgb_fields.bmp", rgb_fields, reread(rgb_fields, "RGB"))
rgba_fields = (fields[:10] + struct.pack("<II", 14 + 108, 108) + fields[18:] + masks + struct.pack("<I", 0xFF000000) +
               b"BGRs" + bytes(48) + data[54:])
assert (reread(rgba_fields) == a).all()
keep("rgba_fields.bmp", rgba_fields, a)

# ---- What is refused
for name, data in [
        ("animation.gif", save(Image.fromarray(rough(3, 3, 1)[..., 0]), "GIF")),
        ("animation.webp", save(Image.fromarray(rough(4, 4, 3)), "WEBP", lossless=True, save_all=True,
                                append_images=[Image.fromarray(rough(4, 4, 3))])),
        ("picture.tiff", save(Image.fromarray(rough(3, 3, 3)), "TIFF")),
]:
    (OUT / name).write_bytes(data)

print("// Made by tools/golden/vision_images.py with Pillow %s, libjpeg-turbo %s, libwebp %s, NumPy %s." %
      (PIL.__version__, PIL.features.version("libjpeg_turbo"), PIL.features.version("webp"), np.__version__))
print("const Picture kPictures[] = {")
print("\n".join(entries))
print("};")
