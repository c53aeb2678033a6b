// The parts of Asio that need compiling only once, apart from the files that use them.
#include <boost/asio/impl/src.hpp>
#include <boost/asio/ssl/impl/src.hpp>
