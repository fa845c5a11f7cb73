"""Second-order MAML and Prototypical Networks in PyTorch, as a peer of bench/peers.

`python3 torch_maml.py <form>` reads one request a line from standard input and answers each with one line: the other side of
bench/peers/child.ts. The forms, all of the same meta-gradient:

- loop: autograd with create_graph through the inner steps, one task after another, gradients added by hand;
- loop-backward: the same, accumulated by `backward()`;
- vmap: all tasks of the meta-batch in one functorch.vmap, under functorch.grad;
- vmap-backward: autograd's `backward()` through one functorch.vmap;
- batched: all tasks by batched products written by hand, for networks of linear layers.
"""

import base64
import json
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F

RATE = 1e-3
EPSILON = 1e-5


def unpack(array):
    """A packed array: its shape, and little-endian f32 as base64."""
    data = np.frombuffer(base64.b64decode(array["data"]), dtype="<f4")
    return torch.from_numpy(data.reshape(array["shape"]).copy())


def native(tensor):
    """[in, out] to PyTorch's [out, in], [KH, KW, C, O] to its [O, C, KH, KW]."""
    if tensor.dim() == 2:
        return tensor.t().contiguous()
    if tensor.dim() == 4:
        return tensor.permute(3, 2, 0, 1).contiguous()
    return tensor


def foreign(tensor):
    """The inverse of `native`."""
    if tensor.dim() == 2:
        return tensor.t()
    if tensor.dim() == 4:
        return tensor.permute(2, 3, 1, 0)
    return tensor


def examples(packed):
    """Examples of a meta-batch [M, n, ...]; images become [M, n, C, H, W]."""
    x = unpack(packed)
    return x.permute(0, 1, 4, 2, 3).contiguous() if x.dim() == 5 else x


def fused_norm(x, scale, shift):
    """Batch normalisation of [n, C, H, W] on its own statistics."""
    return F.batch_norm(x, None, None, scale, shift, training=True, eps=EPSILON)


def composed_norm(x, scale, shift):
    """The same of simple operations: under vmap the second derivative of the fused one is wrong by 0.6 % (torch 1.13)."""
    centered = x - x.mean((0, 2, 3), keepdim=True)
    variance = (centered * centered).mean((0, 2, 3), keepdim=True)
    return centered * (torch.rsqrt(variance + EPSILON) * scale[:, None, None]) + shift[:, None, None]


class Case:
    """A workload: its network, meta-parameters and the episodes of one meta-batch."""

    def __init__(self, path, norm):
        self.norm = norm
        with open(path, encoding="utf-8") as file:
            case = json.load(file)
        self.layers = case["layers"]
        self.method = case["method"]
        self.classes = case["classes"]
        self.inner_rate = case["innerRate"]
        self.inner_steps = case["innerSteps"]
        self.names = [parameter["name"] for parameter in case["parameters"]]
        self.index = {name: i for i, name in enumerate(self.names)}
        self.params = [native(unpack(parameter)) for parameter in case["parameters"]]
        support, query = case["support"], case["query"]
        self.tasks = case["tasks"]
        self.episodes = [examples(support["x"]), unpack(support["y"]), examples(query["x"]), unpack(query["y"])]
        if self.classes > 0:
            self.episodes[1] = self.episodes[1].long()
            self.episodes[3] = self.episodes[3].long()

    def forward(self, params, x):
        def of(layer, name):
            return params[self.index[layer[name]]]

        for layer in self.layers:
            kind = layer["kind"]
            if kind == "linear":
                x = F.linear(x, of(layer, "weight"), of(layer, "bias"))
            elif kind == "conv":
                x = F.conv2d(x, of(layer, "weight"), of(layer, "bias"), stride=layer["stride"], padding=1)
            elif kind == "norm":
                x = self.norm(x, of(layer, "scale"), of(layer, "shift"))
            elif kind == "relu":
                x = F.relu(x)
            elif kind == "maxPool":
                x = F.max_pool2d(x, 2)
            elif kind == "meanSpace":
                x = x.mean((2, 3))
            elif kind == "flatten":
                x = (x.permute(0, 2, 3, 1) if x.dim() == 4 else x).reshape(x.shape[0], -1)
        return x

    def loss(self, predictions, y):
        return F.cross_entropy(predictions, y) if self.classes > 0 else F.mse_loss(predictions, y)

    def batched_losses(self, params, x, y):
        """The loss of each of M tasks, with parameters [M, ...] of its own."""
        for layer in self.layers:
            kind = layer["kind"]
            if kind == "linear":
                weight, bias = params[self.index[layer["weight"]]], params[self.index[layer["bias"]]]
                x = torch.baddbmm(bias.unsqueeze(1), x, weight.transpose(1, 2))
            elif kind == "relu":
                x = F.relu(x)
            elif kind == "flatten":
                x = x.reshape(*x.shape[:2], -1)
            else:
                raise ValueError(f"{kind} is not done by hand for several tasks")
        if self.classes > 0:
            each = F.cross_entropy(x.flatten(0, 1), y.flatten(), reduction="none")
            return each.view(y.shape).mean(1)
        return ((x - y) ** 2).mean((1, 2))

    def maml(self, params, gradient, support_x, support_y, query_x, query_y):
        """Query loss after the inner steps; `gradient(function, params)` must be differentiable itself."""
        adapted = params
        for _ in range(self.inner_steps):
            slope = gradient(lambda p: self.loss(self.forward(p, support_x), support_y), adapted)
            adapted = [p - self.inner_rate * g for p, g in zip(adapted, slope)]
        return self.loss(self.forward(adapted, query_x), query_y)

    def protonet(self, params, support_x, support_y, query_x, query_y):
        """Cross entropy of the squared distances to the classes' means."""
        member = F.one_hot(support_y, self.classes).float()
        prototypes = member.t() @ self.forward(params, support_x) / member.sum(0)[:, None]
        z = self.forward(params, query_x)
        distances = (z * z).sum(1, keepdim=True) + (prototypes * prototypes).sum(1) - 2 * z @ prototypes.t()
        return F.cross_entropy(-distances, query_y)


