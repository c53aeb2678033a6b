// The distributed example's job files, each tried: Slurm and Open MPI run for real on hosts that tools/cluster makes;
// the manifest is held against Kubernetes' schema, and its pods are started as Kubernetes would, as far as we can.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <tuple>
#include <vector>

#include "tests/distributed/command.h"

namespace {

using hearth::distributed::Ended;
using hearth::distributed::run_command;

constexpr int kLacks = 77;  // the status of what finds that this machine lacks something

std::string temporary() {
  std::string dir = testing::TempDir() + "/launchers_XXXXXX";
  return mkdtemp(dir.data());
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

std::string text_of(const std::string& path) {
  std::ifstream f(path);
  std::stringstream s;
  s << f.rdbuf();
  return s.str();
}

// A script of the shell at the head of a cluster.
Ended in_cluster(const std::string& options, const std::string& script, const std::string& out) {
  const std::string path = out + "/script.sh";
  std::ofstream(path) << script;
  return run_command("OUT=" + out + " TRAIN=examples/distributed/train tools/cluster " + options + " bash -eu " + path);
}

double accuracy(const std::string& text) {
  const std::string before = "ranks, test accuracy: ";
  const size_t at = text.find(before);
  return at == std::string::npos ? -1 : std::atof(text.c_str() + at + before.size());
}

#define NEEDS_IMAGES()                                               \
  if (!std::filesystem::exists("/usr/share/datasets/fashion-mnist")) \
  GTEST_SKIP() << "needs the package dataset-fashion-mnist"
#define SKIP_IF_LACKING(ended) \
  if ((ended).status == kLacks) GTEST_SKIP() << (ended).out

constexpr const char* kQuick = "--limit=2000 --epochs=1 --checkpoint_steps=20";

TEST(Slurm, TrainsOnTwoHosts) {
  NEEDS_IMAGES();
  const std::string out = temporary();
  const Ended r = in_cluster("slurm",
                             "sbatch --wait --ntasks-per-node=1 --output=$OUT/log examples/distributed/slurm.sbatch "
                             "--out=$OUT/run " +
                                 std::string(kQuick),
                             out);
  SKIP_IF_LACKING(r);
  const std::string log = text_of(out + "/log");
  EXPECT_EQ(r.status, 0) << r.out << log;
  EXPECT_TRUE(has(log, "2 ranks, test accuracy: ")) << log;
  EXPECT_GT(accuracy(log), 50) << log;
}

// Of three hosts one dies: Slurm starts the job again on the other two, from the checkpoint.
TEST(Slurm, AHostThatDiesIsReplaced) {
  NEEDS_IMAGES();
  const std::string out = temporary();
  const Ended r = in_cluster("--hosts=3 slurm",
                             R"bash(job=$(sbatch --parsable --ntasks-per-node=1 --output=$OUT/log \
  examples/distributed/slurm.sbatch --out=$OUT/run --limit=4000 --epochs=4 --checkpoint_steps=20)
until [ -e $OUT/run/latest ] || [ -z "$(squeue -h -j $job)" ]; do sleep 0.1; done
cluster kill n2
until scontrol show job $job | grep -qE 'JobState=(COMPLETED|FAILED|CANCELLED)'; do sleep 0.2; done
scontrol show job $job)bash",
                             out);
  SKIP_IF_LACKING(r);
  const std::string log = text_of(out + "/log");
  EXPECT_TRUE(has(r.out, "JobState=COMPLETED")) << r.out << log;
  EXPECT_TRUE(has(r.out, "NodeList=n[1,3]")) << r.out;
  EXPECT_TRUE(has(log, "going on after step ")) << log;
  EXPECT_GT(accuracy(log), 50) << log;
}

TEST(OpenMpi, TrainsOnTwoHosts) {
  NEEDS_IMAGES();
  const std::string out = temporary();
  const Ended r =
      in_cluster("mpi", "examples/distributed/mpirun.sh n1:1,n2:1 --out=$OUT/run " + std::string(kQuick), out);
  SKIP_IF_LACKING(r);
  EXPECT_EQ(r.status, 0) << r.out;
  EXPECT_TRUE(has(r.out, "2 ranks, test accuracy: ")) << r.out;
  EXPECT_GT(accuracy(r.out), 50) << r.out;
}

TEST(OpenMpi, GoesOnAfterAHostHasDied) {
  NEEDS_IMAGES();
  const std::string out = temporary();
  const Ended r = in_cluster("mpi",
                             R"bash(examples/distributed/mpirun.sh n1:1,n2:1 --out=$OUT/run \
  --limit=4000 --epochs=4 --checkpoint_steps=20 &
until [ -e $OUT/run/latest ] || ! kill -0 $!; do sleep 0.1; done
cluster kill n2
wait $!)bash",
                             out);
  SKIP_IF_LACKING(r);
  EXPECT_EQ(r.status, 0) << r.out;
  EXPECT_TRUE(has(r.out, "attempt 1 has failed")) << r.out;
  EXPECT_TRUE(has(r.out, "going on after step ")) << r.out;
  EXPECT_GT(accuracy(r.out), 50) << r.out;
}

