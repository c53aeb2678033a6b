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
for a, b in ((44100, 16000), (16000, 44100), (8000, 16000), (16000, 8000), (3, 2)):
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
    # One signal at a time.
    put(f"whisper_{n}", (torch.maximum(level, level.amax((-2, -1), True) - 8.0) + 4.0) / 4.0)

# Filters.
u = x[:, :300]
a3, b3 = torch.tensor([1.0, -1.6, 0.81]), torch.tensor([0.2, 0.3, -0.1])
a4, b4 = torch.tensor([2.0, -0.5, 0.3, 0.1]), torch.tensor([0.4, 0.1, 0.0, 0.7])
c3 = torch.tensor([2.0, 0.4, -0.2])
out.update(a3=a3, b3=b3, c3=c3, a4=a4, b4=b4)
put("lfilter", F.lfilter(u, a3, b3, clamp=False))
put("lfilter_clamp", F.lfilter(u * 4, a4, b4))
put("lfilter_each", F.lfilter(u, torch.stack([a3, c3]), torch.stack([b3, a3]), clamp=False))
put("lfilter_all", F.lfilter(u, torch.stack([a3, c3]), torch.stack([b3, a3]), clamp=False, batching=False))
put("filtfilt", F.filtfilt(u, a3, b3, clamp=False))
put("preemphasis", F.preemphasis(u, 0.95))
put("deemphasis", F.deemphasis(u, 0.95))
rate = 16000
put("lowpass", F.lowpass_biquad(u, rate, 1000.0))
put("highpass", F.highpass_biquad(u, rate, 1000.0, 2.0))
put("allpass", F.allpass_biquad(u, rate, 1000.0))
put("bandpass", F.bandpass_biquad(u, rate, 1000.0))
put("bandpass_skirt", F.bandpass_biquad(u, rate, 1000.0, 3.0, True))
put("bandreject", F.bandreject_biquad(u, rate, 1000.0))
put("band", F.band_biquad(u, rate, 1000.0))
put("band_noise", F.band_biquad(u, rate, 1000.0, 2.0, True))
put("equalizer", F.equalizer_biquad(u, rate, 1000.0, -6.0))
put("bass", F.bass_biquad(u, rate, 9.0))
put("treble", F.treble_biquad(u, rate, -9.0))
put("deemph", F.deemph_biquad(u, 48000))
put("deemph_cd", F.deemph_biquad(u, 44100))
for r in (44100, 48000, 88200, 96000):
    put(f"riaa_{r}", F.riaa_biquad(u, r))
for n, (fa, fb) in {"a": (a4, b4), "b": (a3, b3)}.items():
    y, fa, fb = u.clone().requires_grad_(), fa.clone().requires_grad_(), fb.clone().requires_grad_()
    z = F.lfilter(y, fa, fb, clamp=False)
    w = torch.randn_like(z)
    put(f"lfilter_w_{n}", w)
    for name, g in zip(("x", "a", "b"), torch.autograd.grad(z, (y, fa, fb), w)):
        put(f"lfilter_grad_{n}_{name}", g)

# Cepstra, features of frames.
put("linear_fbanks", F.linear_fbanks(201, 100.0, 7000.0, 30, 16000))
put("lfcc", T.LFCC(16000, 30, 200.0, 6000.0, 13, speckwargs={"n_fft": 256, "hop_length": 100})(x))
put("lfcc_log", T.LFCC(16000, n_lfcc=20, log_lf=True)(x))
put("deltas", F.compute_deltas(power))
put("deltas_9", F.compute_deltas(power, 9, "constant"))
put("centroid", T.SpectralCentroid(16000, n_fft=256, hop_length=80)(x))
frames = torch.randn(2, 150, 7) * 3 + 1
out["frames"] = frames
put("cmn", F.sliding_window_cmn(frames))
put("cmn_short", F.sliding_window_cmn(frames, 40, 10))
put("cmn_center", F.sliding_window_cmn(frames, 41, 10, True))
put("cmn_vars", F.sliding_window_cmn(frames, 40, 10, False, True))
put("cmn_center_vars", F.sliding_window_cmn(frames, 30, 10, True, True))
put("cmn_one", F.sliding_window_cmn(frames[:, :1], 1, 0, True, True))

# Signals.
y = torch.randn(2, 37)
out["short"] = y
for mode in ("full", "valid", "same"):
    put(f"convolve_{mode}", F.convolve(u, y, mode))
    put(f"convolve_back_{mode}", F.convolve(y, u, mode))
