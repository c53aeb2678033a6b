#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "core/base/error.h"
#include "core/base/utf8.h"
#include "core/io/pickle_builder_internal.h"
#include "core/io/pickle_calls_internal.h"
#include "core/io/pickle_internal.h"

namespace hearth::io {
namespace {

using Kind = PickledObject::Kind;
using Index = PickledIndex;

// Texts of Python may hold halves of surrogate pairs, which no text of UTF-8 does.
bool has_surrogates(std::string_view s) {
  constexpr size_t kBytes = 3;
  std::string rest;
  for (size_t i = 0; i < s.size();) {
    const bool half = s[i] == '\xed' && s.size() - i >= kBytes && static_cast<unsigned char>(s[i + 1]) >= 0xa0;
    rest += half ? '?' : s[i];
    i += half ? kBytes : 1;
  }
  return is_utf8(rest);
}

// Goes through the instructions of a pickle, which work on a stack.
class Machine {
 public:
  Machine(std::string_view bytes, PickleMemory& memory) : bytes_(bytes), builder_(memory), calls_(builder_) {}

  Pickle run() {
    none_ = make({.kind = Kind::kNone});
    no_ = make({.kind = Kind::kBool});
    yes_ = make({.kind = Kind::kBool, .integer = 1});
    while (!done_) step(static_cast<unsigned char>(take(1)[0]));
    const Index root = pop();
    if (!stack_.empty() || !marks_.empty()) damaged("something is left over at its end");
    return builder_.finish(root, at_);
  }

 private:
  // ---- The bytes
  std::string_view take(uint64_t n) {
    if (n > bytes_.size() - at_) damaged("it is cut off");
    const std::string_view s = bytes_.substr(at_, n);
    at_ += n;
    return s;
  }
  template <class T>
  T number() {
    T v;
    std::memcpy(&v, take(sizeof v).data(), sizeof v);
    return v;
  }
  std::string_view line() {
    const size_t end = bytes_.find('\n', at_);
    if (end == std::string_view::npos) damaged("it is cut off");
    const std::string_view s = bytes_.substr(at_, end - at_);
    at_ = end + 1;
    return s;
  }
  std::string_view text(uint64_t n) {
    const std::string_view s = take(n);
    if (is_utf8(s)) return s;
    if (has_surrogates(s)) unsupported("a text has half of a surrogate pair, which UTF-8 cannot hold");
    damaged("a text is not UTF-8");
  }

  // ---- Objects and the stack
  PickledObject& object(Index i) { return builder_.object(i); }
  Index make(PickledObject o) { return builder_.make(std::move(o)); }
  // What grows by and by may have room for twice what it holds.
  void push(Index i) {
    builder_.take(2 * sizeof i);
    stack_.push_back(i);
  }
  void mark() {
    builder_.take(2 * sizeof(size_t));
    marks_.push_back(stack_.size());
  }
  void remember(uint32_t key) {
    builder_.take(kPickleEntryMemory);
    memo_.insert_or_assign(key, top());
  }
  void push_new(PickledObject o) { push(make(std::move(o))); }
  // The stack above the last mark belongs to what comes next; below it nothing may be taken.
  size_t floor() const { return marks_.empty() ? 0 : marks_.back(); }
  Index pop() {
    if (stack_.size() <= floor()) damaged("its stack is empty");
    const Index i = stack_.back();
    stack_.pop_back();
    return i;
  }
  Index top() {
    if (stack_.size() <= floor()) damaged("its stack is empty");
    return stack_.back();
  }
  std::vector<Index> pop_to_mark() {
    if (marks_.empty()) damaged("a mark is missing");
    std::vector<Index> items(stack_.begin() + static_cast<ptrdiff_t>(marks_.back()), stack_.end());
    stack_.resize(marks_.back());
    marks_.pop_back();
    return items;
  }
  void push_tuple(std::vector<Index> items) { push_new({.kind = Kind::kTuple, .items = std::move(items)}); }
  void push_small_tuple(size_t n) {
    std::vector<Index> items(n);
    for (size_t i = n; i-- > 0;) items[i] = pop();
    push_tuple(std::move(items));
  }

