// All of //audio.
#pragma once

#include "audio/codec/codec.h"
#include "audio/codec/reader.h"
#include "audio/models/wav2vec2.h"
#include "audio/ops/ops.h"
#include "audio/recognition/align.h"
#include "audio/recognition/ctc_decoder.h"
#include "audio/recognition/ctc_speller.h"
#include "audio/recognition/error_rate.h"
#include "audio/recognition/lexicon.h"
#include "audio/recognition/ngram.h"
#include "audio/stream/frame_stream.h"
#include "audio/stream/resample_stream.h"
