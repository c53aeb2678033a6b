// Bytes and JSON between ranks, of any size on each: what takes the place of pickled objects. Nothing that arrives is
// ever executed.
#pragma once

#include <string>
#include <vector>

#include "distributed/group/process_group.h"

namespace hearth::distributed {

/// The most bytes that one rank may give: 1 GiB.
constexpr int64_t kMaxObject = int64_t{1} << 30;

/// The root's bytes. The others' are ignored.
std::string broadcast_bytes(ProcessGroup& group, const std::string& bytes, int root);
/// All ranks' bytes, by rank.
std::vector<std::string> all_gather_bytes(ProcessGroup& group, const std::string& bytes);
/// All ranks' bytes on the root, by rank; nothing on the others.
std::vector<std::string> gather_bytes(ProcessGroup& group, const std::string& bytes, int root);
/// Entry r of the root's list, on rank r. The others' lists are ignored. On the root, throws Error on all ranks unless
/// there is an entry for each.
std::string scatter_bytes(ProcessGroup& group, const std::vector<std::string>& parts, int root);
/// Gives bytes to a rank that calls recv_bytes with the same tag.
void send_bytes(ProcessGroup& group, const std::string& bytes, int to, uint32_t tag = 0);
/// The bytes that a rank sends.
std::string recv_bytes(ProcessGroup& group, int from, uint32_t tag = 0);

/// As broadcast_bytes, for the text of a JSON value. If the root's text is no JSON, all ranks throw Error.
std::string broadcast_json(ProcessGroup& group, const std::string& text, int root);
/// As all_gather_bytes, for texts of JSON values. If a rank's text is no JSON, all ranks throw Error that names it.
std::vector<std::string> all_gather_json(ProcessGroup& group, const std::string& text);

}  // namespace hearth::distributed
