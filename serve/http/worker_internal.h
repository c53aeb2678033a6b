// HttpWorker: one of a server's threads, with the connections that belong to it.
#pragma once

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <unordered_set>

namespace hearth::serve {

class HttpSession;

struct HttpWorker {
  boost::asio::io_context io{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> alive{io.get_executor()};
  boost::asio::steady_timer timer{io};
  std::unordered_set<HttpSession*> sessions;  // of this thread alone
  std::atomic<int64_t> idle{0};               // connections that may be closed to make room

  /// Runs handlers until `io` is stopped. An exception in a handler (out of memory, most likely) ends its connection.
  void serve();
  /// Checks the connections' deadlines from now on, in intervals.
  void sweep();
  /// Closes the connection that has been idle for longest, if there is one.
  void make_room();
};

}  // namespace hearth::serve
