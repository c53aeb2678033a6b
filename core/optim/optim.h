/// All of core/optim: optimizers, schedules of the learning rate, clipping of gradients, averages of models,
/// scaling of gradients.
#pragma once

#include "core/optim/adam.h"
#include "core/optim/clip.h"
#include "core/optim/ema.h"
#include "core/optim/grad_scaler.h"
#include "core/optim/optimizer.h"
#include "core/optim/rmsprop.h"
#include "core/optim/scheduler.h"
#include "core/optim/sgd.h"
