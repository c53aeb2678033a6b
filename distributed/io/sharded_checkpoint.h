// Sharded checkpoints: a training's state, written by all of its ranks, read by any number of them.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/base/threads.h"
#include "core/io/checkpoint.h"
#include "core/io/safetensors.h"
#include "core/nn/module.h"
#include "distributed/group/process_group.h"
#include "distributed/io/shard_index.h"
#include "distributed/parallel/fully_shard.h"
#include "distributed/parallel/zero.h"

namespace hearth::distributed {

/// What is to be saved: this rank's share of tensors that are spread, and tensors that all ranks have, of which each
/// writes a part.
///
///   ShardedCheckpoint c;
///   c.put("model", net);
///   c.put("optimizer", zero);
///   io::Checkpoint rest;                        // the first rank's counts
///   rest.put("loader", loader);
///   absl::Status s = c.save(group, "runs/1", step, rest);
///
/// DIRECTORY/step-N holds a safetensors file for each rank (tensors in one dimension), index.json (global shapes, and
/// which file has which elements) and state.safetensors (the rest). It is put in place as a whole when all ranks have
/// written; then DIRECTORY/latest says "step-N". Whatever happens, ShardedReader::open finds a whole checkpoint by it.
class ShardedCheckpoint {
 public:
  /// Copies the parameters and persistent buffers, which all ranks have, as "NAME/PARAMETER". All forms throw Error for
  /// a name that is empty, is not UTF-8 or stands for something already.
  void put(const std::string& name, const nn::ModuleBase& module);
  /// Copies this rank's part of the state.
  void put(const std::string& name, ZeroOptimizer& optimizer);
  /// Copies this rank's parts of the parameters, and the persistent buffers, by the names that the whole module has.
  void put(const std::string& name, const FullyShard& module);
  /// Copies this rank's part of the state of an optimizer of the module's parameters.
  void put(const std::string& name, const FullyShard& module, optim::Optimizer& optimizer);
  /// Copies a tensor that all ranks have, and must put: one of them writes it, or each a part.
  void put(const std::string& name, const Tensor& tensor);
  /// Copies this rank's part of a tensor.
  void put(const std::string& name, const ShardedTensor& part);

  /// Writes it; called by all ranks, and gives all of them the same status, which names the rank that could not write
  /// and the system's reason, or the rank that does not put what the first one puts as a tensor that all have. All
  /// ranks see one file system. A checkpoint of the same step is replaced. Throws Error where the group itself fails (a
  /// rank is missing); BackgroundSaver gives kUnavailable then.
  absl::Status save(ProcessGroup& group, const std::string& directory, int64_t step, const io::Checkpoint& rest) const;

 private:
  struct Part {
    ShardedTensor tensor;
    bool everywhere = false;
  };
  void add(const std::string& name, Part part);
  std::string everywhere(int64_t step) const;
  std::map<std::string, Part> parts_;
};

/// Saves while training goes on. What was put into the checkpoint has been copied, so it may change.
class BackgroundSaver {
 public:
  /// Made by all ranks: makes a group of its own, so that saving and training do not mix.
  explicit BackgroundSaver(ProcessGroup& group);
  /// Waits for what is being saved.
  ~BackgroundSaver();
  BackgroundSaver(const BackgroundSaver&) = delete;
  BackgroundSaver& operator=(const BackgroundSaver&) = delete;
  /// Begins; waits for the one before and returns its status.
  absl::Status save(ShardedCheckpoint checkpoint, const std::string& directory, int64_t step, io::Checkpoint rest);
  /// Waits for the last one and returns its status. OK if there was none.
  absl::Status wait();

 private:
  const std::unique_ptr<ProcessGroup> group_;
  absl::Status status_;
  std::unique_ptr<ThreadGroup> thread_;
};

/// A sharded checkpoint to read from. No other rank is needed: each reads what it wants.
class ShardedReader {
 public:
  /// Opens DIRECTORY/step-N, or the one that DIRECTORY/latest names. Everything that the files say is checked.
  /// kNotFound only if there is no checkpoint; kInvalidArgument or kDataLoss naming the file that is damaged or
  /// missing. A save of the same step that ends meanwhile does no harm: the files are of one save.
  static absl::StatusOr<ShardedReader> open(const std::string& directory);

  /// What it holds.
  const ShardIndex& index() const { return index_; }
  /// The rest: what io::Checkpoint held.
  const io::Checkpoint& rest() const { return rest_; }
  /// A whole tensor. kNotFound if there is none of that name.
  absl::StatusOr<Tensor> tensor(const std::string& name) const;
  /// `count` of a tensor's elements, in row-major order, from `begin` on; one dimension.
  absl::StatusOr<Tensor> elements(const std::string& name, int64_t begin, int64_t count) const;
  /// Gives a module its parameters and buffers back. kInvalidArgument naming every one that is missing, unexpected or
  /// of another shape; nothing is changed then.
  absl::Status get(const std::string& name, nn::ModuleBase& module) const;
  /// Gives an optimizer this rank's part of the state, which any number of ranks has written.
  absl::Status get(const std::string& name, ZeroOptimizer& optimizer) const;
  /// Gives a module this rank's parts of its parameters, and its buffers; whoever has written them, spread or whole.
  absl::Status get(const std::string& name, FullyShard& module) const;
  /// Gives an optimizer of the module's parameters this rank's part of the state.
  absl::Status get(const std::string& name, const FullyShard& module, optim::Optimizer& optimizer) const;

 private:
  using Load = std::function<void(const std::map<std::string, Shape>& shapes, const ReadElements& read)>;
  absl::Status get_elements(const std::string& name, const Load& load) const;
  absl::Status read(const std::string& directory, bool& indexed);
  std::map<std::string, std::string> named(const std::string& name) const;
  std::string path_;
  ShardIndex index_;
  std::map<std::string, io::Safetensors> files_;
  io::Checkpoint rest_;
};

}  // namespace hearth::distributed
