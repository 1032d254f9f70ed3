"""One step of training. A GPU runs all of it as one CUDA graph: launched one by one, its two thousand small operations would
take four times as long."""

from collections import deque

import torch

WARM_UPS, AHEAD = 3, 2


class Step:
    """`losses(*inputs)` computes the loss and what is to be told of it (name: number); its gradients, clipped, move what the
    optimisers have. Without a GPU it is no more than that; with one, inputs of each shape have a graph, so `losses` must
    not ask the GPU for numbers."""

    def __init__(self, losses, model, optimisers, clip):
        self.losses, self.model, self.optimisers, self.clip = losses, model, optimisers, clip
        self.device = next(model.parameters()).device
        self.graphs, self.running = {}, deque()
        if self.device.type == "cuda":
            torch.backends.cudnn.benchmark = True
            # A graph reads the rate from where it was when it was made.
            for group in (group for optimiser in optimisers for group in optimiser.param_groups):
                group["lr"], group["capturable"] = torch.zeros((), device=self.device), True

    def run(self, rates, *inputs):
        """At these rates, one for each optimiser. What it returns holds until the next run."""
        for optimiser, rate in zip(self.optimisers, rates, strict=True):
            for group in optimiser.param_groups:
                if torch.is_tensor(group["lr"]):
                    group["lr"].fill_(rate)
                else:
                    group["lr"] = rate
        if self.device.type != "cuda":
            return self._at_once(*inputs)
        shapes = tuple(x.shape for x in inputs)
        if shapes not in self.graphs:
            self.graphs[shapes] = self._captured(inputs)
        graph, own, told = self.graphs[shapes]
        for ours, theirs in zip(own, inputs):
            ours.copy_(theirs)
        graph.replay()
        # No more of them than keep it busy: training ends by the clock.
        self.running.append(torch.cuda.current_stream().record_event())
        if len(self.running) > AHEAD:
            self.running.popleft().synchronize()
        return told

    def _at_once(self, *inputs):
        for optimiser in self.optimisers:
            optimiser.zero_grad()
        with torch.autocast(self.device.type, torch.bfloat16):
            loss, told = self.losses(*inputs)
        loss.backward()
        told["norm"] = torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.clip)
        for optimiser in self.optimisers:
            optimiser.step()
        return {name: value.detach() for name, value in told.items()}

    def _captured(self, inputs):
        own, graph, aside = [x.clone() for x in inputs], torch.cuda.CUDAGraph(), torch.cuda.Stream()
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            for _ in range(WARM_UPS):
                self._at_once(*own)
        torch.cuda.current_stream().wait_stream(aside)
        with torch.cuda.graph(graph):
            told = self._at_once(*own)
        return graph, own, told