  // ---- Steps
  void step(unsigned op) {
    switch (op) {
      case 0x80:
        return protocol();  // PROTO
      case 0x95:
        return void(number<uint64_t>());  // FRAME
      case '.':
        done_ = true;
        return;  // STOP
      case '(':
        return mark();  // MARK
      case '0':
        return void(pop());  // POP
      case '1':
        return void(pop_to_mark());  // POP_MARK
      case 'N':
        return push(none_);  // NONE
      case 0x88:
        return push(yes_);  // NEWTRUE
      case 0x89:
        return push(no_);  // NEWFALSE
      case ']':
        return push_new({.kind = Kind::kList});  // EMPTY_LIST
      case '}':
        return push_new({.kind = Kind::kDict});  // EMPTY_DICT
      case 0x8f:
        return push_new({.kind = Kind::kSet});  // EMPTY_SET
      case ')':
        return push_tuple({});  // EMPTY_TUPLE
      case 't':
        return push_tuple(pop_to_mark());  // TUPLE
      case 0x85:
      case 0x86:
      case 0x87:
        return push_small_tuple(op - 0x84);  // TUPLE1 to 3
      case 'c':
        return global();  // GLOBAL
      case 0x93:
        return stack_global();  // STACK_GLOBAL
      case 'R':
      case 0x81:
        return reduce();  // REDUCE, NEWOBJ
      case 'b':
        return build();  // BUILD
      case 'Q':
        return push(calls_.storage(pop()));  // BINPERSID
      case 'a':
        return append({pop()}, Kind::kList);  // APPEND
      case 'e':
        return append(pop_to_mark(), Kind::kList);  // APPENDS
      case 0x90:
        return append(pop_to_mark(), Kind::kSet);  // ADDITEMS
      case 0x91:
        return push_new({.kind = Kind::kSet, .items = pop_to_mark()});  // FROZENSET
      case 's':
        return set_item();  // SETITEM
      case 'u':
        return append(pop_to_mark(), Kind::kDict);  // SETITEMS
      default:
        if (!number_step(op) && !memo_step(op)) damaged(concat("it has the instruction ", op, ", which is unknown"));
    }
  }
  bool number_step(unsigned op) {
    switch (op) {
      case 'J':
        integer(number<int32_t>());
        return true;  // BININT
      case 'K':
        integer(number<uint8_t>());
        return true;  // BININT1
      case 'M':
        integer(number<uint16_t>());
        return true;  // BININT2
      case 0x8a:
        big_integer();
        return true;  // LONG1
      case 'G':
        real();
        return true;  // BINFLOAT
      case 'X':
      case 'T':
        push_text(text(number<uint32_t>()));
        return true;  // BINUNICODE, BINSTRING
      case 'U':
      case 0x8c:
        push_text(text(number<uint8_t>()));
        return true;  // SHORT_BINSTRING, SHORT_BINUNICODE
      case 0x8d:
        push_text(text(number<uint64_t>()));
        return true;  // BINUNICODE8
      case 'C':
        push_bytes(take(number<uint8_t>()));
        return true;  // SHORT_BINBYTES
      case 'B':
        push_bytes(take(number<uint32_t>()));
        return true;  // BINBYTES
      case 0x8e:
      case 0x96:
        push_bytes(take(number<uint64_t>()));
        return true;  // BINBYTES8, BYTEARRAY8
      default:
        return false;
    }
  }
  bool memo_step(unsigned op) {
    switch (op) {
      case 'q':
        remember(number<uint8_t>());
        return true;  // BINPUT
      case 'r':
        remember(number<uint32_t>());
        return true;  // LONG_BINPUT
      case 0x94:
        remember(static_cast<uint32_t>(memo_.size()));
        return true;  // MEMOIZE
      case 'h':
        remembered(number<uint8_t>());
        return true;  // BINGET
      case 'j':
        remembered(number<uint32_t>());
        return true;  // LONG_BINGET
      default:
        return false;
    }
  }

  void protocol() {
    const auto version = number<uint8_t>();
    if (version < 2 || version > 5) unsupported(concat("the pickle has protocol ", version, "; 2 to 5 are read"));
  }
  void integer(int64_t v) { push_new({.kind = Kind::kInt, .integer = v}); }
  void big_integer() {
    const std::string_view s = take(number<uint8_t>());
    if (s.size() > 8) unsupported(concat("the pickle has an integer of ", s.size(), " bytes; at most 8 are possible"));
    uint64_t v = !s.empty() && s.back() < 0 ? ~uint64_t{0} : 0;
    if (!s.empty()) std::memcpy(&v, s.data(), s.size());
    integer(static_cast<int64_t>(v));
  }
  void real() {
    std::string s(take(8));
    std::ranges::reverse(s);
    PickledObject o{.kind = Kind::kFloat};
    std::memcpy(&o.real, s.data(), 8);
    push_new(std::move(o));
  }
  void push_text(std::string_view s) { push_new({.kind = Kind::kText, .text = s}); }
  void push_bytes(std::string_view s) { push_new({.kind = Kind::kBytes, .text = s}); }
  void remembered(uint32_t key) {
    const auto found = memo_.find(key);
    if (found == memo_.end()) damaged(concat("it remembers nothing under ", key));
    push(found->second);
  }

  void append(std::vector<Index> items, Kind kind) {
    PickledObject& o = object(top());
    if (o.kind != kind) damaged("it adds items to what is no list, dict or set");
    if (kind == Kind::kDict && items.size() % 2 != 0) damaged("a key of a dict has no value");
    builder_.take(2 * items.size() * sizeof(Index));
    o.items.insert(o.items.end(), items.begin(), items.end());
  }
  void set_item() {
    const Index value = pop(), key = pop();
    append({key, value}, Kind::kDict);
  }
  // The state of an OrderedDict (versions of modules) or attributes of a tensor: not kept.
  void build() {
    pop();
    const PickledObject& o = object(top());
    if (!(o.kind == Kind::kDict && o.ordered) && o.kind != Kind::kTensor) damaged("it gives a state to what has none");
  }

  // ---- Names
  void global() {
    const std::string_view module = line();
    push(named(module, line()));
  }
  void stack_global() {
    const Index name = pop(), module = pop();
    push(named(builder_.text_of(module, "a module"), builder_.text_of(name, "a name")));
  }
  Index named(std::string_view module, std::string_view name) {
    return make({.kind = Kind::kGlobal, .meaning = meaning_of(module, name), .text = name});
  }

  // ---- Calls
  void reduce() {
    const Index arguments = pop(), callee = pop();
    if (object(arguments).kind != Kind::kTuple) damaged("the arguments of a call are no tuple");
    push(calls_.call(callee, arguments));
  }

  std::string_view bytes_;
  size_t at_ = 0;
  bool done_ = false;
  PickleBuilder builder_;
  PickleCalls calls_;
  std::vector<Index> stack_;
  std::vector<size_t> marks_;
  absl::flat_hash_map<uint32_t, Index> memo_;
  Index none_ = 0, no_ = 0, yes_ = 0;
};

}  // namespace

Pickle read_pickle(std::string_view bytes, PickleMemory& memory) { return Machine(bytes, memory).run(); }

}  // namespace hearth::io
