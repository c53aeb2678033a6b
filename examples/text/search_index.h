// An index of the passages in a folder's text files: a vector for each, kept in a directory between searches.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/tensor/tensor.h"
#include "examples/text/passages.h"
#include "text/models/sentence_encoder.h"

namespace hearth::examples {

// A passage that was found.
struct Found {
  double score;  // the cosine between it and the question
  std::string file;
  int64_t line;
  std::string text;
};

// What update() did.
struct IndexChanges {
  int64_t files = 0, passages = 0;       // in the index now
  int64_t read = 0, kept = 0, gone = 0;  // files
  bool altered = false;                  // whether the index is to be saved
  std::vector<std::string> not_text;     // files that are not UTF-8, have zero bytes, or are too large
  std::vector<std::string> unreadable;   // files that could not be read, or have vanished meanwhile
};

// What search() has found.
struct Answer {
  std::vector<Found> found;             // the best first
  std::vector<std::string> unreadable;  // files of passages that are left out, because they cannot be read any more
};

class SearchIndex {
 public:
  // `model` tells encoders apart: passages of another are encoded anew.
  explicit SearchIndex(std::string model) : model_(std::move(model)) {}

  // Reads what save() has written. Where there is nothing the index stays empty. kInvalidArgument, kDataLoss: the
  // directory holds something else, or is damaged.
  absl::Status load(const std::string& directory);
  // Writes vectors.safetensors and index.json; whoever reads the directory finds the old index or the whole new one.
  // kResourceExhausted: load() would refuse an index of so many passages.
  absl::Status save(const std::string& directory) const;

  // Makes the index that of the files in `folder` and below, but for hidden ones and what is in `except`. Files whose
  // size and time of change are those of the index are not read; of the others those with new content are encoded, a
  // few at a time. `progress` is told how many of their bytes are done; `save` is called now and then, so that what was
  // encoded is not lost if the program ends. Errors name the file and the line.
  absl::StatusOr<IndexChanges> update(const std::string& folder, const std::string& except,
                                      const text::SentenceEncoder& encoder,
                                      const std::function<void(int64_t done, int64_t of)>& progress,
                                      const std::function<absl::Status()>& save);

  // The `count` passages nearest to the question; fewer where files have vanished.
  absl::StatusOr<Answer> search(const std::string& folder, const std::string& question, int64_t count,
                                const text::SentenceEncoder& encoder) const;

 private:
  struct File {
    int64_t size = 0, changed = 0;  // bytes, nanoseconds
    uint32_t checksum = 0;
    std::vector<Passage> passages;
    Tensor vectors;  // [passages, dimension], of length 1
  };
  // Files that are to be encoded together.
  struct Group {
    std::vector<std::pair<std::string, File>> files;
    std::vector<std::string> texts;
  };
  absl::Status add(Group group, const std::string& folder, const text::SentenceEncoder& encoder);
  void drop(const std::string& name, IndexChanges& changes);
  std::string model_;
  std::map<std::string, File> files_;  // by their path in the folder
};

}  // namespace hearth::examples
