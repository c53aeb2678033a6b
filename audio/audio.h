// All of //audio.
#pragma once

#include "audio/codec/codec.h"
#include "audio/codec/reader.h"
#include "audio/ops/ops.h"
