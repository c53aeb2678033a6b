#include "examples/common/training_state.h"

#include "absl/strings/str_cat.h"
#include "core/tensor/generator.h"

namespace hearth::examples {

absl::Status TrainingState::save(absl::FunctionRef<void(io::Checkpoint&)> more) const {
  io::Checkpoint c;
  c.set("plan", plan);
  c.put("model", model);
  c.put("optimizer", optimizer);
  c.put("schedule", schedule);
  c.put("loader", loader);
  c.put("random", default_generator());
  for (const auto& [name, values] : curves) c.set(name, *values);
  more(c);
  return c.save(path);
}

absl::Status TrainingState::restore(absl::FunctionRef<absl::Status(const io::Checkpoint&)> more) const {
  const auto c = io::Checkpoint::load(path);
  if (!c.ok()) return c.status();
  std::string saved;
  if (absl::Status s = c->get("plan", saved); !s.ok()) return s;
  if (saved != plan) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, " was made with ", saved, "; resume with the same, or start anew without --resume"));
  }
  if (absl::Status s = more(*c); !s.ok()) return s;
  absl::Status s = c->get("model", model);
  s.Update(c->get("optimizer", optimizer));
  s.Update(c->get("schedule", schedule));
  s.Update(c->get("loader", loader));
  s.Update(c->get("random", default_generator()));
  for (const auto& [name, values] : curves) s.Update(c->get(name, *values));
  return s;
}

}  // namespace hearth::examples
