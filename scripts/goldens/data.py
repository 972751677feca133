"""Array and image files for test/data-files.test.ts, with what NumPy and Pillow read from them.

    pip install numpy==2.4.6 pillow==12.3.0
    python scripts/goldens/data.py
"""

import gzip
import io
import json
import pathlib
import struct
import zipfile

import numpy as np
from PIL import Image

OUT = pathlib.Path(__file__).parents[2] / "test" / "fixtures" / "data"
OUT.mkdir(parents=True, exist_ok=True)
rng = np.random.default_rng(0)
expected = {}


def npy(array, version=None):
    file = io.BytesIO()
    np.lib.format.write_array(file, array, version=version)
    return file.getvalue()


# .npy in every dtype, byte order and memory order, packed into one archive

values = rng.integers(0, 100, (4, 3, 2))
arrays = {}
for code in ["f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"]:
    signed = values if code[0] == "u" else values - 50
    scaled = signed / 8 if code[0] == "f" else signed
    for order in ["<", ">"]:
        arrays[f"{order}{code}"] = npy(scaled.astype(order + code))
arrays["bool"] = npy(values % 2 == 1)
arrays["fortran"] = npy(np.asfortranarray(values.astype("<f4")))
arrays["v2"] = npy(values.astype("<f4"), (2, 0))
arrays["v3"] = npy(values.astype("<f4"), (3, 0))
arrays["scalar"] = npy(np.float32(1))
arrays["empty"] = npy(np.zeros((0, 3), "<f4"))
arrays["text"] = npy(np.array(["a", "b", "c", "d"]))
arrays["complex"] = npy(np.zeros(4, "<c8"))
arrays["records"] = npy(np.zeros(4, [("a", "<i4"), ("b", "<f4")]))
with zipfile.ZipFile(OUT / "arrays.npz", "w") as archive:
    for name, content in arrays.items():
        info = zipfile.ZipInfo(f"{name}.npy")
        info.compress_type = zipfile.ZIP_DEFLATED if name.startswith(">") else zipfile.ZIP_STORED
        archive.writestr(info, content)
expected["values"] = values.reshape(4, -1).tolist()

# as np.save and np.savez_compressed write them

inputs = rng.normal(size=(10, 3)).astype("f4")
targets = rng.integers(3, 6, 10)
np.save(OUT / "x.npy", inputs)
np.save(OUT / "y.npy", targets)
np.savez_compressed(OUT / "xy.npz", x=inputs, y=targets)
expected["x"] = inputs.tolist()
expected["y"] = targets.tolist()

# IDX, as MNIST is packed

images = rng.integers(0, 256, (6, 4, 5), dtype="u1")
labels = rng.integers(0, 3, 6, dtype="u1")
packed = struct.pack(">HBB3I", 0, 8, 3, *images.shape) + images.tobytes()
(OUT / "images-idx3-ubyte").write_bytes(packed)
(OUT / "images-idx3-ubyte.gz").write_bytes(gzip.compress(packed, mtime=0))
(OUT / "labels-idx1-ubyte").write_bytes(struct.pack(">HBBI", 0, 8, 1, 6) + labels.tobytes())
expected["images"] = images.reshape(6, -1).tolist()
expected["labels"] = labels.tolist()

# PNG and JPEG in every mode, as Pillow reads them: in colors, and resized in gray and colors

y, x = np.mgrid[0:9, 0:11]
smooth = np.stack([x * 25, y * 30, (x + y) * 13], -1).astype("u1")
noisy = rng.integers(0, 256, (9, 11, 4), dtype="u1")
rgb = Image.fromarray(noisy[..., :3])
gray = Image.fromarray(noisy[..., 0])
modes = {
    "gray": gray,
    "rgb": rgb,
    "rgba": Image.fromarray(noisy),
    "gray-alpha": Image.fromarray(noisy[..., :2].copy(), "LA"),
    "palette": rgb.quantize(40),
    "palette-4bit": rgb.quantize(11),
    "palette-1bit": rgb.quantize(2),
    "one-bit": gray.point(lambda v: 255 * (v > 127), "1"),
}
folder = OUT / "modes"
folder.mkdir(exist_ok=True)
expected["modes"] = {}
expected["resized"] = {}


def add(name, image, **options):
    image.save(folder / name, **options)
    read = Image.open(folder / name)
    colors = np.asarray(read.convert("RGB"))
    expected["modes"][name] = colors.reshape(-1).tolist()
    for height, width in [(5, 7), (20, 13), (9, 4)]:
        small = read.convert("L" if name == "gray.png" else "RGB").resize((width, height), Image.Resampling.BILINEAR)
        if name in ("gray.png", "rgb.png"):
            expected["resized"][f"{name} {height} {width}"] = np.asarray(small).reshape(-1).tolist()


for name, image in modes.items():
    add(f"{name}.png", image)
deep = Image.fromarray((noisy[..., 0].astype("u2") * 256 + 77).astype("<u2"))
deep.save(folder / "gray-16bit.png")
expected["modes"]["gray-16bit.png"] = np.repeat(noisy[..., 0].reshape(-1), 3).tolist()
add("rgb.jpg", Image.fromarray(smooth), quality=95, subsampling=0)
add("rgb-subsampled.jpg", Image.fromarray(smooth), quality=95, subsampling=2)
add("rgb-progressive.jpg", Image.fromarray(smooth), quality=95, subsampling=0, progressive=True)
add("gray.jpg", Image.fromarray(smooth[..., 0]), quality=95)
expected["luminance"] = np.asarray(rgb.convert("L")).reshape(-1).tolist()

# a folder for each class, with files that are no images

for label, (name, mode) in enumerate([("cat", "RGB"), ("dog", "L")]):
    (OUT / "classes" / name).mkdir(parents=True, exist_ok=True)
    for i in range(3):
        pixels = rng.integers(0, 256, (4, 5, 3), dtype="u1")
        Image.fromarray(pixels).convert(mode).save(OUT / "classes" / name / f"{i}.png")
(OUT / "classes" / "cat" / "notes.txt").write_text("three cats\n")
(OUT / "classes" / "README.md").write_text("two classes\n")

(OUT / "expected.json").write_text(json.dumps(expected))
