"""Reference values of core/distributions, from PyTorch in f64.

    python3 tools/golden/distributions.py tests/core/distributions/golden.safetensors

Of each case: param.K, value, p (what icdf is asked), and for each method that PyTorch has NAME, with the gradients of its
sum NAME/grad.K of parameters and NAME/grad.x of the value. A case "kl NAME" has the parameters of both distributions.
"""
import sys

import torch
import torch.distributions as D
from safetensors.torch import save_file
from torch.distributions import transforms as T

torch.set_default_dtype(torch.float64)
torch.manual_seed(1)
D.Distribution.set_default_validate_args(False)
tensors = {}


def put(key, t):
    tensors[key] = t.detach().contiguous().clone()


def gradients(key, out, inputs):
    leaves = [(n, t) for n, t in inputs if t.requires_grad]
    put(key, out)
    if not out.requires_grad or not out.is_floating_point():
        return
    for (n, _), g in zip(leaves, torch.autograd.grad(out.sum(), [t for _, t in leaves], allow_unused=True)):
        if g is not None and not torch.isnan(g).all():
            put(f"{key}/grad.{n}", g)


def case(name, make, params, value, p=None, lacks=()):
    """lacks: methods that Hearth's class has not."""
    params = [torch.as_tensor(x).detach().clone() for x in params]
    for x in params:
        if x.is_floating_point():
            x.requires_grad_()
    value = torch.as_tensor(value)
    if value.is_floating_point():
        value = value.clone().requires_grad_()
    for k, x in enumerate(params):
        put(f"{name}/param.{k}", x)
    put(f"{name}/value", value)
    named = [(str(k), x) for k, x in enumerate(params)]
    for method in ("mean", "mode", "variance", "stddev"):
        try:
            out = getattr(make(*params), method)
        except NotImplementedError:
            continue
        if method not in lacks:
            gradients(f"{name}/{method}", out, named)
    for method in ("entropy", "perplexity"):
        try:
            out = getattr(make(*params), method)()
        except NotImplementedError:
            continue
        if method not in lacks:
            gradients(f"{name}/{method}", out, named)
    for method in ("log_prob", "cdf"):
        try:
            out = getattr(make(*params), method)(value)
        except NotImplementedError:
            continue
        if method not in lacks:
            gradients(f"{name}/{method}", out, named + [("x", value)])
    if p is not None:
        p = torch.tensor(p, requires_grad=True)
        put(f"{name}/p", p)
        gradients(f"{name}/icdf", make(*params).icdf(p), named + [("x", p)])
    d = make(*params)
    if d.has_enumerate_support:
        put(f"{name}/enumerate_support", d.enumerate_support())
        put(f"{name}/enumerate_support_unexpanded", d.enumerate_support(expand=False))


def kl(name, p, q, a, b):
    a = [torch.as_tensor(x).clone().requires_grad_() for x in a]
    b = [torch.as_tensor(x).clone().requires_grad_() for x in b]
    out = D.kl_divergence(p(*a), q(*b))
    for k, x in enumerate(a + b):
        put(f"kl {name}/param.{k}", x)
    gradients(f"kl {name}/kl", out, [(str(k), x) for k, x in enumerate(a + b)])


LOC, SCALE = [[0.0], [-1.5]], [0.5, 1.0, 3.0]
REAL = [[0.25, -2.0, 1.0], [1.5, -1.5, 40.0]]
POSITIVE = [[0.25, 2.0, 1.0], [1.5, 0.001, 30.0]]
UNIT = [[0.25, 0.5, 0.9], [1e-3, 0.999, 0.1]]
P = [[0.05, 0.5, 0.9], [1e-4, 0.25, 0.999]]
PROBS = [[0.5], [0.125]]
case("normal", D.Normal, [LOC, SCALE], REAL, P)
case("log normal", D.LogNormal, [LOC, SCALE], POSITIVE, P)
case("half normal", D.HalfNormal, [SCALE], POSITIVE, P)
case("uniform", D.Uniform, [[-2.0, 0.0, 1.0], [1.0, 0.5, 41.0]], [[0.25, 0.25, 1.5], [-2.0, 0.0, 40.0]], P)
case("exponential", D.Exponential, [SCALE], POSITIVE, P)
case("laplace", D.Laplace, [LOC, SCALE], REAL, P)
case("cauchy", D.Cauchy, [LOC, SCALE], REAL, P)
case("gumbel", D.Gumbel, [LOC, SCALE], [[0.25, -2.0, 1.0], [1.5, -1.5, 4.0]], P)
case("half cauchy", D.HalfCauchy, [SCALE], POSITIVE, P)
case("weibull", D.Weibull, [SCALE, [[1.5], [4.0]]], [0.25, 1.5, 4.0], P)
case("pareto", D.Pareto, [SCALE, [[2.5], [3.0], [4.0]]], [0.75, 1.5, 40.0], P[0])
case("inverse gamma", D.InverseGamma, [[[0.75], [1.5], [7.5]], SCALE], [0.25, 2.0, 9.0], lacks=("cdf",))
case("negative binomial", D.NegativeBinomial, [[[0.75], [4.0]], [0.3, 0.6, 0.83]], [0.0, 1.0, 9.0])
case("negative binomial logits", lambda n, x: D.NegativeBinomial(n, logits=x), [[[0.75], [4.0]], [0.25, -2.0, 1.0]],
     [0.0, 1.0, 9.0])
