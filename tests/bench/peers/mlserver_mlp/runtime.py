"""A 784-1024-1024-10 MLP in ONNX Runtime behind MLServer.

    python3 tests/bench/peers/mlp_onnx.py /tmp/mlp.onnx
    MLP_ONNX=/tmp/mlp.onnx mlserver start tests/bench/peers/mlserver_mlp
    hearth-bench --url=http://127.0.0.1:8090 --model=mlp --format=json --concurrency=16,128
"""
import os

import onnxruntime
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceResponse


class Mlp(MLModel):
    async def load(self):
        self.session = onnxruntime.InferenceSession(os.environ["MLP_ONNX"], providers=["CPUExecutionProvider"])
        return True

    async def predict(self, payload):
        x = NumpyCodec.decode_input(payload.inputs[0]).astype("float32")
        y = self.session.run(None, {"x": x})[0]
        return InferenceResponse(model_name=self.name, outputs=[NumpyCodec.encode_output("y", y)])
