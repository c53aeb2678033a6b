#include "text/data/collate.h"

#include <utility>
#include <vector>

#include "core/base/error.h"

namespace hearth::text {

data::Collate text_collate(int64_t pad_id, int64_t multiple_of) {
  using Entry = data::PaddingCollate::Entry;
  const Entry ids{"input_ids", {.value = pad_id, .multiple_of = multiple_of, .mask = true}};
  const Entry labels{"labels", {.value = kIgnoredLabel, .multiple_of = multiple_of}};
  return [of_texts = data::PaddingCollate({ids}),
          of_tokens = data::PaddingCollate({ids, labels})](std::vector<data::Example> examples) {
    HEARTH_CHECK(!examples.empty(), "text_collate: there are no examples");
    const Tensor* first = examples[0].find("labels");
    const bool tokens = first != nullptr && first->defined() && first->dim() > 0;
    const data::Example padded = tokens ? of_tokens(std::move(examples)) : of_texts(std::move(examples));
    data::Example out;
    for (const auto& [name, tensor] : padded) {
      const bool mask = name == "input_ids_mask";
      HEARTH_CHECK(name != "attention_mask", "text_collate: the examples have an \"attention_mask\" already");
      out.set(mask ? "attention_mask" : name, tensor);
    }
    return out;
  };
}

}  // namespace hearth::text