case("student t", D.StudentT, [[[0.5], [1.5], [7.0]], [0.0, -1.0, 1.0], SCALE], [0.25, -2.0, 8.0])
case("gamma", D.Gamma, [[[0.25], [1.0], [7.5]], SCALE], [0.25, 2.0, 9.0], lacks=("cdf",))
case("chi2", D.Chi2, [[0.5, 2.0, 9.0]], [0.25, 2.0, 9.0], lacks=("cdf",))
case("beta", D.Beta, [[[1.25], [1.5], [7.5]], SCALE], [0.25, 0.001, 0.999])
case("dirichlet", D.Dirichlet, [[[0.25, 0.5, 1.75], [1.5, 2.0, 7.0]]], [[0.25, 0.5, 0.25], [0.001, 0.009, 0.99]])
case("poisson", D.Poisson, [SCALE], [[0, 1, 2], [3, 0, 40]])
case("geometric", D.Geometric, [PROBS], [0, 1, 5])
case("geometric logits", lambda x: D.Geometric(logits=x), [[[1.5], [-2.0]]], [0, 1, 5])
case("bernoulli", D.Bernoulli, [PROBS], [0.0, 1.0, 1.0])
case("bernoulli certain", D.Bernoulli, [[0.0, 1.0]], [0.0, 1.0])
case("bernoulli logits", lambda x: D.Bernoulli(logits=x), [[[1.5], [-20.0]]], [0.0, 1.0, 1.0])
case("binomial", D.Binomial, [5.0, PROBS], [0.0, 1.0, 5.0])
case("binomial logits", lambda n, x: D.Binomial(n, logits=x), [5.0, [[1.5], [-3.0]]], [0.0, 1.0, 5.0])
WEIGHTS = [[0.5, 0.25, 1.25], [1.0, 3.0, 1.0]]
LOGITS = [[0.5, -0.25, 1.25], [-50.0, 3.0, 0.0]]
case("categorical", D.Categorical, [WEIGHTS], [[0, 2], [1, 1], [2, 0]])
case("categorical with a zero", D.Categorical, [[0.0, 0.5, 0.5]], [0, 1])
case("categorical logits", lambda x: D.Categorical(logits=x), [LOGITS], [[0, 2], [1, 1], [2, 0]])
ONE_HOT = [[[1.0, 0, 0], [0, 0, 1.0]], [[0, 1.0, 0], [0, 1.0, 0]]]
case("one hot", D.OneHotCategorical, [WEIGHTS], ONE_HOT)
case("one hot logits", lambda x: D.OneHotCategorical(logits=x), [LOGITS], ONE_HOT)
COUNTS = [[[3.0, 1, 0], [0, 0, 4.0]], [[1.0, 1, 2], [4.0, 0, 0]]]
case("multinomial", lambda x: D.Multinomial(4, x), [WEIGHTS], COUNTS)
case("multinomial logits", lambda x: D.Multinomial(4, logits=x), [LOGITS], COUNTS)
MATRIX = torch.tensor([[[2.0, 0.5], [0.5, 1.0]], [[1.0, -0.25], [-0.25, 4.0]]])
VECTOR = [[0.5, -1.0], [2.0, 0.0]]
case("multivariate normal", lambda l, c: D.MultivariateNormal(l, c), [[0.5, 1.0], MATRIX], VECTOR)
case("multivariate normal precision", lambda l, c: D.MultivariateNormal(l, precision_matrix=c), [VECTOR, MATRIX], [0.5, 3])
case("multivariate normal scale", lambda l, c: D.MultivariateNormal(l, scale_tril=c),
     [VECTOR, torch.linalg.cholesky(MATRIX)], VECTOR)
case("independent", lambda l, s: D.Independent(D.Normal(l, s), 1), [LOC, SCALE], REAL)
case("independent 2", lambda l, s: D.Independent(D.Normal(l, s), 2), [LOC, SCALE], REAL)
case("independent bernoulli", lambda x: D.Independent(D.Bernoulli(x), 1), [[[0.5, 0.25], [0.125, 0.75]]], [1.0, 0.0])
case("relaxed bernoulli", D.RelaxedBernoulli, [0.75, PROBS], [0.25, 0.5, 0.99])
case("relaxed bernoulli logits", lambda t, x: D.RelaxedBernoulli(t, logits=x), [2.0, PROBS], [0.25, 0.5, 0.99])
case("relaxed one hot", D.RelaxedOneHotCategorical, [0.75, WEIGHTS], [[0.25, 0.5, 0.25], [0.01, 0.98, 0.01]])
case("mixture", lambda w, l, s: D.MixtureSameFamily(D.Categorical(w), D.Normal(l, s)),
     [WEIGHTS, [[0.0, 1.0, -2.0], [3.0, 0.0, 1.0]], SCALE], [[0.25, 1.0], [-3.0, 2.0]])
