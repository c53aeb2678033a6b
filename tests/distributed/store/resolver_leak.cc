// c-ares 1.18, gRPC's resolver, loses a copy of the name "localhost".
extern "C" const char* __lsan_default_suppressions();
extern "C" const char* __lsan_default_suppressions() { return "leak:ares_strdup\n"; }
