"""The op table's recurrent layers, for ops.py. Outputs are PyTorch's, for sequences of several lengths those of its packed
sequences; where a sequence has no step, which these refuse, output is 0 and the state stays.

A sample's operands are named by letters: x the input (of a record the gates' sums), i weight_ih, w weight_hh, a bias_ih,
b bias_hh, h h0, c c0, p weight_hr, l lengths.
"""
import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from op_table import Operand, case, fixed, values

GATES = {"lstm": 4, "gru": 3, "rnn": 1, "rnn_relu": 1}
FLOAT = ("float",)


def sizes(letters, cell, time, batch, features, hidden, state):
    gates = GATES[cell] * hidden
    shape = {"x": (time, batch, features), "i": (gates, features), "w": (gates, state), "a": (gates,), "b": (gates,),
             "h": (batch, state), "c": (batch, hidden), "p": (state, hidden)}
    return [shape[k] for k in letters if k != "l"]


def layer(cell, letters, reverse):
    """A function of the operands, computed by torch.nn's layers."""
    def run(*operands):
        o = dict(zip(letters, operands))
        x, w = o["x"], o["w"]
        gates, state = w.shape
        hidden = gates // GATES[cell]
        if "i" not in o:  # the gates' sums are given
            o["i"] = torch.eye(gates, dtype=x.dtype)
        make = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU}.get(cell, torch.nn.RNN)
        more = {"proj_size": state} if "p" in o else {}
        if cell == "rnn_relu":
            more["nonlinearity"] = "relu"
        m = make(x.shape[2], hidden, bidirectional=True, dtype=torch.float64, **more)
        suffix = "_l0_reverse" if reverse else "_l0"
        zero = torch.zeros(gates, dtype=x.dtype)
        with torch.no_grad():
            for name, value in [("weight_ih", o["i"]), ("weight_hh", w), ("bias_ih", o.get("a", zero)),
                                ("bias_hh", o.get("b", zero)), ("weight_hr", o.get("p"))]:
                if value is not None:
                    getattr(m, name + suffix).copy_(value)
            batch, side = x.shape[1], int(reverse)
            h0 = o.get("h", torch.zeros(batch, state, dtype=x.dtype))
            c0 = o.get("c", torch.zeros(batch, hidden, dtype=x.dtype))
            lengths = o.get("l", torch.full((batch,), x.shape[0]))
            output = torch.zeros(x.shape[0], batch, state, dtype=x.dtype)
            h, c = h0.clone(), c0.clone()
            rows = (lengths > 0).nonzero().flatten()
            if len(rows):
                packed = pack_padded_sequence(x[:, rows], lengths[rows], enforce_sorted=False)
                both = lambda t: torch.stack([t[rows], t[rows]])
                y, last = m(packed, (both(h0), both(c0)) if cell == "lstm" else both(h0))
                y, _ = pad_packed_sequence(y, total_length=x.shape[0])
                output[:, rows] = y[..., side * state:(side + 1) * state]
                if cell == "lstm":
                    h[rows], c[rows] = last[0][side], last[1][side]
                else:
                    h[rows] = last[side]
        return (output, h, c) if cell == "lstm" else (output, h)
    return run


def forward(name, cell, letters, time, batch, hidden, features=None, state=None, lengths=None, reverse=False):
    shapes = sizes(letters, cell, time, batch, features or GATES[cell] * hidden, hidden, state or hidden)
    operands = [values(*s, low=-9, high=9) for s in shapes] + ([fixed(lengths)] if lengths is not None else [])
    case(f"{cell}/{name}", layer(cell, letters, reverse), *operands, kinds=FLOAT)


LENGTHS = [3, 0, 5, 1]
for cell in GATES:
    c = "c" if cell == "lstm" else ""
    forward("all", cell, "xwbh" + c, 5, 3, 4)
    forward("bare", cell, "xw", 3, 2, 5)
    forward("reverse", cell, "xwbh" + c, 4, 3, 3, reverse=True)
    forward("one step", cell, "xwbh" + c, 1, 2, 3)
    forward("lengths", cell, "xwbh" + c + "l", 5, 4, 3, lengths=LENGTHS)
    forward("lengths, reverse", cell, "xwbh" + c + "l", 5, 4, 3, lengths=LENGTHS, reverse=True)
    forward("many rows", cell, "xwbh" + c + "l", 3, 26, 19, lengths=[(7 * k) % 4 for k in range(26)])
    forward("wide", cell, "xw", 2, 3, 67)
    forward("nothing", cell, "xwbh" + c, 2, 0, 3)
    forward("features", cell, "xiwabh" + c + "l", 4, 3, 5, features=6, lengths=[4, 2, 3])
    forward("features, bare", cell, "xiw", 4, 3, 5, features=2, reverse=True)
forward("projected", "lstm", "xwbhcp", 4, 3, 6, state=2)
forward("projected, reverse", "lstm", "xwbhcpl", 5, 4, 5, state=3, lengths=LENGTHS, reverse=True)
forward("projected, many rows", "lstm", "xwp", 2, 26, 21, state=18)


