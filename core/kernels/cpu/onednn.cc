#include "core/kernels/cpu/onednn.h"

#include <cstdlib>
#include <new>

#include "core/base/config_fact.h"
#include "core/base/error.h"

namespace hearth::cpu::onednn {
namespace {

struct Buffers {
  void* data[kSlots] = {};
  size_t bytes[kSlots] = {};
  ~Buffers() {
    for (void* p : data) std::free(p);
  }
};

}  // namespace

const dnnl::engine& engine() {
  // Never destroyed: primitives may be dropped by destructors that run after main.
  static const auto* e = new dnnl::engine(dnnl::engine::kind::cpu, 0);
  return *e;
}

bool has_avx512() {
  static const bool yes = [] {
    const auto needed = static_cast<unsigned>(dnnl::cpu_isa::avx512_core);
    return (static_cast<unsigned>(dnnl::get_effective_cpu_isa()) & needed) == needed;
  }();
  return yes;
}

dnnl::memory::data_type type_of(DType t) {
  switch (t) {
    case DType::kF32:
      return dnnl::memory::data_type::f32;
    case DType::kBF16:
      return dnnl::memory::data_type::bf16;
    default:
      fail(ErrorKind::kInternal, "oneDNN is not used for dtype ", t);
  }
}

void* scratch(Slot slot, size_t bytes) {
  static thread_local Buffers buffers;
  const auto s = static_cast<size_t>(slot);
  if (buffers.bytes[s] < bytes) {
    std::free(buffers.data[s]);
    const size_t rounded = (bytes + 4095) / 4096 * 4096;
    buffers.data[s] = std::aligned_alloc(64, rounded);
    buffers.bytes[s] = buffers.data[s] ? rounded : 0;
    if (!buffers.data[s]) fail(ErrorKind::kOutOfMemory, "out of memory: ", bytes, " bytes of scratch for a kernel");
  }
  return buffers.data[s];
}

size_t KeyHash::operator()(const Key& k) const {
  uint64_t h = 0x9e3779b97f4a7c15u;
  for (int64_t w : k.word) {
    h ^= static_cast<uint64_t>(w);
    h *= 0xff51afd7ed558ccdu;
    h ^= h >> 32;
  }
  return h;
}

dnnl::primitive_attr attributes() {
  dnnl::primitive_attr a;
  a.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return a;
}

namespace {

// dnnl::memory without its shared_ptr: kernels make several for each call.
struct Memory {
  dnnl_memory_t m = nullptr;
  ~Memory() {
    if (m) dnnl_memory_destroy(m);
  }
};

dnnl::stream& stream() {
  static thread_local dnnl::stream s(engine());
  return s;
}

}  // namespace

void execute(const Primitive& p, std::initializer_list<Argument> arguments) {
  constexpr size_t kMax = 8;
  Memory memory[kMax];
  dnnl_exec_arg_t args[kMax];
  int n = 0;
  auto add = [&](int id, const dnnl_memory_desc_t* md, void* data) {
    if (dnnl_memory_create(&memory[n].m, md, engine().get(), data) != dnnl_success) {
      fail(ErrorKind::kInternal, "oneDNN: a memory object could not be made");
    }
    args[n] = {id, memory[n].m};
    ++n;
  };
  for (const Argument& a : arguments) {
    if (a.data) add(a.id, &a.md->data, const_cast<void*>(a.data));
  }
  if (p.scratch_bytes > 0) {
    const Md md({static_cast<int64_t>(p.scratch_bytes)}, dnnl::memory::data_type::u8, dnnl::memory::format_tag::x);
    add(DNNL_ARG_SCRATCHPAD, &md.data, scratch(Slot::kLibrary, p.scratch_bytes));
  }
  const OmpSingleThread single;
  if (const auto status = dnnl_primitive_execute(p.primitive.get(), stream().get(), n, args); status != dnnl_success) {
    fail(ErrorKind::kInternal, "oneDNN: a primitive failed with status ", static_cast<int>(status));
  }
}

void reorder(const Md& from_md, const void* from, const Md& to_md, void* to) {
  static auto* cache = new LruCache<Primitive>(256);
  Key key;
  size_t i = 0;
  for (const Md* md : {&from_md, &to_md}) {
    const auto& d = md->data;
    // Formats with blocks inside differ in more than strides.
    uint64_t h = static_cast<uint64_t>(d.data_type);
    const auto& blocking = d.format_desc.blocking;
    for (int b = 0; b < blocking.inner_nblks; ++b) {
      h = h * 1000003u + static_cast<uint64_t>(blocking.inner_blks[b] * 16 + blocking.inner_idxs[b]);
    }
    key.word[i++] = static_cast<int64_t>(h);
    key.word[i++] = d.ndims;
    for (int k = 0; k < d.ndims; ++k) {
      key.word[i++] = d.dims[k];
      key.word[i++] = blocking.strides[k];
    }
  }
  const auto p = cache->get(key, [&] {
    const dnnl::reorder::primitive_desc pd(engine(), from_md, engine(), to_md, attributes());
    return std::make_shared<const Primitive>(Primitive{dnnl::reorder(pd), pd.scratchpad_desc().get_size(), {}});
  });
  execute(*p, {{DNNL_ARG_FROM, &from_md, from}, {DNNL_ARG_TO, &to_md, to}});
}

}  // namespace hearth::cpu::onednn

namespace hearth {
namespace {

std::string onednn_version() {
  const dnnl_version_t& v = *dnnl_version();
  return concat(v.major, ".", v.minor, ".", v.patch);
}

constexpr ConfigFact kOneDnn{"oneDNN", onednn_version};
HEARTH_CONFIG_FACT(kOneDnn);

}  // namespace
}  // namespace hearth