put("mu_law", F.mu_law_encoding(u, 256))
put("mu_law_10", F.mu_law_encoding(u * 2, 10))
put("mu_law_back", F.mu_law_decoding(torch.arange(256), 256).double())
put("add_noise", F.add_noise(u, u.flip(0), torch.tensor([3.0, -10.0])))
put("add_noise_lengths", F.add_noise(u, u.flip(0), torch.tensor([3.0, -10.0]), torch.tensor([250, 90])))
put("speed", F.speed(u, 16000, 1.1)[0])
put("gain", F.gain(u, -6.0))
for shape in ("linear", "exponential", "logarithmic", "quarter_sine", "half_sine"):
    put(f"fade_{shape}", T.Fade(60, 100, shape)(u))
sound = torch.stack([torch.sin(2 * math.pi * 997 * torch.arange(48000) / 16000) * 0.3, torch.randn(48000) * 0.01])
sound[:, 20000:40000] *= 1e-3
sound = sound[:, 10000:30000].contiguous()  # one half loud, one quiet
out["sound"] = sound.float()
put("loudness", F.loudness(out["sound"].double(), 16000))

# Phases.
z = T.Spectrogram(n_fft=256, power=None)(x)
put("spectra", z)
put("inverse", T.InverseSpectrogram(n_fft=256)(z, 1500))
put("inverse_pad", T.InverseSpectrogram(n_fft=256, pad=20, normalized=True)(
    T.Spectrogram(n_fft=256, power=None, pad=20, normalized=True)(x), 1500))
put("stretch_fast", F.phase_vocoder(z, 1.3, torch.linspace(0, math.pi * 128, 129)[:, None])[..., :9])
put("stretch_slow", F.phase_vocoder(z[0], 0.7, torch.linspace(0, math.pi * 128, 129)[:, None]))
put("griffin_lim", T.GriffinLim(n_fft=256, n_iter=4, rand_init=False, power=2, length=1500)(z.abs() ** 2))
put("griffin_lim_plain", T.GriffinLim(n_fft=256, n_iter=3, rand_init=False, power=1, momentum=0)(z.abs()))
put("pitch_up", F.pitch_shift(x, 16000, 4))
put("pitch_down", F.pitch_shift(x, 16000, -5, 24, 256))

# Kaldi. Its dct and its epsilon are of f32 in torchaudio, too.
from torchaudio.compliance import kaldi as K
# Some noise, for a logarithm of nothing is not one of f32.
wave = (x + 0.05 * torch.randn(x.shape)) * 32768
out["wave"] = wave


def kaldi(name, f, **options):
    put("kaldi_" + name, torch.stack([f(wave, channel=c, dither=0.0, **options) for c in (0, 1)]))


kaldi("spectrogram", K.spectrogram)
kaldi("spectrogram_edges", K.spectrogram, snip_edges=False, raw_energy=False, energy_floor=0.0, subtract_mean=True)
kaldi("fbank", K.fbank)
kaldi("fbank_80", K.fbank, num_mel_bins=80, high_freq=-400.0, use_energy=True, window_type="hamming")
kaldi("fbank_plain", K.fbank, use_log_fbank=False, use_power=False, use_energy=True, htk_compat=True,
      window_type="blackman", round_to_power_of_two=False, preemphasis_coefficient=0.0, remove_dc_offset=False)
kaldi("fbank_wide", K.fbank, frame_shift=30.0, snip_edges=False, window_type="rectangular")
kaldi("mfcc", K.mfcc)
kaldi("mfcc_energy", K.mfcc, use_energy=True, num_ceps=20, window_type="hanning", cepstral_lifter=0.0)
kaldi("mfcc_htk", K.mfcc, htk_compat=True, subtract_mean=True)
kaldi("mfcc_htk_energy", K.mfcc, htk_compat=True, use_energy=True)

for name, f in (("mel", lambda y: T.MelSpectrogram(n_mels=64)(y)), ("resample", lambda y: F.resample(y, 16000, 11025))):
    y = x[:, :800].clone().requires_grad_()
    z = f(y)
    w = torch.randn_like(z)
    put(f"{name}_w", w)
    put(f"{name}_grad", torch.autograd.grad(z, y, w)[0])

save_file(out, sys.argv[1], metadata={
    "made_by": f"tools/golden/audio.py with torchaudio {torchaudio.__version__}, PyTorch {torch.__version__}"})
