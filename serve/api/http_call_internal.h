// HttpApi::Call: a request on its way through HttpApi, whose functions are in http_api.cc and http_infer.cc.
#pragma once

#include <cstdint>
#include <string>

#include "serve/api/http_api.h"
#include "serve/oip/infer_request.h"

namespace hearth::serve {

struct HttpApi::Call {
  HttpRequest request;
  Respond respond;
  std::string id;
  ModelPtr model;
  InferRequest infer;
  Job::Timing timing;
  Reservation memory = {};  // of tensors
  int64_t bytes_in = 0;     // of the body, which is freed as soon as there are tensors
};

}  // namespace hearth::serve
