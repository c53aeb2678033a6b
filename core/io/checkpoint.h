// Checkpoint: the whole state of a training, in one file.
//
//   io::Checkpoint c;
//   c.put("model", net);
//   c.put("optimizer", opt);
//   c.put("scheduler", schedule);
//   c.put("loader", loader);
//   c.put("random", default_generator());
//   c.set("best accuracy", best);
//   absl::Status s = c.save("runs/1/checkpoint");
//
// and in the next process, after everything has been made as it was the first time:
//
//   auto c = io::Checkpoint::load("runs/1/checkpoint");
//   absl::Status s = c->get("model", net);
//   s.Update(c->get("optimizer", opt));
//   ...
//
// Training then goes on in the same bits as without the interruption. Saved are values: weights, buffers, optimizer
// state, learning rates, averages, positions in schedules, epochs and random streams. What the program decides (layers,
// weight decay, schedules' lengths, the data set) is not; where that no longer fits, get() says so. A loader's place is
// kept as the number of examples that were taken, so training may go on with another batch size or number of processes.
//
// The file is a safetensors file: its tensors are called "<entry>" or "<entry>/<name>" and can be read by any reader of
// that format.
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

class Checkpoint {
 public:
  // Takes a copy of an object's state under a name of the program's choice; a second put() or set() of a name replaces
  // the first. Throws Error for a name that is empty or contains '/'.
  void put(const std::string& name, nn::ModuleBase& module);  // its state_dict()
  void put(const std::string& name, optim::Optimizer& optimizer);
  void put(const std::string& name, const optim::Scheduler& scheduler);
  void put(const std::string& name, const optim::EMA& averages);
  void put(const std::string& name, const data::DataLoader& loader);
  void put(const std::string& name, const Generator& generator);
  void put(const std::string& name, const std::map<std::string, Tensor>& tensors);
  void put(const std::string& name, const Tensor& tensor);

  // Values: whole numbers, doubles (every bit is kept), texts (any bytes) and lists of doubles.
  template <class T>
  requires std::is_integral_v<T>
  void set(const std::string& name, T value) { set_integer(name, static_cast<int64_t>(value)); }
  template <class T>
  requires std::is_floating_point_v<T>
  void set(const std::string& name, T value) { set_number(name, static_cast<double>(value)); }
  void set(const std::string& name, const std::string& value);
  void set(const std::string& name, const std::vector<double>& values);

  // Gives an object its state back. kNotFound: there is no such entry; kInvalidArgument: it is another kind of
  // object's, or does not fit this one, naming every tensor that is missing, unexpected or of another shape or dtype.
  // The object is unchanged then.
  absl::Status get(const std::string& name, nn::ModuleBase& module) const;
  absl::Status get(const std::string& name, optim::Optimizer& optimizer) const;
  absl::Status get(const std::string& name, optim::Scheduler& scheduler) const;
  absl::Status get(const std::string& name, optim::EMA& averages) const;
  absl::Status get(const std::string& name, data::DataLoader& loader) const;
  absl::Status get(const std::string& name, Generator& generator) const;
  absl::Status get(const std::string& name, std::map<std::string, Tensor>& tensors) const;
  absl::Status get(const std::string& name, Tensor& tensor) const;
  absl::Status get(const std::string& name, int64_t& value) const;
  absl::Status get(const std::string& name, double& value) const;
  absl::Status get(const std::string& name, std::string& value) const;
  absl::Status get(const std::string& name, std::vector<double>& values) const;

  bool contains(const std::string& name) const { return entries_.count(name) > 0; }
  std::vector<std::string> names() const;

  // Atomically (see AtomicFile): whatever happens, the path holds the old checkpoint or the whole new one.
  absl::Status save(const std::string& path) const;
  // The tensors look into the mapped file. kInvalidArgument for anything but a checkpoint, kUnimplemented for one of a
  // newer version.
  static absl::StatusOr<Checkpoint> load(const std::string& path);
  // The same of bytes in memory. `name` stands for the path in messages.
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