# The gradients of all steps, from what forward has kept of a unit: after the chain rule, one element at a time.
def gradients(cell, letters, reverse):
    def run(*operands):
        o = dict(zip(letters, operands))
        w, output = o["w"], o["y"]
        time, batch, state = output.shape
        n = w.shape[0] // GATES[cell]
        zero = torch.zeros
        like = dict(dtype=w.dtype)
        d_sums, d_input = zero(time, batch, w.shape[0], **like), zero(time, batch, w.shape[0], **like)
        d_w, d_p = torch.zeros_like(w), zero(state, n, **like)
        dh = o["H"].clone() if "H" in o else zero(batch, state, **like)
        dc = o["C"].clone() if "C" in o else zero(batch, n, **like)
        for row in range(batch):
            steps = list(range(int(o["l"][row]) if "l" in o else time))
            if reverse:
                steps.reverse()
            for s in range(len(steps) - 1, -1, -1):
                t = steps[s]
                before = steps[s - 1] if s > 0 else None
                d = dh[row] + (o["Y"][t, row] if "Y" in o else 0)
                h = output[before, row] if s > 0 else o["h"][row] if "h" in o else zero(state, **like)
                direct = 0
                if cell == "lstm":
                    i, f, g, u, c = o["k"][t, row].split(n)
                    if s > 0:
                        c_before = o["k"][before, row].split(n)[4]
                    else:
                        c_before = o["c"][row] if "c" in o else zero(n, **like)
                    if "p" in o:
                        d_p += torch.outer(d, u * torch.tanh(c))
                        d = o["p"].T @ d
                    e = dc[row] + d * u * (1 - torch.tanh(c) ** 2)
                    parts = [e * g * i * (1 - i), e * c_before * f * (1 - f), e * i * (1 - g * g),
                             d * torch.tanh(c) * u * (1 - u)]
                    dc[row] = e * f
                    d_input[t, row] = d_sums[t, row] = torch.cat(parts)
                elif cell == "gru":
                    r, z, g, q = o["k"][t, row].split(n)
                    e = d * (1 - z) * (1 - g * g)
                    dr, dz = e * q * r * (1 - r), d * (h - g) * z * (1 - z)
                    d_input[t, row], d_sums[t, row] = torch.cat([dr, dz, e]), torch.cat([dr, dz, e * r])
                    direct = d * z
                else:
                    y = output[t, row]
                    d_input[t, row] = d_sums[t, row] = d * ((y > 0) if cell == "rnn_relu" else 1 - y * y)
                d_w += torch.outer(d_sums[t, row], h)
                dh[row] = w.T @ d_sums[t, row] + direct
        parts = [d_w.flatten(), d_sums.sum((0, 1))] + ([d_p.flatten()] if "p" in o else [])
        return d_input, dh, dc if cell == "lstm" else zero(0, **like), torch.cat(parts)
    return run


KEPT = {"lstm": 5, "gru": 4}


def backward(name, cell, letters, time, batch, hidden, state=None, lengths=None, reverse=False):
    """Further letters: Y, H, C the gradients of output, h and c; y the output, k what is kept."""
    state = state or hidden
    shape = {"Y": (time, batch, state), "H": (batch, state), "C": (batch, hidden), "h": (batch, state),
             "c": (batch, hidden), "p": (state, hidden), "w": (GATES[cell] * hidden, state), "y": (time, batch, state),
             "k": (time, batch, KEPT.get(cell, 0) * hidden)}
    operands = [values(*shape[k], low=-7, high=7) if k != "l" else fixed(lengths) for k in letters]
    if lengths is not None:  # beyond its end forward has left 0
        y = operands[letters.index("y")].make("float") * (torch.arange(time)[:, None, None] < torch.tensor(lengths)[:, None])
        operands[letters.index("y")] = Operand(values=y.tolist())
    case(f"{cell}_grad/{name}", gradients(cell, letters, reverse), *operands, kinds=FLOAT)


for cell in GATES:
    C, c, k = ("C", "c", "k") if cell == "lstm" else ("", "", "k" if cell == "gru" else "")
    backward("all", cell, "YH" + C + "h" + c + "wy" + k, 4, 3, 4)
    backward("output", cell, "Ywy" + k, 3, 2, 5)
    backward("state", cell, "Hwy" + k, 3, 2, 5)
    backward("reverse", cell, "YHh" + c + "wy" + k, 3, 2, 3, reverse=True)
    backward("lengths", cell, "YHh" + c + "lwy" + k, 5, 4, 3, lengths=LENGTHS)
    backward("lengths, reverse", cell, "YHh" + c + "lwy" + k, 5, 4, 3, lengths=LENGTHS, reverse=True)
    backward("many rows", cell, "YHh" + c + "lwy" + k, 2, 26, 18, lengths=[(7 * k) % 3 for k in range(26)])
    backward("nothing", cell, "YHh" + c + "wy" + k, 2, 0, 3)
backward("projected", "lstm", "YHChcpwyk", 3, 3, 6, state=2)
backward("projected, reverse", "lstm", "YHChcplwyk", 5, 4, 5, state=3, lengths=LENGTHS, reverse=True)
backward("projected, many rows", "lstm", "Ypwyk", 2, 26, 19, state=17)
