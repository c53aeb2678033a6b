// The parts of Asio that need compiling only once, apart from http_server.cc, which would take too long.
#include <boost/asio/impl/src.hpp>
#include <boost/asio/ssl/impl/src.hpp>
