/// Linear algebra, as torch.linalg: everything in namespace hearth::linalg.
#pragma once

#include "core/ops/linalg_decompositions.h"
#include "core/ops/linalg_functions.h"
#include "core/ops/linalg_solves.h"
