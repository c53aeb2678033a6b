// What gRPC loses, for AddressSanitizer's search for leaks. c-ares 1.18, its resolver, loses a copy of the name
// "localhost". Its threads end when they like; OpenSSL forgets what it keeps for a thread that is still there when the
// process ends.
extern "C" const char* __lsan_default_suppressions();
extern "C" const char* __lsan_default_suppressions() { return "leak:ares_strdup\nleak:libcrypto.so\n"; }
