#!/bin/bash
# TorchServe with the MLP on port 8094: batches of at most 64, one worker. Ends with `torchserve --stop`.
#
#   tests/bench/peers/torchserve_mlp/run.sh DIRECTORY      (a scratch directory; needs torchserve, torch-model-archiver, Java)
#   hearth-bench --url=http://127.0.0.1:8094 --path=/predictions/mlp --body=3136_BYTES --concurrency=16,128
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
mkdir -p "$1/store"
cd "$1"
torch-model-archiver --model-name mlp --version 1.0 --handler "$here/handler.py" --export-path store --force
cat > config.properties <<'P'
inference_address=http://127.0.0.1:8094
management_address=http://127.0.0.1:8095
metrics_address=http://127.0.0.1:8096
job_queue_size=1000
disable_token_authorization=true
models={"mlp": {"1.0": {"defaultVersion": true, "marName": "mlp.mar", "minWorkers": 1, "maxWorkers": 1, "batchSize": 64, "maxBatchDelay": 2}}}
P
torchserve --start --ncs --model-store store --models mlp=mlp.mar --ts-config config.properties
