"""Golden files of Wav2Vec2 with a CTC head: small random models of both layouts, computed by transformers.

    python3 tools/golden/wav2vec2.py tests/audio/models/golden

Each case is a directory as Hugging Face has them, with golden.safetensors beside the model: sound [batch, samples] and
logits [batch, frames, classes].
"""
import json
import os
import sys

import torch

# transformers imports torchaudio, which refuses a PyTorch that was built for another CUDA.
torch.version.cuda = None
from safetensors.torch import save_file
from transformers import Wav2Vec2Config, Wav2Vec2ForCTC

COMMON = dict(vocab_size=12, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24,
              conv_dim=(8, 8, 12), conv_stride=(5, 2, 2), conv_kernel=(10, 3, 2), num_feat_extract_layers=3,
              num_conv_pos_embedding_groups=4, initializer_range=0.3, pad_token_id=0, vocab_file="")
CASES = {
    "base": dict(num_conv_pos_embeddings=8),
    "large": dict(num_conv_pos_embeddings=7, feat_extract_norm="layer", do_stable_layer_norm=True, conv_bias=True),
}
for name, more in CASES.items():
    torch.manual_seed(20261128)
    model = Wav2Vec2ForCTC(Wav2Vec2Config(**COMMON, **more)).eval()
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.05 * torch.randn(p.shape))
    folder = os.path.join(sys.argv[1], name)
    os.makedirs(folder, exist_ok=True)
    model.save_pretrained(folder)
    with open(os.path.join(folder, "vocab.json"), "w") as f:
        json.dump({c: i for i, c in enumerate(["<pad>", "<s>", "</s>", "<unk>", "|", *"EATONIH"])}, f)
    sound = torch.randn(2, 800)
    sound = (sound - sound.mean(1, keepdim=True)) / torch.sqrt(sound.var(1, unbiased=False, keepdim=True) + 1e-7)
    with torch.no_grad():
        logits = model(sound).logits
    save_file({"sound": sound, "logits": logits}, os.path.join(folder, "golden.safetensors"))
    print(name, sorted(model.state_dict())[:3], logits.shape, sum(p.numel() for p in model.parameters()))
    for extra in os.listdir(folder):
        if extra not in ("config.json", "model.safetensors", "vocab.json", "golden.safetensors"):
            os.remove(os.path.join(folder, extra))