def differentiable(function, at):
    """Gradient that autograd can differentiate."""
    return torch.autograd.grad(function(at), at, create_graph=True)


def leaves_of(params):
    return [p.detach().requires_grad_() for p in params]


def losses_one_by_one(case, leaves, tasks):
    for i in range(tasks):
        episode = [each[i] for each in case.episodes]
        if case.method == "protonet":
            yield case.protonet(leaves, *episode)
        else:
            yield case.maml(leaves, differentiable, *episode)


def loop_gradients(case, params, tasks):
    """Meta-gradients of the mean loss over the first `tasks` episodes, task by task, added by hand."""
    leaves = leaves_of(params)
    totals = None
    for loss in losses_one_by_one(case, leaves, tasks):
        gradients = torch.autograd.grad(loss, leaves)
        totals = gradients if totals is None else [total.add_(g) for total, g in zip(totals, gradients)]
    return [total / tasks for total in totals]


def backward_gradients(case, params, tasks):
    """Task by task, accumulated by autograd in `grad`."""
    leaves = leaves_of(params)
    for loss in losses_one_by_one(case, leaves, tasks):
        (loss / tasks).backward()
    return [leaf.grad for leaf in leaves]


def vmap_gradients(case, params, tasks):
    """All tasks in one call of vmap, inside functorch's own outer gradient."""
    import functorch

    def loss(p, *episodes):
        each = functorch.vmap(lambda *episode: case.maml(p, functorch_gradient, *episode))
        return each(*episodes).mean()

    return functorch.grad(loss)(params, *[each[:tasks] for each in case.episodes])


def functorch_gradient(function, at):
    import functorch

    return functorch.grad(function)(at)


def vmap_backward_gradients(case, params, tasks):
    """All tasks in one call of vmap, and autograd's backward through it."""
    import functorch

    leaves = leaves_of(params)
    each = functorch.vmap(lambda *episode: case.maml(leaves, functorch_gradient, *episode))
    each(*[every[:tasks] for every in case.episodes]).mean().backward()
    return [leaf.grad for leaf in leaves]


def batched_gradients(case, params, tasks):
    """All tasks by batched products that are written by hand, for networks of linear layers only."""
    leaves = leaves_of(params)
    copies = [leaf.expand(tasks, *leaf.shape) for leaf in leaves]
    support_x, support_y, query_x, query_y = [each[:tasks] for each in case.episodes]
    adapted = copies
    for _ in range(case.inner_steps):
        losses = case.batched_losses(adapted, support_x, support_y)
        # A task's loss depends on its own copy alone: the gradient of the sum is that of each.
        slope = torch.autograd.grad(losses.sum(), adapted, create_graph=True)
        adapted = [p - case.inner_rate * g for p, g in zip(adapted, slope)]
    case.batched_losses(adapted, query_x, query_y).mean().backward()
    return [leaf.grad for leaf in leaves]


class Steps:
    """Whole outer steps on one meta-batch: meta-gradients, then Adam."""

    def __init__(self, case, gradients, tasks):
        self.case, self.gradients, self.tasks = case, gradients, tasks
        self.params = [p.clone() for p in case.params]
        self.adam = torch.optim.Adam(self.params, lr=RATE)

    def run(self, seconds):
        """Steps for at least that long, at least one; tasks done and the time they took."""
        began = time.perf_counter()
        done = 0
        elapsed = 0.0
        while done == 0 or elapsed < seconds:
            for param, gradient in zip(self.params, self.gradients(self.case, self.params, self.tasks)):
                param.grad = gradient
            self.adam.step()
            done += self.tasks
            elapsed = time.perf_counter() - began
        return {"tasks": done, "seconds": elapsed}


FORMS = {
    "loop": (loop_gradients, fused_norm),
    "loop-backward": (backward_gradients, fused_norm),
    "vmap": (vmap_gradients, composed_norm),
    "vmap-backward": (vmap_backward_gradients, composed_norm),
    "batched": (batched_gradients, fused_norm),
}


def main():
    gradients, norm = FORMS[sys.argv[1]]
    torch.set_num_threads(1)
    steps = None
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if request["do"] == "version":
                answer = {"version": torch.__version__}
            elif request["do"] == "gradient":
                case = Case(request["file"], norm)
                found = gradients(case, case.params, case.tasks)
                packed = [base64.b64encode(foreign(g).detach().numpy().astype("<f4").tobytes()).decode() for g in found]
                answer = {"gradient": dict(zip(case.names, packed))}
            elif request["do"] == "prepare":
                steps = Steps(Case(request["file"], norm), gradients, request["tasks"])
                answer = steps.run(request["seconds"])
            else:
                answer = steps.run(request["seconds"])
        except Exception as error:  # The other side reports whatever a peer throws.
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
