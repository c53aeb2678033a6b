/// All of core/optim: optimizers, schedules of the learning rate, clipping of gradients, averages of models,
/// scaling of gradients.
#pragma once

#include "core/optim/adafactor.h"
#include "core/optim/adagrad.h"
#include "core/optim/adam.h"
#include "core/optim/adam_variants.h"
#include "core/optim/clip.h"
#include "core/optim/clip_with_norm.h"
#include "core/optim/cyclic.h"
#include "core/optim/ema.h"
#include "core/optim/grad_scaler.h"
#include "core/optim/lbfgs.h"
#include "core/optim/muon.h"
#include "core/optim/optimizer.h"
#include "core/optim/plateau.h"
#include "core/optim/rmsprop.h"
#include "core/optim/rprop.h"
#include "core/optim/scheduler.h"
#include "core/optim/sgd.h"
#include "core/optim/swa.h"
