"""torchaudio's features, in float64, of one signal.

    python3 tools/golden/audio.py tests/audio/ops_golden.safetensors
"""
import math
import sys

import torch
from safetensors.torch import save_file

# torchaudio refuses a PyTorch that was built for another CUDA; only its Python code is used here.
torch.version.cuda = None
import torchaudio
import torchaudio.functional as F
import torchaudio.transforms as T

torch.manual_seed(20261127)
torch.set_default_dtype(torch.float64)
time = torch.arange(1500) / 16000
x = torch.stack([
    0.4 * torch.sin(2 * math.pi * 440 * time) + 0.2 * torch.sin(2 * math.pi * 3000 * time * time),
    0.1 * torch.randn(1500),
])
out = {"x": x}


def put(name, t):
    assert name not in out
    out[name] = (torch.view_as_real(t) if t.is_complex() else t).contiguous().clone()


put("spectrogram", T.Spectrogram()(x))
put("spectrogram_magnitude", T.Spectrogram(n_fft=256, win_length=200, hop_length=80, power=1)(x))
put("spectrogram_power", T.Spectrogram(n_fft=256, pad=30, power=1.5, center=False)(x))
put("spectrogram_window", T.Spectrogram(n_fft=256, normalized=True)(x))
put("spectrogram_frame", T.Spectrogram(n_fft=256, normalized="frame_length", pad_mode="constant")(x))
put("spectrogram_complex", T.Spectrogram(n_fft=128, power=None, onesided=False, window_fn=torch.hamming_window)(x[0]))
for norm in (None, "slaney"):
    for scale in ("htk", "slaney"):
        put(f"fbanks_{scale}_{norm or 'none'}", F.melscale_fbanks(201, 20.0, 7600.0, 40, 16000, norm, scale))
put("fbanks_odd", F.melscale_fbanks(129, 0.0, 5512.0, 23, 11025))
put("mel", T.MelSpectrogram(n_mels=64)(x))
put("mel_slaney", T.MelSpectrogram(16000, n_fft=512, hop_length=160, f_min=50, f_max=7000, n_mels=40, norm="slaney",
                                   mel_scale="slaney", power=1)(x))
put("mfcc", T.MFCC(16000, 20, melkwargs={"n_mels": 64})(x))
put("mfcc_log", T.MFCC(16000, 13, log_mels=True, norm=None, melkwargs={"n_mels": 40, "hop_length": 160})(x))
power = T.Spectrogram(n_fft=64)(x)
put("power", power)
put("db", F.amplitude_to_DB(power, 10, 1e-10, 0))
put("db_top", F.amplitude_to_DB(power, 20, 1e-5, 0.5, 30))
put("db_batch", F.amplitude_to_DB(torch.stack([power, power * 1e-3]), 10, 1e-10, 0, 20))
put("db_back", F.DB_to_amplitude(F.amplitude_to_DB(power, 10, 1e-10, 0), 2.0, 0.5))
for a, b in ((44100, 16000), (16000, 44100), (8000, 16000), (16000, 8000), (3, 2), (16000, 15999)):
    if (a, b) != (16000, 15999):
        put(f"resample_{a}_{b}", F.resample(x, a, b))
put("resample_kaiser", F.resample(x, 16000, 11025, lowpass_filter_width=16, rolloff=0.9475937167399596,
                                  resampling_method="sinc_interp_kaiser", beta=14.769656459379492))
put("resample_width", F.resample(x[0, :50], 48000, 16000, lowpass_filter_width=64))
# Whisper's log_mel_spectrogram (openai/whisper, whisper/audio.py); its filters are librosa's, which are torchaudio's
# with slaney scale and norm.
for n in (80, 128):
    spectra = torch.stft(x, 400, 160, window=torch.hann_window(400), return_complex=True)
    mel = F.melscale_fbanks(201, 0.0, 8000.0, n, 16000, "slaney", "slaney").T @ spectra[..., :-1].abs() ** 2
    level = torch.clamp(mel, min=1e-10).log10()
    put(f"whisper_{n}", (torch.maximum(level, level.max() - 8.0) + 4.0) / 4.0)

for name, f in (("mel", lambda y: T.MelSpectrogram(n_mels=64)(y)), ("resample", lambda y: F.resample(y, 16000, 11025))):
    y = x[:, :800].clone().requires_grad_()
    z = f(y)
    w = torch.randn_like(z)
    put(f"{name}_w", w)
    put(f"{name}_grad", torch.autograd.grad(z, y, w)[0])

save_file(out, sys.argv[1], metadata={
    "made_by": f"tools/golden/audio.py with torchaudio {torchaudio.__version__}, PyTorch {torch.__version__}"})
