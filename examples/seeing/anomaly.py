"""detect_anomaly names the first inf or nan: the operation, its inputs, your line."""

import tinygrad_edu as tg
from tinygrad_edu import viz

x = tg.Tensor([4.0, 0.0], requires_grad=True)
try:
    with viz.detect_anomaly():
        loss = tg.sqrt(x).sum()
        loss.backward()
except viz.AnomalyError as error:
    print(error)
    print(error.draw().save("out/anomaly.svg"))

with viz.detect_anomaly():  # what where leaves out does no harm
    safe = tg.where(x > 0, tg.log(x), 0.0).sum()
    safe.backward()
print(x.grad)
