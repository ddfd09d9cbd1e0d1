# %% [markdown]
# # Your own pictures: classes from folders of images
#
# Course 4: hand signs for the numbers 0 to 5, read from image files; or any folder of pictures of yours.

# %%
import os
import pathlib
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from PIL import Image, ImageDraw, ImageFilter

import tinygrad_edu as tg
import tinygrad_edu.nn.functional as F
from tinygrad_edu import data, nn, optim

QUICK = "QUICK" in os.environ
OUT = pathlib.Path(os.environ.get("OUT", "out"))
OUT.mkdir(parents=True, exist_ok=True)

# %% [markdown]
# A folder with one folder for each class, with the images in it, of any size and kind: `cat/001.jpg`, `dog/7.png`.
# A data set is any sequence, so this is all that it takes; files are read when a batch needs them.


# %%
class ImageFolder:
    def __init__(self, folder: Any, size: int) -> None:
        self.classes = sorted(p.name for p in pathlib.Path(folder).iterdir() if p.is_dir())
        kinds = {".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".ppm"}
        self.files = [
            (path, k)
            for k, name in enumerate(self.classes)
            for path in sorted(pathlib.Path(folder, name).rglob("*"))
            if path.suffix.lower() in kinds
        ]
        self.size = size

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, i: int) -> tuple[np.ndarray, int]:
        """The middle square, scaled: (3, size, size) with entries from -1 to 1; and the number of the class."""
        path, label = self.files[i]
        with Image.open(path) as file:
            image = file.convert("RGB")
        side = min(image.size)
        left, top = (image.width - side) // 2, (image.height - side) // 2
        image = image.crop((left, top, left + side, top + side)).resize((self.size, self.size), Image.Resampling.BOX)
        return np.asarray(image, dtype="float32").transpose(2, 0, 1) / 127.5 - 1, label


# %% [markdown]
# Set the environment variable IMAGES to your folder. Without it, hands are drawn into files first: a palm and 0 to 5
# fingers, turned, moved, in many colours of skin and background.


# %%
def draw_hand(fingers: int, rng: np.random.Generator) -> Any:
    skin = np.array([90, 55, 35]) + rng.uniform(0, 1) * np.array([150, 145, 135])
    ground = rng.uniform(0, 255, 3)
    ground += 90 * np.sign(ground.mean() - skin.mean())  # a hand is seen against its ground
    image = Image.new("RGB", (128, 96), tuple(np.clip(ground, 0, 255).astype(int).tolist()))
    draw, color = ImageDraw.Draw(image), tuple(skin.astype(int).tolist())
    x, y, turn, scale = 64 + rng.normal(0, 3), 58 + rng.normal(0, 3), rng.normal(0, 0.12), rng.uniform(0.9, 1.15)
    for angle in np.array([-0.6, -0.2, 0.2, 0.6, -1.3])[:fingers] + turn + rng.normal(0, 0.04, fingers):
        tip = x + 42 * scale * np.sin(angle), y - 42 * scale * np.cos(angle)
        draw.line([(x, y), tip], fill=color, width=round(7 * scale))
    r = 16 * scale
    draw.ellipse([x - r, y - r, x + r, y + r], fill=color)
    noise = rng.normal(0, 8, (96, 128, 3))
    return Image.fromarray((np.asarray(image.filter(ImageFilter.GaussianBlur(1))) + noise).clip(0, 255).astype("uint8"))


each = 80 if QUICK else 250
folder = pathlib.Path(os.environ.get("IMAGES", OUT / f"signs_{each}"))
if "IMAGES" not in os.environ:
    hands = np.random.default_rng(0)
    for fingers in range(6):
        (folder / str(fingers)).mkdir(parents=True, exist_ok=True)
        for k in range(each):
            draw_hand(fingers, hands).save(folder / str(fingers) / f"{k:03}.png")
images = ImageFolder(folder, size=32)
order = np.random.default_rng(1).permutation(len(images))
test = [images[i] for i in order[: len(order) // 5]]
train = [images[i] for i in order[len(order) // 5 :]]  # small: kept in memory; else give the loader the data set
print(f"{len(images)} images of the classes {', '.join(images.classes)}; {len(test)} of them for the test")

# %%
rng = tg.random.default_rng(0)
model = nn.Sequential(
    nn.Conv2d(3, 16, 5, stride=2, padding=2, rng=rng),
    nn.BatchNorm2d(16),
    nn.ReLU(),
    nn.Conv2d(16, 32, 3, padding=1, rng=rng),
    nn.BatchNorm2d(32),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Flatten(),
    nn.Dropout(0.3, rng=rng),
    nn.Linear(32 * 64, len(images.classes), rng=rng),
)
epochs = 15
loader = data.DataLoader(train, 32, shuffle=True, rng=tg.random.default_rng(1))
optimizer = optim.Adam(model.parameters(), lr=0.003)
schedule = optim.CosineAnnealingLR(optimizer, epochs * len(loader))
for _ in range(epochs):
    for x, y in loader:
        loss = F.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
model.eval()
test_x, test_y = data.collate(test)
with tg.no_grad():
    scores: np.ndarray = model(test_x).data
reached = nn.metrics.accuracy(scores, test_y)
print(f"test accuracy {reached:.1%}; by chance {1 / len(images.classes):.1%}")
print("rows: the class; columns: what it was taken for")
print(nn.metrics.confusion_matrix(scores, test_y, len(images.classes)))

# %%
figure, axes = plt.subplots(3, 8, figsize=(11, 4.8), layout="constrained")
for k, axis in enumerate(axes.flat):
    axis.axis("off")
    if k >= len(test):
        continue
    axis.imshow((test_x.data[k].transpose(1, 2, 0) + 1) / 2)
    name, guess = images.classes[int(test_y.data[k])], images.classes[int(scores[k].argmax())]
    axis.set_title(guess if guess == name else f"{guess}, is {name}", color="black" if guess == name else "#d55e00")
figure.suptitle(f"what the network says, test accuracy {reached:.1%}")
figure.savefig(OUT / "07_image_folder.png", dpi=110)
print("picture:", OUT / "07_image_folder.png")

# %%
assert "IMAGES" in os.environ or reached > (0.7 if QUICK else 0.9)
