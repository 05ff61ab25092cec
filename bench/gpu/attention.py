"""The same attention in PyTorch, for `npm run bench:gpu`: one layer, 512 queries, keys of every ring gathered already.

Reads from standard input {heads, kvHeads, headDim, rows, rings: [{keys, lag, stride}]}: a ring has `keys` keys, the
newest of them `lag` tokens before the first query. Keys are kept unrotated in halves and are turned for each ring, as
in our kernels; scores of all rings go into one softmax. Prints {milliseconds, implementation, device}.
"""
import json
import sys
import time

import torch


def main():
    asked = json.load(sys.stdin)
    heads, kv_heads, dim, rows = asked["heads"], asked["kvHeads"], asked["headDim"], asked["rows"]
    group = heads // kv_heads
    device, half = "cuda", torch.float16
    torch.manual_seed(1)
    query = torch.randn(kv_heads, rows * group, dim, device=device, dtype=half)
    rings = []
    for ring in asked["rings"]:
        keys = torch.randn(kv_heads, ring["keys"], dim, device=device, dtype=half)
        values = torch.randn(kv_heads, ring["keys"], dim, device=device, dtype=half)
        angles = torch.randn(ring["keys"], dim // 2, device=device)
        at = -(ring["lag"] + ring["stride"] * torch.arange(ring["keys"] - 1, -1, -1, device=device))
        rings.append((keys, values, angles.cos().to(half), angles.sin().to(half), at, ring))
    query_angles = torch.randn(rows, dim // 2, device=device).repeat_interleave(group, 0)
    query_cos, query_sin = query_angles.cos().to(half), query_angles.sin().to(half)
    positions = torch.arange(rows, device=device).repeat_interleave(group, 0)

    def turned(x, cos, sin):
        a, b = x[..., 0::2], x[..., 1::2]
        return torch.stack((a * cos - b * sin, a * sin + b * cos), -1).flatten(-2)

    def attend():
        scores = []
        for keys, _, cos, sin, at, ring in rings:
            q = turned(query, query_cos, query_sin)
            score = q @ turned(keys, cos, sin).transpose(-1, -2) * dim**-0.5
            distance = positions[:, None] - at[None, :]
            seen = (distance >= 0) & (distance < ring["lag"] + ring["stride"] * ring["keys"])
            scores.append(score.masked_fill(~seen, float("-inf")))
        weights = torch.cat(scores, -1).float().softmax(-1).to(half)
        return weights @ torch.cat([values for _, values, *_ in rings], 1)

    best = None
    for name, run in (("eager", attend), ("compiled", torch.compile(attend))):
        try:
            for _ in range(3):
                run()
            torch.cuda.synchronize()
            begin = time.perf_counter()
            for _ in range(10):
                run()
            torch.cuda.synchronize()
            ms = (time.perf_counter() - begin) * 100
        except Exception as error:  # the compiler may be missing
            print(f"{name}: {error}", file=sys.stderr)
            continue
        if best is None or ms < best["milliseconds"]:
            best = {"milliseconds": ms, "implementation": name}
    print(json.dumps({**(best or {}), "device": torch.cuda.get_device_name(), "torch": torch.__version__}))


main()
