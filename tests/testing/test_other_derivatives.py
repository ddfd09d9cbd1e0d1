# ruff: noqa: SIM905
"""Public derivatives of other libraries, five hundred of them: none is called wrong."""

import numpy as np
import pytest
from scipy import optimize, special
from sklearn._loss import loss as losses
from sklearn.gaussian_process import kernels

from tinygrad_edu import testing

torch = pytest.importorskip("torch")
discrete_model = pytest.importorskip("statsmodels.discrete.discrete_model")
families = pytest.importorskip("statsmodels.genmod.families")
GLM = pytest.importorskip("statsmodels.genmod.generalized_linear_model").GLM

rng = np.random.default_rng(7)
CHECKS = []  # (name, a call that gives a report)


def add(name, check, *arguments, **settings):
    CHECKS.append((name, lambda: check(*arguments, raises=False, **settings)))


def slopes(name, f, df, *points):
    """An elementwise function and its derivative, at several points."""
    for x in points:
        add(f"{name} at {x}", testing.check_derivative, f, df, np.asarray(x, dtype=float))


# scipy.special: functions with the functions that are their derivatives

for n in range(4):
    points = (0.4, 1.7, 6.3)
    slopes(f"jv({n})", lambda x, n=n: special.jv(n, x), lambda x, n=n: special.jvp(n, x), *points)
    slopes(f"yv({n})", lambda x, n=n: special.yv(n, x), lambda x, n=n: special.yvp(n, x), *points)
    slopes(f"iv({n})", lambda x, n=n: special.iv(n, x), lambda x, n=n: special.ivp(n, x), *points)
    slopes(f"kv({n})", lambda x, n=n: special.kv(n, x), lambda x, n=n: special.kvp(n, x), *points)
    for name in ("jn", "yn", "in", "kn"):
        f = getattr(special, f"spherical_{name}")
        df = lambda x, n=n, f=f: f(n, x, derivative=True)
        slopes(f"spherical_{name}({n})", lambda x, n=n, f=f: f(n, x), df, *points)
    slopes(
        f"polygamma({n})",
        lambda x, n=n: special.polygamma(n, x),
        lambda x, n=n: special.polygamma(n + 1, x),
        0.3,
        2.5,
        9.0,
    )
    for name in ("legendre", "chebyt", "hermite", "laguerre"):
        p = getattr(special, name)(n + 1)
        slopes(f"{name}({n + 1})", p, p.deriv(), -0.6, 0.3, 0.9)
for k in (0, 2):
    airy = lambda x, k=k: special.airy(x)[k]
    slopes(f"airy[{k}]", airy, lambda x, k=k: special.airy(x)[k + 1], -2.5, -0.4, 0.7, 1.9)
    slopes(
        f"derivative of airy[{k}]",
        lambda x, k=k: special.airy(x)[k + 1],
        lambda x, k=k: x * special.airy(x)[k],
        -1.5,
        0.8,
    )
for n in range(3):
    for name in ("ber", "bei", "ker", "kei"):
        slopes(name, getattr(special, name), getattr(special, f"{name}p"), 0.5 + n, 2.2 + n)
