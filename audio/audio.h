// All of //audio.
#pragma once

#include "audio/codec/codec.h"
#include "audio/codec/reader.h"
#include "audio/ops/mel.h"
#include "audio/ops/resample.h"
#include "audio/ops/spectrogram.h"
