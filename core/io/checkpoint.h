// Checkpoint: the whole state of a training, in one file.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/data/loader.h"
#include "core/nn/module.h"
#include "core/optim/ema.h"
#include "core/optim/optimizer.h"
#include "core/optim/scheduler.h"
#include "core/tensor/generator.h"

namespace hearth::io {

/// The whole state of a training, in one file.
///
///   io::Checkpoint c;
///   c.put("model", net);
///   c.put("optimizer", opt);
///   c.put("scheduler", schedule);
///   c.put("loader", loader);
///   c.put("random", default_generator());
///   c.set("best accuracy", best);
///   absl::Status s = c.save("runs/1/checkpoint");
///
/// In the next process, after everything has been made as it was the first time:
///
///   auto c = io::Checkpoint::load("runs/1/checkpoint");
///   absl::Status s = c->get("model", net);
///   s.Update(c->get("optimizer", opt));
///   ...
///
/// Training then goes on with the same bits as without the interruption. A checkpoint holds values: weights, buffers,
/// optimizer state, learning rates, averages, positions in schedules, epochs and random streams. It does not hold what
/// the program decides (layers, weight decay, lengths of schedules, the dataset); get() says so where that no longer
/// fits. The place of a loader is the number of examples that were taken, so training may go on with another batch size
/// or number of processes.
///
/// The file is a safetensors file: its tensors are called "ENTRY" or "ENTRY/NAME", and any reader of that format can
/// read them.
class Checkpoint {
 public:
  /// Copies the module's state_dict() into an entry. `name` is of the program's choice; a second put() or set() of a
  /// name replaces the first. All forms of put() and set() throw Error for a name that is empty or contains '/'.
  void put(const std::string& name, nn::ModuleBase& module);
  /// Copies the optimizer's state_dict() into an entry.
  void put(const std::string& name, optim::Optimizer& optimizer);
  /// Keeps the scheduler's step.
  void put(const std::string& name, const optim::Scheduler& scheduler);
  /// Copies the averages into an entry.
  void put(const std::string& name, const optim::EMA& averages);
  /// Keeps the loader's epoch and place in it.
  void put(const std::string& name, const data::DataLoader& loader);
  /// Keeps the generator's state.
  void put(const std::string& name, const Generator& generator);
  /// Copies tensors into an entry. Throws Error for an undefined one.
  void put(const std::string& name, const std::map<std::string, Tensor>& tensors);
  /// Copies one tensor into an entry. Throws Error if it is undefined.
  void put(const std::string& name, const Tensor& tensor);

  /// Keeps a whole number.
  template <class T>
  requires std::is_integral_v<T>
  void set(const std::string& name, T value) { set_integer(name, static_cast<int64_t>(value)); }
  /// Keeps a number as a double, every bit of it.
  template <class T>
  requires std::is_floating_point_v<T>
  void set(const std::string& name, T value) { set_number(name, static_cast<double>(value)); }
  /// Keeps a text of any bytes.
  void set(const std::string& name, const std::string& value);
  /// Keeps a list of doubles.
  void set(const std::string& name, const std::vector<double>& values);

  /// Gives a module its state back. All forms of get() return kNotFound if there is no such entry, and kInvalidArgument
  /// if it belongs to another kind of object or does not fit this one; the message then names every tensor that is
  /// missing, unexpected or of another shape or dtype. On an error the object is unchanged.
  absl::Status get(const std::string& name, nn::ModuleBase& module) const;
  /// Gives an optimizer its state back.
  absl::Status get(const std::string& name, optim::Optimizer& optimizer) const;
  /// Sets a scheduler to its step.
  absl::Status get(const std::string& name, optim::Scheduler& scheduler) const;
  /// Gives averages their values back.
  absl::Status get(const std::string& name, optim::EMA& averages) const;
  /// Sets a loader to its place. kInvalidArgument if its dataset has another number of
  /// examples or, for a state that counts batches as older files do, if it has another number of batches.
  absl::Status get(const std::string& name, data::DataLoader& loader) const;
  /// Gives a generator its state back.
  absl::Status get(const std::string& name, Generator& generator) const;
  /// The tensors of an entry. After load() they are read-only.
  absl::Status get(const std::string& name, std::map<std::string, Tensor>& tensors) const;
  /// The tensor of an entry. After load() it is read-only.
  absl::Status get(const std::string& name, Tensor& tensor) const;
  /// A whole number.
  absl::Status get(const std::string& name, int64_t& value) const;
  /// A number.
  absl::Status get(const std::string& name, double& value) const;
  /// A text.
  absl::Status get(const std::string& name, std::string& value) const;
  /// A list of numbers.
  absl::Status get(const std::string& name, std::vector<double>& values) const;

  /// True if there is an entry of this name.
  bool contains(const std::string& name) const { return entries_.count(name) > 0; }
  /// The names of all entries, sorted.
  std::vector<std::string> names() const;

  /// Writes the file atomically (see AtomicFile): whatever happens, the path holds the old checkpoint or the whole new
  /// one.
  absl::Status save(const std::string& path) const;
  /// Reads a file by mapping it. kInvalidArgument for anything but a checkpoint, kUnimplemented for one of a newer
  /// version, otherwise as load_safetensors().
  static absl::StatusOr<Checkpoint> load(const std::string& path);
  /// As load(), from bytes in memory, which are copied. `name` stands for the path in messages.
  static absl::StatusOr<Checkpoint> parse(std::string_view bytes, const std::string& name);

 private:
  using Tensors = std::map<std::string, Tensor>;
  struct Entry {
    std::string kind;
    Tensors tensors;  // of a single value: under ""
  };
  void set_integer(const std::string& name, int64_t value);
  void set_number(const std::string& name, double value);
  void add(const std::string& name, const char* kind, const Tensors& tensors);
  absl::StatusOr<const Tensors*> find(const std::string& name, const char* kind) const;
  template <class F>
  absl::Status restore(const std::string& name, const char* kind, F f) const;
  static absl::StatusOr<Checkpoint> from(Tensors tensors, const std::map<std::string, std::string>& metadata,
                                         const std::string& path);

  std::map<std::string, Entry> entries_;
  std::string path_ = "checkpoint";  // for messages
};

}  // namespace hearth::io