GAUSS = 2 / np.sqrt(np.pi)
ONE_LINE = [
    ("gammaln", special.gammaln, special.digamma, (0.3, 1.5, 7.0)),
    ("gamma", special.gamma, lambda x: special.gamma(x) * special.digamma(x), (0.3, 1.5, 5.0)),
    ("erf", special.erf, lambda x: GAUSS * np.exp(-x * x), (-1.2, 0.1, 0.9)),
    ("erfc", special.erfc, lambda x: -GAUSS * np.exp(-x * x), (-1.2, 0.1, 0.9)),
    ("erfcx", special.erfcx, lambda x: 2 * x * special.erfcx(x) - GAUSS, (-0.7, 0.2, 1.1)),
    ("dawsn", special.dawsn, lambda x: 1 - 2 * x * special.dawsn(x), (-0.7, 0.2, 1.1)),
    ("ndtr", special.ndtr, lambda x: np.exp(-x * x / 2) / np.sqrt(2 * np.pi), (-1.0, 0.3, 2.0)),
    (
        "log_ndtr",
        special.log_ndtr,
        lambda x: np.exp(-x * x / 2 - special.log_ndtr(x)) / np.sqrt(2 * np.pi),
        (-3.0, 0.3, 2.0),
    ),
    ("expit", special.expit, lambda x: special.expit(x) * special.expit(-x), (-2.0, 0.0, 3.0)),
    ("log_expit", special.log_expit, lambda x: special.expit(-x), (-2.0, 0.1, 3.0)),
    ("logit", special.logit, lambda p: 1 / (p * (1 - p)), (0.1, 0.5, 0.8)),
    ("entr", special.entr, lambda x: -np.log(x) - 1, (0.2, 0.9, 4.0)),
    ("exp1", special.exp1, lambda x: -np.exp(-x) / x, (0.3, 1.0, 4.0)),
    ("expi", special.expi, lambda x: np.exp(x) / x, (0.3, 1.0, 4.0)),
    ("spence", special.spence, lambda x: np.log(x) / (1 - x), (0.3, 1.4, 3.0)),
    (
        "ellipk",
        special.ellipk,
        lambda m: (special.ellipe(m) - (1 - m) * special.ellipk(m)) / (2 * m * (1 - m)),
        (0.2, 0.5, 0.8),
    ),
    ("ellipe", special.ellipe, lambda m: (special.ellipe(m) - special.ellipk(m)) / (2 * m), (0.2, 0.5, 0.8)),
    (
        "lambertw",
        lambda x: special.lambertw(x).real,
        lambda x: (special.lambertw(x) / (x * (1 + special.lambertw(x)))).real,
        (0.3, 1.0, 5.0),
    ),
    ("i0e", special.i0e, lambda x: special.i1e(x) - np.sign(x) * special.i0e(x), (0.4, 1.5, 4.0)),
    ("sici", lambda x: special.sici(x)[0], lambda x: np.sin(x) / x, (0.4, 1.5, 4.0)),
    ("fresnel", lambda x: special.fresnel(x)[0], lambda x: np.sin(np.pi * x * x / 2), (0.4, 1.1, 1.9)),
    (
        "betaln",
        lambda x: special.betaln(x, 2.5),
        lambda x: special.digamma(x) - special.digamma(x + 2.5),
        (0.4, 1.5, 4.0),
    ),
    (
        "betainc",
        lambda x: special.betainc(2.0, 3.0, x),
        lambda x: x * (1 - x) ** 2 / special.beta(2.0, 3.0),
        (0.1, 0.4, 0.8),
    ),
    (
        "gammainc",
        lambda x: special.gammainc(2.5, x),
        lambda x: x**1.5 * np.exp(-x) / special.gamma(2.5),
        (0.4, 1.5, 4.0),
    ),
    ("xlogy", lambda x: special.xlogy(x, x), lambda x: np.log(x) + 1, (0.4, 1.5, 4.0)),
    ("huber", lambda x: special.huber(1.0, x), lambda x: np.clip(x, -1, 1), (-2.0, 0.3, 1.7)),
    ("pseudo_huber", lambda x: special.pseudo_huber(1.0, x), lambda x: x / np.sqrt(1 + x * x), (-2.0, 0.3, 1.7)),
    ("exprel", special.exprel, lambda x: (np.exp(x) - special.exprel(x)) / x, (-2.0, 0.5, 1.7)),
    ("kl_div", lambda x: special.kl_div(x, 2.0), lambda x: np.log(x / 2.0), (0.4, 1.5, 4.0)),
]
for name, f, df, points in ONE_LINE:
    slopes(name, f, df, *points)

# scipy.optimize

for n in (2, 3, 5, 8):
    for scale in (0.5, 1.5):
        x = scale * rng.standard_normal(n)
        add(f"rosen_der, {n}", testing.check_derivative, optimize.rosen, optimize.rosen_der, x)
        add(f"rosen_hess, {n}", testing.check_hessian, optimize.rosen, optimize.rosen_hess, x, grad=optimize.rosen_der)
        add(
            f"rosen_hess_prod, {n}",
            testing.check_hvp,
            optimize.rosen,
            optimize.rosen_hess_prod,
            x,
            grad=optimize.rosen_der,
        )

# scikit-learn: losses, and kernels of Gaussian processes

