"""What people put before a model in Python: FastAPI with PyTorch or ONNX Runtime behind it, for tests/bench/serve/bars.

    python3 tests/bench/peers/fastapi_mlp.py torch|onnx PORT

Answers POST /predict, whose body is 784 little-endian f32, with the ten outputs of a 784-1024-1024-10 MLP as JSON. Needs fastapi,
uvicorn, numpy, torch and for onnx: onnxruntime, onnx and onnxscript.
"""
import sys
import tempfile

import numpy
import torch
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import ORJSONResponse

kind, port = sys.argv[1], int(sys.argv[2])
torch.manual_seed(1)
net = torch.nn.Sequential(torch.nn.Linear(784, 1024), torch.nn.ReLU(), torch.nn.Linear(1024, 1024), torch.nn.ReLU(),
                          torch.nn.Linear(1024, 10)).eval()
app = FastAPI()

if kind == "torch":
    def run(x):
        with torch.inference_mode():
            return net(torch.from_numpy(x)).numpy()
else:
    import onnxruntime
    with tempfile.NamedTemporaryFile(suffix=".onnx") as file:
        torch.onnx.export(net, (torch.zeros(1, 784),), file.name, input_names=["x"], output_names=["y"], dynamo=False,
                          dynamic_axes={"x": {0: "batch"}, "y": {0: "batch"}})
        session = onnxruntime.InferenceSession(open(file.name, "rb").read(), providers=["CPUExecutionProvider"])

    def run(x):
        return session.run(None, {"x": x})[0]


@app.post("/predict")
async def predict(request: Request):
    x = numpy.frombuffer(await request.body(), numpy.float32).reshape(1, 784).copy()
    return ORJSONResponse({"y": run(x)[0].tolist()})


uvicorn.run(app, host="127.0.0.1", port=port, log_level="error", access_log=False)
