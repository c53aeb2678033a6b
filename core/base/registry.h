// A registry that the linker makes: libraries list constant records, and a program finds those that it links.
//
//   struct Codec { const char* name; ... };                             // codec.h
//   std::span<const Codec* const> codecs();
//   #define MY_CODEC(record) HEARTH_REGISTER(my_codecs, Codec, record)
//
//   HEARTH_REGISTRY(my_codecs, Codec, codecs)                           // codec.cc, defines codecs()
//
//   constexpr Codec kPng{"png", ...};                                   // png.cc
//   MY_CODEC(kPng);
//
// Each entry is a pointer in a section of the program that has the registry's name. Nothing runs when the program
// starts, there is no lock and no allocation, and the order of the entries is the linker's. An entry is there if its
// object file is linked: list it beside code that the program calls, or in a library with alwayslink = True.
#pragma once

#include <span>

/// Defines the function `name`, declared before in the same namespace. It returns a
/// `std::span<const Record* const>` of all entries that are linked, which may be empty. Use it once for each registry,
/// in a .cc file. `registry` names the section: a C identifier that is unique in the program.
//
// Linkers define __start_NAME and __stop_NAME for a section whose name is a C identifier. They are weak because a
// program without entries has no such section. GNU ld and gold keep the section under --gc-sections if one of them is
// used; lld needs -z nostart-stop-gc for that.
#define HEARTH_REGISTRY(registry, Record, name)                          \
  extern "C" {                                                           \
  extern const Record* const __start_##registry[] __attribute__((weak)); \
  extern const Record* const __stop_##registry[] __attribute__((weak));  \
  }                                                                      \
  std::span<const Record* const> name() {                                \
    if (!__start_##registry) return {};                                  \
    return {__start_##registry, __stop_##registry};                      \
  }

/// Lists `record`, a constant of type Record, in the registry. Give the constant's name without its namespace. Use it
/// at namespace scope, in a .cc file.
#define HEARTH_REGISTER(registry, Record, record) \
  [[gnu::used, gnu::section(#registry)]] static const Record* const hearth_entry_of_##registry##_##record = &record