Y = {
    "HalfSquaredError": rng.standard_normal(4), "AbsoluteError": rng.standard_normal(4), "PinballLoss": rng.standard_normal(4),
    "HuberLoss": rng.standard_normal(4), "HalfPoissonLoss": np.array([0.0, 1.0, 3.0, 2.0]), "HalfGammaLoss": np.array([0.5, 1.0, 3.0, 2.0]),
    "HalfTweedieLoss": np.array([0.0, 1.0, 3.0, 2.0]), "HalfTweedieLossIdentity": np.array([0.5, 1.0, 3.0, 2.0]),
    "HalfBinomialLoss": np.array([0.0, 1.0, 1.0, 0.0]), "ExponentialLoss": np.array([0.0, 1.0, 1.0, 0.0]),
}  # fmt: skip
for name, y in Y.items():
    one = getattr(losses, name)()
    for scale in (0.3, 1.0, 2.5):
        raw = scale * rng.standard_normal(4)
        raw = np.abs(raw) + 0.2 if name.endswith("Identity") else raw
        value = lambda r, one=one, y=y: float(np.sum(one.loss(y_true=y, raw_prediction=np.ascontiguousarray(r))))
        slope = lambda r, one=one, y=y: one.gradient(y_true=y, raw_prediction=np.ascontiguousarray(r))
        add(f"{name}, {scale}", testing.check_derivative, value, slope, raw)
many = losses.HalfMultinomialLoss(n_classes=3)
labels = np.array([0.0, 2.0, 1.0, 1.0])
for scale in (0.3, 1.0, 2.5):
    value = lambda r: float(np.sum(many.loss(y_true=labels, raw_prediction=np.ascontiguousarray(r))))
    slope = lambda r: many.gradient(y_true=labels, raw_prediction=np.ascontiguousarray(r))
    add(f"HalfMultinomialLoss, {scale}", testing.check_derivative, value, slope, scale * rng.standard_normal((4, 3)))

POINTS = rng.standard_normal((3, 2))
KERNELS = [
    kernels.RBF(0.8), kernels.RBF([0.8, 1.6]), kernels.Matern(0.9, nu=0.5), kernels.Matern(0.9, nu=1.5), kernels.Matern(0.9, nu=2.5),
    kernels.RationalQuadratic(0.7, 1.3), kernels.ExpSineSquared(0.9, 1.7), kernels.DotProduct(1.2), kernels.ConstantKernel(1.4),
    kernels.WhiteKernel(0.3), kernels.RBF(0.8) + kernels.WhiteKernel(0.3), kernels.ConstantKernel(1.4) * kernels.RBF(0.8),
    kernels.Exponentiation(kernels.RBF(0.8), 2), kernels.DotProduct(1.2) * kernels.Matern(0.9, nu=1.5),
]  # fmt: skip
for kernel in KERNELS:
    for scale in (0.5, 1.0, 2.0):
        value = lambda theta, kernel=kernel, s=scale: kernel.clone_with_theta(theta)(s * POINTS)
        slope = lambda theta, kernel=kernel, s=scale: kernel.clone_with_theta(theta)(s * POINTS, eval_gradient=True)[1]
        add(f"{kernel}, {scale}", testing.check_derivative, value, slope, np.array(kernel.theta))

# statsmodels: scores and Hessians of likelihoods

DESIGN = np.column_stack([np.ones(20), rng.standard_normal((20, 2))])
COUNTS = rng.poisson(np.exp(DESIGN @ np.array([0.2, 0.3, -0.2]))).astype(float)
BINARY = (rng.uniform(size=20) < 0.5).astype(float)
MODELS = [
    discrete_model.Logit(BINARY, DESIGN), discrete_model.Probit(BINARY, DESIGN), discrete_model.Poisson(COUNTS, DESIGN),
    GLM(COUNTS, DESIGN, family=families.Poisson()), GLM(BINARY, DESIGN, family=families.Binomial()),
    GLM(COUNTS + 0.5, DESIGN, family=families.Gamma(families.links.Log())),
    GLM(COUNTS, DESIGN, family=families.NegativeBinomial(alpha=0.5)),
    GLM(COUNTS + 0.5, DESIGN, family=families.InverseGaussian(families.links.Log())),
]  # fmt: skip
for k, model in enumerate(MODELS):
    for scale in (0.1, 0.3, 0.6):
        beta = scale * rng.standard_normal(3)
        given = {"scale": 1.0} if isinstance(model, GLM) else {}
        value = lambda b, m=model, g=given: float(m.loglike(b, **g))
        slope = lambda b, m=model, g=given: m.score(b, **g)
        add(f"{type(model).__name__} {k}, score", testing.check_derivative, value, slope, beta)
        add(
            f"{type(model).__name__} {k}, hessian",
            testing.check_hessian,
            value,
            lambda b, m=model, g=given: m.hessian(b, **g),
            beta,
            grad=slope,
        )