const std::string kManifest = "examples/distributed/kubernetes.yaml";
const std::string kReader = "python3 tests/examples/kubernetes_manifest.py ";

Ended check(const std::string& manifest) {
  return run_command(kReader + "check tests/examples/kubernetes_schema.json " + manifest);
}

TEST(Kubernetes, TheManifestKeepsTheSchema) {
  const Ended r = check(kManifest);
  SKIP_IF_LACKING(r);
  EXPECT_EQ(r.status, 0) << r.out;
  // The check itself: each of these changes makes a manifest that does not.
  const std::string whole = text_of(kManifest);
  for (const auto& [from, to, fault] : std::vector<std::tuple<std::string, std::string, std::string>>{
           {"completions: 2", "completions: two", "spec.completions: must be of type integer"},
           {"backoffLimit:", "backofLimit:", "spec: backofLimit is not known"},
           {"value: \"29500\"", "value: 29500", "env[2].value: must be of type string"},
           {"- name: train\n", "- title: train\n", "containers[0]: name is missing"},
           {"cpu: \"2\"", "cpu: [2]", "is of no kind that may stand here"},
           {"kind: Job", "kind: Jobs", "batch/v1 Jobs is no kind that the schema has"},
           {"  template:\n", "  pattern:\n", "spec: template is missing"},
           {"completionMode: Indexed", "completionMode: NonIndexed", "pods would have no rank"},
           {"parallelism: 2", "parallelism: 1", "all ranks must run at once"},
           {"value: \"2\"", "value: \"3\"", "WORLD_SIZE must be the number of completions"},
           {"subdomain: train-ranks", "subdomain: train-hosts", "its subdomain must be the Service's name"},
           {"value: train-0.train-ranks", "value: train-0", "MASTER_ADDR must be train-0.train-ranks"},
           {"containerPort: 29500", "containerPort: 29501", "MASTER_PORT must be one of the container's ports"},
           {"clusterIP: None", "clusterIP: 10.0.0.1", "must be headless"},
           {"job-name: train", "job-name: run", "must select the Job's pods"},
           {"- name: runs\n          persistent", "- name: run\n          persistent", "a volume is mounted"}}) {
    const size_t at = whole.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    const std::string path = temporary() + "/manifest.yaml";
    std::ofstream(path) << std::string(whole).replace(at, from.size(), to);
    const Ended broken = check(path);
    EXPECT_EQ(broken.status, 1) << to;
    EXPECT_TRUE(has(broken.out, fault)) << to << "\n" << broken.out;
  }
}

// Its pods: hosts of their names, with the environment and arguments that it gives.
TEST(Kubernetes, ItsPodsTrain) {
  NEEDS_IMAGES();
  const std::string out = temporary();
  setenv("QUICK", kQuick, 1);
  setenv("POD", (kReader + "pod " + kManifest).c_str(), 1);
  std::ofstream(out + "/pod.sh") << R"bash(eval "$($POD $NODE_RANK)"
hostname "$name"
HEARTH_JOB_TOKEN=secret exec $TRAIN "${arguments[@]/#--out=\/runs/--out=$OUT}" $QUICK)bash";
  const Ended r = in_cluster("run", R"bash(for i in 0 1; do
  eval "$($POD $i)"
  echo "10.77.0.$((i + 1)) $name" >> /etc/hosts
done
cluster each bash -eu $OUT/pod.sh)bash",
                             out);
  SKIP_IF_LACKING(r);
  EXPECT_EQ(r.status, 0) << r.out;
  EXPECT_TRUE(has(r.out, "n1: 2 ranks, test accuracy: ")) << r.out;
  EXPECT_TRUE(std::filesystem::exists(out + "/train/latest"));
}

}  // namespace
