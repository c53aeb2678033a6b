"""Triton's Python client, unchanged, against hearth-serve with the quickstart's model "fashion" over HTTP and gRPC.

    hearth-serve --model_repository=runs/quickstart/models --grpc_admin_port=8003 &
    python3 tests/bench/peers/tritonclient_check.py [HOST [HTTP HTTP_ADMIN GRPC GRPC_ADMIN]]

Needs tritonclient[http,grpc] and numpy.
"""
import sys

import numpy
import tritonclient.grpc
import tritonclient.http
from tritonclient.utils import InferenceServerException

host = sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1"
http, http_admin, grpc, grpc_admin = sys.argv[2:6] if len(sys.argv) > 5 else ("8000", "8002", "8001", "8003")
x = numpy.random.rand(3, 1, 28, 28).astype(numpy.float32)
results = []
for module, port, admin_port in ((tritonclient.http, http, http_admin), (tritonclient.grpc, grpc, grpc_admin)):
    client = module.InferenceServerClient(f"{host}:{port}")
    assert client.is_server_live() and client.is_server_ready() and client.is_model_ready("fashion")
    client.get_server_metadata()
    client.get_model_metadata("fashion")
    client.get_inference_statistics("fashion")
    calls = [{}]
    if module is tritonclient.http:
        calls = [dict(request_compression_algorithm=c, response_compression_algorithm=c) for c in (None, "gzip", "deflate")]
    for binary in (True, False) if module is tritonclient.http else (None,):
        image = module.InferInput("image", list(x.shape), "FP32")
        image.set_data_from_numpy(x, **({} if binary is None else {"binary_data": binary}))
        for call in calls:
            output = module.InferRequestedOutput("output", **({} if binary is None else {"binary_data": binary}))
            answer = client.infer("fashion", [image], outputs=[output], request_id="7", priority=1, timeout=1000000, **call)
            results.append(answer.as_numpy("output"))
    try:
        client.infer("nobody", [image])
        raise AssertionError("a model that is not there has answered")
    except InferenceServerException:
        pass
    admin = module.InferenceServerClient(f"{host}:{admin_port}")
    admin.get_model_repository_index()
    admin.unload_model("fashion")
    assert not client.is_model_ready("fashion")
    admin.load_model("fashion")
    assert client.is_model_ready("fashion")
assert all(numpy.array_equal(results[0], r) for r in results), "answers differ"
print(f"tritonclient: ok, {len(results)} answers in the same bits")
