// Pooling layers: the functions of core/ops/pool.h with their settings kept.
#pragma once

#include "core/nn/module.h"
#include "core/ops/pool.h"

namespace hearth::nn {

class MaxPool2d : public Module<MaxPool2d> {
 public:
  explicit MaxPool2d(Extent2 kernel, const MaxPool2dOptions& options = {}) : kernel_(kernel), options_(options) {}
  MaxPool2d(ModuleBase* parent, const char* name, Extent2 kernel, const MaxPool2dOptions& options = {})
      : Module(parent, name), kernel_(kernel), options_(options) {}
  Tensor forward(const Tensor& x) const { return max_pool2d(x, kernel_, options_); }

 private:
  Extent2 kernel_;
  MaxPool2dOptions options_;
};

class AvgPool2d : public Module<AvgPool2d> {
 public:
  explicit AvgPool2d(Extent2 kernel, const AvgPool2dOptions& options = {}) : kernel_(kernel), options_(options) {}
  AvgPool2d(ModuleBase* parent, const char* name, Extent2 kernel, const AvgPool2dOptions& options = {})
      : Module(parent, name), kernel_(kernel), options_(options) {}
  Tensor forward(const Tensor& x) const { return avg_pool2d(x, kernel_, options_); }

 private:
  Extent2 kernel_;
  AvgPool2dOptions options_;
};

class AdaptiveMaxPool2d : public Module<AdaptiveMaxPool2d> {
 public:
  explicit AdaptiveMaxPool2d(Extent2 output) : output_(output) {}
  AdaptiveMaxPool2d(ModuleBase* parent, const char* name, Extent2 output) : Module(parent, name), output_(output) {}
  Tensor forward(const Tensor& x) const { return adaptive_max_pool2d(x, output_); }

 private:
  Extent2 output_;
};

class AdaptiveAvgPool2d : public Module<AdaptiveAvgPool2d> {
 public:
  explicit AdaptiveAvgPool2d(Extent2 output) : output_(output) {}
  AdaptiveAvgPool2d(ModuleBase* parent, const char* name, Extent2 output) : Module(parent, name), output_(output) {}
  Tensor forward(const Tensor& x) const { return adaptive_avg_pool2d(x, output_); }

 private:
  Extent2 output_;
};

class MaxPool1d : public Module<MaxPool1d> {
 public:
  explicit MaxPool1d(int64_t kernel, const MaxPool1dOptions& options = {}) : kernel_(kernel), options_(options) {}
  MaxPool1d(ModuleBase* parent, const char* name, int64_t kernel, const MaxPool1dOptions& options = {})
      : Module(parent, name), kernel_(kernel), options_(options) {}
  Tensor forward(const Tensor& x) const { return max_pool1d(x, kernel_, options_); }

 private:
  int64_t kernel_;
  MaxPool1dOptions options_;
};

class AvgPool1d : public Module<AvgPool1d> {
 public:
  explicit AvgPool1d(int64_t kernel, const AvgPool1dOptions& options = {}) : kernel_(kernel), options_(options) {}
  AvgPool1d(ModuleBase* parent, const char* name, int64_t kernel, const AvgPool1dOptions& options = {})
      : Module(parent, name), kernel_(kernel), options_(options) {}
  Tensor forward(const Tensor& x) const { return avg_pool1d(x, kernel_, options_); }

 private:
  int64_t kernel_;
  AvgPool1dOptions options_;
};

}  // namespace hearth::nn