# PyTorch's own derivatives

UNARY = (
    "sin cos tan tanh sigmoid exp expm1 square sinh cosh atan asinh erf erfc sinc i0 sgn abs relu deg2rad "
    "logit log log2 log10 log1p sqrt rsqrt reciprocal digamma lgamma acos asin atanh"
).split()  # fmt: skip
for name in UNARY:
    for x in ([0.2, 0.7], [0.4, 0.55], [[0.15, 0.35], [0.65, 0.85]]):
        # PyTorch's derivative of digamma is right to nine digits (SciPy's polygamma says so, too)
        known = {"accuracy": (1e-15, 1e-8)} if name == "digamma" else {}
        add(
            f"torch.{name}",
            testing.check_gradients,
            getattr(torch, name),
            torch.tensor(x, dtype=torch.float64),
            **known,
        )
F = torch.nn.functional
for name in (
    "gelu",
    "silu",
    "mish",
    "softplus",
    "elu",
    "selu",
    "celu",
    "leaky_relu",
    "logsigmoid",
    "softsign",
    "tanhshrink",
    "hardtanh",
):
    for scale in (0.5, 2.0):
        x = torch.tensor(scale * rng.standard_normal((2, 3)))
        add(f"F.{name}", testing.check_gradients, getattr(F, name), x)
A, B = torch.tensor(rng.standard_normal((3, 3)) + 3 * np.eye(3)), torch.tensor(rng.standard_normal((3, 2)))
PAIRS = [
    ("matmul", torch.matmul, (A, B)), ("solve", torch.linalg.solve, (A, B)), ("inv", torch.linalg.inv, (A,)), ("det", torch.linalg.det, (A,)),
    ("slogdet", lambda a: torch.linalg.slogdet(a)[1], (A,)), ("qr", lambda a: torch.linalg.qr(a)[1], (A,)), ("svdvals", torch.linalg.svdvals, (A,)),
    ("cholesky", lambda a: torch.linalg.cholesky(a @ a.T), (A,)), ("eigvalsh", lambda a: torch.linalg.eigvalsh(a + a.T), (A,)),
    ("pinv", torch.linalg.pinv, (B,)), ("norm", torch.linalg.norm, (B,)), ("cdist", torch.cdist, (A, A + 1)), ("cumsum", lambda a: torch.cumsum(a, 0), (B,)),
    ("cumprod", lambda a: torch.cumprod(a, 0), (B,)), ("logcumsumexp", lambda a: torch.logcumsumexp(a, 0), (B,)), ("softmax", lambda a: torch.softmax(a, 1), (B,)),
    ("logsumexp", lambda a: torch.logsumexp(a, 1), (B,)), ("var", torch.var, (B,)), ("prod", torch.prod, (B,)), ("sort", lambda a: torch.sort(a, 0)[0], (B,)),
    ("cross", lambda a: torch.linalg.cross(a, a.flip(0)), (A,)), ("layer_norm", lambda a: F.layer_norm(a, (3,)), (A,)), ("kron", torch.kron, (A, B)),
    ("einsum", lambda a, b: torch.einsum("ij,jk->ki", a, b), (A, B)), ("matrix_exp", torch.linalg.matrix_exp, (A / 3,)), ("atan2", torch.atan2, (A, A.T + 4)),
    ("logaddexp", torch.logaddexp, (A, A.T)), ("hypot", torch.hypot, (A, A.T)), ("cosine_similarity", F.cosine_similarity, (A, A.T)),
]  # fmt: skip
for name, f, inputs in PAIRS:
    add(f"torch {name}", testing.check_gradients, f, *inputs)


@pytest.mark.long
def test_none_of_five_hundred_derivatives_of_other_libraries_is_called_wrong():
    assert len(CHECKS) >= 500
    found = {}
    with np.errstate(all="ignore"):
        for k, (name, check) in enumerate(CHECKS):
            found[f"{k}: {name}"] = check()
    assert {name: str(report) for name, report in found.items() if report.verdict == "WRONG"} == {}
    judged = sum(report.verdict == "RIGHT" for report in found.values())
    assert judged >= 0.95 * len(found), {name: r.verdict for name, r in found.items() if r.verdict != "RIGHT"}
