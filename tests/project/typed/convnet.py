"""A small ConvNet on digits: a convolution by hand on one window, then layers, summary and saved weights."""

import pathlib
import sys

import numpy as np

import tinygrad_edu as tg
from tinygrad_edu import data, nn, optim
from tinygrad_edu.nn import functional as F


class ConvNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, kernel_size=3, padding=1)
        self.conv2 = nn.Conv2d(6, 12, kernel_size=3)
        self.norm = nn.BatchNorm2d(12)
        self.fc = nn.Linear(12, 10)

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.relu(self.norm(self.conv2(x)))
        x = F.avg_pool2d(x, 2)
        return self.fc(x.flatten(1))


def window(image: tg.Tensor, kernel: tg.Tensor, row: int, column: int) -> tg.Tensor:
    f = kernel.shape[-1]
    return (image[..., row : row + f, column : column + f] * kernel).sum()


def accuracy(model: ConvNet, x: tg.Tensor, y: tg.Tensor) -> float:
    model.eval()
    with tg.no_grad():
        share = (model(x).argmax(dim=1) == y).astype(tg.float32).mean()
    model.train()
    return share.item()


def main(folder: pathlib.Path) -> None:
    tg.manual_seed(0)
    images, labels = data.load_digits()
    x, y, x_test, y_test = images[:1500], labels[:1500], images[1500:], labels[1500:]
    x, x_test = x.reshape(-1, 1, 8, 8), x_test.reshape(-1, 1, 8, 8)
    model = ConvNet()
    weight, bias = model.conv1.weight, model.conv1.bias
    assert bias is not None
    first = model.conv1(x[:1])
    assert np.isclose(first[0, 2, 3, 4].item(), (window(x[0, 0], weight[2, 0], 2, 3) + bias[2]).item(), atol=1e-5)

    optimizer = optim.Adam(model.parameters(), lr=0.01)
    loader = data.DataLoader(data.TensorDataset(x[:512], y[:512]), batch_size=64, shuffle=True)
    for _ in range(2):
        for images, labels in loader:
            loss = F.cross_entropy(model(images), labels)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
    print(model.summary((1, 1, 8, 8)))
    print(sum(p.size for p in model.parameters()), accuracy(model, x_test, y_test))
    path = folder / "convnet.safetensors"
    tg.save(path, model.state_dict())
    other = ConvNet()
    other.load_state_dict(tg.load(path))
    assert accuracy(other, x_test, y_test) == accuracy(model, x_test, y_test)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "."))
