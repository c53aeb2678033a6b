// All of the room's public headers.
#pragma once

#include "vision/datasets/fashion_mnist.h"
#include "vision/datasets/idx.h"
#include "vision/image/codec.h"
#include "vision/ops/color.h"
#include "vision/ops/geometry.h"
#include "vision/ops/resize.h"
#include "vision/preprocess.h"
#include "vision/transforms.h"
