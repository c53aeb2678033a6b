"""Writes a 784-1024-1024-10 MLP for ONNX Runtime: python3 tests/bench/peers/mlp_onnx.py FILE"""
import sys

import torch

torch.manual_seed(1)
net = torch.nn.Sequential(torch.nn.Linear(784, 1024), torch.nn.ReLU(), torch.nn.Linear(1024, 1024), torch.nn.ReLU(),
                          torch.nn.Linear(1024, 10)).eval()
torch.onnx.export(net, (torch.zeros(1, 784),), sys.argv[1], input_names=["x"], output_names=["y"], dynamo=False,
                  dynamic_axes={"x": {0: "batch"}, "y": {0: "batch"}})
