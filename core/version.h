/// Which Hearth this is, and what it runs with.
#pragma once

#include <string>

/// The first number of the version of these headers.
#define HEARTH_VERSION_MAJOR 0
/// The second number of the version of these headers.
#define HEARTH_VERSION_MINOR 2
/// The third number of the version of these headers.
#define HEARTH_VERSION_PATCH 0

namespace hearth {

/// "0.2.0". Source compatibility is promised within a minor version; binary compatibility is not promised.
const char* version();

/// What a report of a problem should contain, a line each: the version, the compiler, the instruction sets that kernels
/// were compiled for and the one in use, threads, the libraries that are linked into this program with their versions,
/// and the environment variables that Hearth reads. The libraries that a program does not link are not named.
std::string config();

}  // namespace hearth
