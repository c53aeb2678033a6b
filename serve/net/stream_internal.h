// ByteStream: the bytes of one accepted connection, over TCP or over TLS on it.
#pragma once

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/system/error_code.hpp>
#include <cstddef>
#include <functional>
#include <memory>

#include "serve/net/tls_internal.h"

namespace hearth::serve {

/// All operations are asynchronous and complete in the thread of the socket's io_context. At most one read and one
/// write may be under way.
class ByteStream {
 public:
  /// The error, and the number of bytes read or written.
  using Handler = std::function<void(boost::system::error_code, size_t)>;
  virtual ~ByteStream() = default;
  /// Comes before all else.
  virtual void handshake(Handler done) = 0;
  /// Reads at least one byte. The end of the client's data is asio::error::eof, over TLS also without "close notify".
  virtual void read_some(boost::asio::mutable_buffer to, Handler done) = 0;
  /// Writes both buffers as a whole.
  virtual void write(const std::array<boost::asio::const_buffer, 2>& from, Handler done) = 0;
  /// Tells the client that no more will be written.
  virtual void shutdown(Handler done) = 0;
  /// The TCP connection below.
  virtual boost::asio::ip::tcp::socket& socket() = 0;
};

/// A stream over an accepted socket; `tls` is null for plain TCP.
std::unique_ptr<ByteStream> make_stream(boost::asio::ip::tcp::socket socket, std::shared_ptr<TlsContext> tls);

}  // namespace hearth::serve
