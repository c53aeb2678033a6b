// Backend: what carries the bytes of collectives. Order, numbers, waiting, errors and records are ProcessGroup's.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/device/stream.h"
#include "distributed/group/call.h"
#include "distributed/store/store.h"

namespace hearth::distributed {

/// The clock of deadlines.
using Clock = std::chrono::steady_clock;

/// Seconds that have passed since then.
inline double seconds_since(Clock::time_point t) { return std::chrono::duration<double>(Clock::now() - t).count(); }

/// Thrown by a backend. The group cannot be used again.
struct BackendError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// A collective and its memory on this rank, which is dense, in row-major order and on one device. What is not needed
/// is null.
struct Transfer {
  /// What is to be done.
  Call call;
  /// What this rank puts in. It may be `out` for all_reduce, and is not written to otherwise.
  const void* in = nullptr;
  /// What this rank gets.
  void* out = nullptr;
  /// Elements of one rank's part: `in` of reduce_scatter and of the root's scatter, and `out` of all_gather and of the
  /// root's gather, have one part for each rank, one after another.
  int64_t count = 0;
  /// all_to_all: elements for each rank, one part after another in `in`.
  std::vector<int64_t> in_counts;
  /// all_to_all: elements from each rank, one part after another in `out`.
  std::vector<int64_t> out_counts;
  /// The device of the memory and, on a device with streams, the stream in which it was made and is used afterwards.
  Stream stream;
  /// Of Backend::mark(): what was queued in `stream` when the call was made has to be done first. Null: all of it now.
  std::shared_ptr<const void> mark = nullptr;
  /// A backend gives up then.
  Clock::time_point deadline;
  /// Of a send or receive: what owns the memory. A backend that may still touch it keeps this.
  std::shared_ptr<const void> owner = nullptr;
};

/// A send or receive that is on its way. Destroying it ends nothing: the other rank may still take or give what it was
/// for, and Transfer::owner keeps the memory for that.
class PendingTransfer {
 public:
  virtual ~PendingTransfer() = default;
  /// Waits until it is done, at most until `until`. False if it is not done then. Throws BackendError.
  virtual bool wait(Clock::time_point until) = 0;
};

/// What carries bytes between the ranks of one group.
class Backend {
 public:
  virtual ~Backend() = default;
  /// As it stands in errors: "gloo".
  virtual const char* name() const = 0;
  /// Whether it takes memory of the device.
  virtual bool carries(Device device) const { return device.is_cpu(); }
  /// Whether it divides averages of tensors on this device itself. Otherwise ReduceOp::kAvg means a sum, and the group
  /// divides, in CPU memory: before the sum for f16, whose sums may be too large for it, otherwise after.
  virtual bool averages(Device /*device*/) const { return false; }
  /// The present end of the stream, for Transfer::mark: run() may come much later, when work is queued that need not be
  /// waited for. Called in the thread that calls the collective.
  virtual std::shared_ptr<const void> mark(const Stream& /*stream*/) { return nullptr; }
  /// Does everything but sends and receives. Calls come one at a time, in the group's order, and block on the CPU.
  /// Throws BackendError where a rank is missing at the deadline, has gone, or calls something else.
  virtual void run(const Transfer& transfer) = 0;
  /// Begins a send or receive; from any thread, also while run() is running.
  virtual std::unique_ptr<PendingTransfer> post(const Transfer& transfer) = 0;
  /// Ends calls that other threads are in: they throw BackendError with this reason, as all later ones do.
  virtual void abort(const std::string& why) = 0;
};

/// Makes the backend of a group; all of its ranks call it. `store` is the group's own: ranks exchange addresses, or a
/// unique id, in it. Throws BackendError if they do not all come within `timeout`.
using BackendFactory =
    std::function<std::unique_ptr<Backend>(const std::shared_ptr<Store>& store, const std::string& group, int rank,
                                           int size, std::chrono::milliseconds timeout)>;

}  // namespace hearth::distributed
