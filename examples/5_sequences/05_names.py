# %% [markdown]
# # Names, letter by letter
#
# Course 5: a character-level RNN learns from a list of dinosaurs what their names sound like, and makes up new ones.

# %%
import os
import pathlib

import numpy as np
from matplotlib.figure import Figure

import tinygrad_edu as tg
import tinygrad_edu.nn.functional as F
from tinygrad_edu import nn, optim

QUICK = "QUICK" in os.environ
OUT = pathlib.Path(os.environ.get("OUT", "out"))
OUT.mkdir(parents=True, exist_ok=True)
NAMES = """abelisaurus abrictosaurus aegyptosaurus albertosaurus alioramus allosaurus amargasaurus amygdalodon
anchiceratops ankylosaurus apatosaurus aralosaurus archaeopteryx argentinosaurus aucasaurus avaceratops bagaceratops
barosaurus baryonyx beipiaosaurus brachiosaurus byronosaurus camarasaurus camptosaurus caudipteryx centrosaurus
ceratosaurus cetiosaurus chasmosaurus chindesaurus citipati compsognathus conchoraptor corythosaurus cryolophosaurus
dacentrurus daspletosaurus datousaurus deinonychus dicraeosaurus dilophosaurus diplodocus dromaeosaurus dryosaurus
edmontonia einiosaurus elaphrosaurus eoraptor euhelopus euoplocephalus europasaurus fukuisaurus gargoyleosaurus
gasosaurus gastonia gigantosaurus gilmoreosaurus giraffatitan gorgosaurus hadrosaurus herrerasaurus homalocephale
huayangosaurus hylaeosaurus hypacrosaurus hypsilophodon incisivosaurus irritator isisaurus janenschia jaxartosaurus
kentrosaurus kotasaurus lambeosaurus leptoceratops lesothosaurus lexovisaurus liliensternus lufengosaurus lurdusaurus
magyarosaurus maiasaura majungasaurus malawisaurus mamenchisaurus massospondylus megalosaurus microceratops minmi
monolophosaurus mononykus mussaurus nedoceratops nemegtosaurus nigersaurus nodosaurus omeisaurus ornitholestes
ornithomimus orodromeus othnielia oviraptor panoplosaurus parasaurolophus pelecanimimus pentaceratops pinacosaurus
plateosaurus poekilopleuron prenocephale protoceratops protohadros psittacosaurus quaesitosaurus rebbachisaurus
rhoetosaurus rinchenia riojasaurus rugops saichania saltasaurus saltopus saurolophus sauropelta saurophaganax
saurornithoides scelidosaurus scutellosaurus secernosaurus seismosaurus shamosaurus shunosaurus silvisaurus
sinosauropteryx sinraptor spinosaurus stegoceras stegosaurus struthiomimus styracosaurus suchomimus supersaurus
talarurus tarchia telmatosaurus tenontosaurus therizinosaurus torosaurus torvosaurus triceratops tsintaosaurus
tuojiangosaurus tylocephale tyrannosaurus udanoceratops utahraptor valdosaurus vulcanodon zalmoxes zephyrosaurus"""
LETTERS = "\nabcdefghijklmnopqrstuvwxyz"  # the line's end starts a name and ends it
rng, chance = tg.random.default_rng(0), np.random.default_rng(0)
names = chance.permutation(NAMES.split())


def encoded(names):
    """`x<t>` and `y<t> = x<t+1>`, `(names, T)`; -100 marks what comes after the end, and is not counted."""
    x = np.array([[LETTERS.index(c) for c in f"\n{name}".ljust(17, "\n")] for name in names])
    ends = np.array([len(name) for name in names])[:, None]
    y = np.concatenate([x[:, 1:], 0 * x[:, :1]], axis=1)
    return x, np.where(np.arange(17) <= ends, y, -100)


train, test = encoded(names[30:]), encoded(names[:30])


# %% [markdown]
# The output of each step is a guess of the next letter. (Sequences are `(time, batch, features)` in `nn`.)
# %%
class Speller(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.embed, self.cells = nn.Embedding(27, 16, rng=rng), nn.RNN(16, n, rng=rng)
        self.drop, self.read = nn.Dropout(0.3, rng=rng), nn.Linear(n, 27, rng=rng)

    def forward(self, x, state=None):
        a, state = self.cells(self.embed(x.T), state)
        return self.read(self.drop(a)).swapaxes(0, 1), state


def bits(x, y):
    with tg.no_grad():
        return F.cross_entropy(model(x)[0].reshape(-1, 27), y.reshape(-1)).item() / np.log(2)


model = Speller(64)
optimizer = optim.Adam(model.parameters(), lr=0.005)
curve = []
for step in range(100 if QUICK else 160):
    chosen = rng.integers(len(train[0]), size=32)
    loss = F.cross_entropy(model(train[0][chosen])[0].reshape(-1, 27), train[1][chosen].reshape(-1))
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)  # gradients through time explode now and then
    optimizer.step()
    if step % 10 == 9:
        model.eval()
        curve.append((step + 1, bits(*train), bits(*test)))
        model.train()
model.eval()


# %%
def sample(temperature=0.7):
    letters, state = [0], None
    with tg.no_grad():
        while len(letters) < 17 and (len(letters) == 1 or letters[-1]):
            score, state = model(np.array([letters[-1:]]), state)
            p = F.softmax(score[0, 0].astype(np.float64) / temperature).numpy()
            letters.append(chance.choice(27, p=p))
    return "".join(LETTERS[k] for k in letters).strip()


new = [sample() for _ in range(60)]
print("made up:", ", ".join(name for name in new[:14] if name not in names))
shares = np.bincount(train[1][train[1] >= 0], minlength=27) + 1.0
alone = -np.log2((shares / shares.sum())[test[1][test[1] >= 0]]).mean()
print(f"bits per letter of 30 unseen names: {curve[-1][2]:.2f}, by how frequent letters are {alone:.2f}")

# %%
figure = Figure(figsize=(11, 4.5), layout="constrained")
left, right = figure.subplots(1, 2, width_ratios=(1, 1.5))
steps, learned, unseen = zip(*curve, strict=True)
left.plot(steps, learned, label="names it learns from")
left.plot(steps, unseen, label="unseen names")
left.axhline(alone, color="black", linestyle=":", label="letters alone")
left.set(xlabel="step", ylabel="bits per letter")
left.legend()
with tg.no_grad():
    p = F.softmax(model(encoded(["triceratops"])[0])[0][0, :12]).numpy()
right.imshow(p.T, cmap="Blues", aspect="auto", vmin=0, vmax=1)
right.set_yticks(range(27), ["end", *LETTERS[1:]], fontsize=7)
right.set_xticks(range(12), ["start", *"triceratops"])
right.set(title="its guess of the next letter, after each letter")
figure.savefig(OUT / "names.png")

# %%
assert curve[-1][2] < alone - 1
assert sum(name.endswith("saurus") for name in new) >= 5
assert sum(name not in names for name in new) >= 30