case("mixture of vectors", lambda w, l, s: D.MixtureSameFamily(D.Categorical(w), D.Independent(D.Normal(l, s), 1)),
     [[0.25, 0.75], [[0.0, 1.0, -2.0], [3.0, 0.0, 1.0]], [[0.5, 1, 2], [1, 1, 1.0]]], REAL)
case("transformed", lambda l, s: D.TransformedDistribution(
    D.Normal(l, s), [T.AffineTransform(1.0, -0.5), T.SigmoidTransform()]), [LOC, SCALE], UNIT, P)
case("transformed tanh", lambda l, s: D.TransformedDistribution(D.Normal(l, s), [T.TanhTransform()]), [LOC, SCALE],
     [[0.25, -0.5, 0.9], [0.0, -0.9, 0.1]], P)
case("transformed exp", lambda l, s: D.TransformedDistribution(D.Laplace(l, s), [T.ExpTransform()]), [LOC, SCALE],
     POSITIVE, P)
case("transformed vectors", lambda l, s: D.TransformedDistribution(
    D.Independent(D.Normal(l, s), 1), [T.ExpTransform()]), [LOC, SCALE], POSITIVE)

A, B = [[0.5], [2.0]], [0.75, 1.0, 4.0]
NORMAL, GAMMA, UNIFORM = ([[0.0], [1.5]], B), (A, B), ([-1.0, 0.25, 0.5], [1.5, 0.75, 1.0])
made = {"normal": (D.Normal, NORMAL), "laplace": (D.Laplace, NORMAL), "gumbel": (D.Gumbel, NORMAL),
        "cauchy": (D.Cauchy, NORMAL), "gamma": (D.Gamma, GAMMA), "beta": (D.Beta, GAMMA), "uniform": (D.Uniform, UNIFORM),
        "exponential": (D.Exponential, (B,)), "poisson": (D.Poisson, (B,)), "bernoulli": (D.Bernoulli, ([0.25, 0.5, 0.0],)),
        "binomial": (D.Binomial, (3.0, [0.25, 0.5, 0.75]))}
OTHER = {"normal": (0.5, 2.0), "laplace": (0.5, 2.0), "gumbel": (0.5, 2.0), "cauchy": (0.5, 2.0), "gamma": (1.5, 0.5),
         "beta": (1.5, 2.5), "uniform": (0.0, 1.0), "exponential": (1.5,), "poisson": (2.0,), "bernoulli": (0.125,),
         "binomial": (3.0, 0.125)}
for a, (p, x) in made.items():
    for b, (q, _) in made.items():
        try:
            kl(f"{a} {b}", p, q, x, OTHER[b])
        except NotImplementedError:
            pass  # none is known
for name, p, x, y in (
        ("chi2 gamma", (D.Chi2, D.Gamma), ([1.0, 3.0],), (1.5, 0.5)),
        ("pareto pareto", D.Pareto, ([1.0, 0.25], 2.0), (0.5, 0.75)),
        ("inverse gamma inverse gamma", D.InverseGamma, ([1.0, 3.0], 2.0), (1.5, 0.75)),
        ("half normal half normal", D.HalfNormal, ([1.0, 3.0],), (1.5,)),
        ("log normal log normal", D.LogNormal, ([1.0, 3.0], 0.5), (1.5, 2.0)),
        ("geometric geometric", D.Geometric, ([0.5, 0.25],), (0.125,)),
        ("dirichlet dirichlet", D.Dirichlet, ([[0.5, 1.5], [2.0, 3.0]],), ([1.0, 0.25],)),
        ("categorical categorical", D.Categorical, ([[0.5, 1.5], [0.0, 3.0]],), ([1.0, 0.25],)),
        ("one hot one hot", D.OneHotCategorical, ([[0.5, 1.5], [2.0, 3.0]],), ([1.0, 0.0],)),
        ("multivariate normal multivariate normal", D.MultivariateNormal, ([0.5, 1.0], MATRIX), (VECTOR, torch.eye(2) * 2)),
        ("independent independent", lambda l, s: D.Independent(D.Normal(l, s), 1), NORMAL, (0.5, [2.0, 1.0, 1.0]))):
    f, g = p if isinstance(p, tuple) else (p, p)
    kl(name, f, g, x, y)
save_file(tensors, sys.argv[1], {"made by": f"PyTorch {torch.__version__}"})
