"""Muon (K. Jordan et al., 2024): momentum whose update is made orthogonal, for matrices and convolution kernels."""

import torch


class Muon(torch.optim.Optimizer):
    """A kernel [out, in, width] is taken as the matrix [out, in * width]. Steps have the root mean square of AdamW's. All
    of one shape go together."""

    def __init__(self, parameters, lr, momentum=0.95, weight_decay=0.0):
        super().__init__(parameters, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            alike = {}
            for parameter in group["params"]:
                if parameter.grad is not None:
                    alike.setdefault(parameter.shape, []).append(parameter)
            for shape, parameters in alike.items():
                gradients = [parameter.grad for parameter in parameters]
                means = [self.state[p].setdefault("momentum", torch.zeros_like(p)) for p in parameters]
                torch._foreach_lerp_(means, gradients, 1 - group["momentum"])
                updates = torch.stack(torch._foreach_lerp(gradients, means, group["momentum"])).flatten(2)
                updates = orthogonal(updates.bfloat16())
                scale = 0.2 * max(updates.shape[1:]) ** 0.5
                if group["weight_decay"]:
                    torch._foreach_mul_(parameters, 1 - group["lr"] * group["weight_decay"])
                torch._foreach_sub_(parameters, list((updates.to(gradients[0].dtype) * (group["lr"] * scale)).view(-1, *shape)))


def orthogonal(matrices):
    """The nearest matrices [n, rows, columns] with all singular values about one, by five Newton-Schulz steps."""
    x = matrices / (matrices.norm(dim=(1, 2), keepdim=True) + 1e-7)
    tall = x.shape[1] > x.shape[2]
    if tall:
        x = x.mT
    for _ in range(5):
        square = x @ x.mT
        x = 3.4445 * x + (-4.775 * square + 2.0315 * square @ square) @ x
    return x.mT if tall else x
