// All of //distributed: groups of ranks, data parallel training, sharded checkpoints. docs/distributed.md shows how.
#pragma once

#include "distributed/gloo/gloo_backend.h"
#include "distributed/group/functional.h"
#include "distributed/group/objects.h"
#include "distributed/group/process_group.h"
#include "distributed/io/sharded_checkpoint.h"
#include "distributed/launch/init.h"
#include "distributed/parallel/data_parallel.h"
#include "distributed/parallel/fully_shard.h"
#include "distributed/parallel/grad_norm.h"
#include "distributed/parallel/join.h"
#include "distributed/parallel/sync_batch_norm.h"
#include "distributed/parallel/zero.h"
#include "distributed/threads/threads_backend.h"
