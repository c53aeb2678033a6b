#include "core/io/file.h"

#include <csignal>
#include <filesystem>

#include <linux/capability.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "core/base/error.h"
#include "core/io/atomic_file.h"
#include "core/io/directory_lock.h"
#include "core/io/or_throw.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hearth::io {
namespace {

using testing::HasSubstr;

class FileTest : public testing::Test {
 protected:
  void SetUp() override {
    directory_ = testing::TempDir() + "/" + testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::remove_all(directory_);
    std::filesystem::create_directories(directory_);
  }
  std::string path(const std::string& name = "file") const { return directory_ + "/" + name; }
  size_t files() const {
    return static_cast<size_t>(std::distance(std::filesystem::directory_iterator(directory_), {}));
  }
  std::string content(const std::string& name = "file") const { return read_file(path(name), 1 << 20).value(); }

  std::string directory_;
};

TEST_F(FileTest, WritesReadsAndMaps) {
  std::string bytes(200000, 'x');
  bytes[0] = '\0';
  ASSERT_TRUE(write_file(path(), bytes).ok());
  EXPECT_EQ(content(), bytes);
  auto mapped = MappedFile::open(path());
  ASSERT_TRUE(mapped.ok());
  EXPECT_EQ(std::string(reinterpret_cast<const char*>((*mapped)->data()), (*mapped)->size()), bytes);
  ASSERT_TRUE(write_file(path(), "new").ok());
  EXPECT_EQ(static_cast<char>((*mapped)->data()[199999]), 'x');
  EXPECT_EQ(content(), "new");
  EXPECT_EQ(files(), 1u);
}

TEST_F(FileTest, PiecesAreJoinedInOrder) {
  std::string expected;
  auto file = AtomicFile::create(path());
  ASSERT_TRUE(file.ok());
  for (size_t n : {size_t{1}, size_t{65535}, size_t{3}, size_t{100000}, size_t{0}, size_t{7}}) {
    const std::string piece(n, static_cast<char>('a' + n % 26));
    expected += piece;
    ASSERT_TRUE(file->write(piece).ok());
  }
  EXPECT_FALSE(std::filesystem::exists(path()));
  ASSERT_TRUE(file->commit().ok());
  EXPECT_EQ(content(), expected);
  EXPECT_EQ(file->commit().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(file->write("more").code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(FileTest, EmptyFile) {
  ASSERT_TRUE(write_file(path(), "").ok());
  EXPECT_EQ(content(), "");
  EXPECT_EQ(MappedFile::open(path()).value()->size(), 0u);
}

TEST_F(FileTest, AbandonedWriterLeavesTheOldFile) {
  ASSERT_TRUE(write_file(path(), "old").ok());
  {
    auto file = AtomicFile::create(path());
    ASSERT_TRUE(file->write(std::string(100000, 'n')).ok());
    AtomicFile moved = *std::move(file);
  }
  EXPECT_EQ(content(), "old");
  EXPECT_EQ(files(), 1u);
}

TEST_F(FileTest, FullDiskIsAnErrorAndLeavesTheOldFile) {
  ASSERT_TRUE(write_file(path(), "old").ok());
  // A limit on the size of files stands in for the full disk; in a child, because it cannot be raised again.
  const pid_t child = fork();
  if (child == 0) {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{50000, 50000};
    setrlimit(RLIMIT_FSIZE, &limit);
    auto file = AtomicFile::create(path());
    const absl::Status failed = file->write(std::string(100000, 'n'));
    const bool good = !failed.ok() && failed.message().find(path()) != absl::string_view::npos &&
                      file->write("x") == failed && file->commit() == failed &&
                      !write_file(path("other"), std::string(60000, 'n')).ok();
    _exit(good ? 0 : 1);
  }
  int status;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  EXPECT_EQ(content(), "old");
  EXPECT_EQ(files(), 1u);
}

TEST_F(FileTest, ReadOnlyDirectoryIsAnErrorAndLeavesTheOldFile) {
  ASSERT_TRUE(write_file(path(), "old").ok());
  ASSERT_EQ(chmod(directory_.c_str(), 0555), 0);
  const pid_t child = fork();
  if (child == 0) {
    // Permissions do not bind root until it gives up its capabilities.
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    const __user_cap_data_struct none[2] = {};
    if (syscall(SYS_capset, &header, none) != 0) _exit(2);
    const absl::Status failed = write_file(path(), "new");
    const bool good = failed.code() == absl::StatusCode::kPermissionDenied &&
                      failed.message().find(path()) != absl::string_view::npos;
    _exit(good ? 0 : 1);
  }
  int status;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_EQ(chmod(directory_.c_str(), 0755), 0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  EXPECT_EQ(content(), "old");
  EXPECT_EQ(files(), 1u);
}

TEST_F(FileTest, LeftoverOfAKilledWriterIsOverwritten) {
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  const pid_t child = fork();
  if (child == 0) {
    auto file = AtomicFile::create(path());
    if (!file->write(std::string(200000, 'k')).ok()) _exit(1);
    if (::write(ready[1], "r", 1) != 1) _exit(1);
    pause();
  }
  char c;
  ASSERT_EQ(::read(ready[0], &c, 1), 1);
  EXPECT_EQ(write_file(path(), "mine").code(), absl::StatusCode::kAborted);
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  EXPECT_FALSE(std::filesystem::exists(path()));
  EXPECT_EQ(files(), 1u);
  ASSERT_TRUE(write_file(path(), "mine").ok());
  EXPECT_EQ(content(), "mine");
  EXPECT_EQ(files(), 1u);
  close(ready[0]);
  close(ready[1]);
}

TEST_F(FileTest, SymbolicLinkAndModeAreKept) {
  ASSERT_TRUE(write_file(path("target"), "old").ok());
  ASSERT_EQ(chmod(path("target").c_str(), 0600), 0);
  ASSERT_EQ(symlink("target", path("link").c_str()), 0);
  ASSERT_TRUE(write_file(path("link"), "new").ok());
  EXPECT_TRUE(std::filesystem::is_symlink(path("link")));
  EXPECT_EQ(content("target"), "new");
  struct stat info;
  ASSERT_EQ(stat(path("target").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST_F(FileTest, ErrorsNameThePathAndTheCause) {
  const auto missing = read_file(path("none"), 10).status();
  EXPECT_EQ(missing.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(missing.message()), HasSubstr(path("none")));
  EXPECT_EQ(MappedFile::open(path("none")).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(read_file(directory_, 10).status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(MappedFile::open(directory_).status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(write_file(directory_, "x").code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(write_file("/dev/full", "x").code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(write_file(path("no/such/directory"), "x").code(), absl::StatusCode::kNotFound);
}

TEST_F(FileTest, ReadsAtMostTheLimit) {
  ASSERT_TRUE(write_file(path(), "12345").ok());
  EXPECT_EQ(read_file(path(), 5).value(), "12345");
  const auto large = read_file(path(), 4).status();
  EXPECT_EQ(large.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(large.message()), HasSubstr("at most 4"));
}

// Named kinds of files that would make an open(), a read() or a write() wait, or never end.
TEST_F(FileTest, OnlyRegularFilesAreOpenedAndNothingIsWaitedFor) {
  ASSERT_EQ(::mkfifo(path("fifo").c_str(), 0666), 0);
  ASSERT_EQ(::mknod(path("socket").c_str(), S_IFSOCK | 0666, 0), 0);
  std::filesystem::create_symlink(path("fifo"), path("link"));
  const std::pair<std::string, std::string> all[] = {{path("fifo"), "a FIFO"},
                                                     {path("socket"), "a socket"},
                                                     {"/dev/zero", "a device"},
                                                     {directory_, "a directory"},
                                                     {path("link"), "a FIFO"}};
  for (const auto& [p, kind] : all) {
    for (const absl::Status& st : {read_file(p, 100).status(), MappedFile::open(p).status(),
                                   open_regular(p, O_WRONLY).status(), open_regular(p, O_RDWR | O_CREAT).status()}) {
      EXPECT_EQ(st.code(), absl::StatusCode::kFailedPrecondition) << p;
      EXPECT_THAT(std::string(st.message()), HasSubstr(p + " is " + kind));
    }
    EXPECT_EQ(write_file(p, "x").code(), absl::StatusCode::kFailedPrecondition) << p;
  }
  // In place of the temporary file.
  ASSERT_EQ(::mkfifo(path("a.tmp").c_str(), 0666), 0);
  const absl::Status written = write_file(path("a"), "x");
  EXPECT_EQ(written.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(written.message()), HasSubstr("a.tmp is a FIFO"));
  EXPECT_FALSE(std::filesystem::exists(path("a")));
  // A link to a regular file is as good as the file.
  ASSERT_TRUE(write_file(path("real"), "content").ok());
  std::filesystem::create_symlink(path("real"), path("alias"));
  EXPECT_EQ(content("alias"), "content");
  EXPECT_EQ(MappedFile::open(path("alias")).value()->size(), 7u);
}

TEST_F(FileTest, ADirectoryIsLockedByOneProcess) {
  const std::string run = path("runs/1");  // made with its parent
  {
    const auto lock = DirectoryLock::acquire(run);
    ASSERT_TRUE(lock.ok()) << lock.status();
    const absl::Status second = DirectoryLock::acquire(run).status();
    EXPECT_EQ(second.code(), absl::StatusCode::kAborted);
    EXPECT_THAT(std::string(second.message()),
                HasSubstr(absl::StrCat(run, " is in use by process ", ::getpid(), ", which holds ", run, "/lock")));
    EXPECT_TRUE(DirectoryLock::acquire(path("runs/2")).ok());
  }
  EXPECT_TRUE(DirectoryLock::acquire(run).ok());

  // The lock of a process that is killed goes with it.
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t child = fork();
  if (child == 0) {
    const auto lock = DirectoryLock::acquire(run);
    const char ok = lock.ok() ? 'y' : 'n';
    if (::write(ready[1], &ok, 1) != 1) _exit(1);
    for (;;) ::pause();
  }
  char ok = 0;
  ASSERT_EQ(::read(ready[0], &ok, 1), 1);
  EXPECT_EQ(ok, 'y');
  EXPECT_THAT(std::string(DirectoryLock::acquire(run).status().message()),
              HasSubstr(absl::StrCat(run, " is in use by process ", child, ",")));
  ::kill(child, SIGKILL);
  ASSERT_EQ(waitpid(child, nullptr, 0), child);
  EXPECT_TRUE(DirectoryLock::acquire(run).ok());
  ::close(ready[0]);
  ::close(ready[1]);

  std::filesystem::create_directory(path("bad"));
  ASSERT_EQ(::mkfifo(path("bad/lock").c_str(), 0666), 0);
  EXPECT_EQ(DirectoryLock::acquire(path("bad")).status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(FileTest, ALockOverwritesNobodysFile) {
  std::filesystem::create_directory(path("theirs"));
  ASSERT_TRUE(write_file(path("diary"), "12\n").ok());
  std::filesystem::create_symlink(path("diary"), path("theirs/lock"));
  EXPECT_FALSE(DirectoryLock::acquire(path("theirs")).ok());
  EXPECT_EQ(content("diary"), "12\n");
  std::filesystem::remove(path("theirs/lock"));
  for (const std::string text : {"12 monkeys", "1111111111111111111111111111111111111111"}) {
    ASSERT_TRUE(write_file(path("theirs/lock"), text).ok());
    EXPECT_EQ(DirectoryLock::acquire(path("theirs")).status().code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_EQ(content("theirs/lock"), text);
  }
  ASSERT_TRUE(write_file(path("theirs/lock"), "12\n").ok());
  EXPECT_TRUE(DirectoryLock::acquire(path("theirs")).ok());
}

TEST_F(FileTest, TheThrowingForm) {
  ASSERT_TRUE(write_file(path(), "12345").ok());
  EXPECT_EQ(or_throw(read_file(path(), 5)), "12345");
  or_throw(write_file(path(), "6"));
  const auto kind_of = [](auto f) {
    try {
      f();
    } catch (const Error& e) {
      EXPECT_THAT(e.message(), HasSubstr("why"));
      return e.kind();
    }
    ADD_FAILURE() << "nothing was thrown";
    return ErrorKind::kInternal;
  };
  EXPECT_EQ(kind_of([] { or_throw(absl::NotFoundError("why")); }), ErrorKind::kIo);
  EXPECT_EQ(kind_of([] { or_throw(absl::StatusOr<int>(absl::DataLossError("why"))); }), ErrorKind::kIo);
  EXPECT_EQ(kind_of([] { or_throw(absl::InvalidArgumentError("why")); }), ErrorKind::kInvalidArgument);
  EXPECT_EQ(kind_of([] { or_throw(absl::UnimplementedError("why")); }), ErrorKind::kUnsupported);
  EXPECT_EQ(kind_of([] { or_throw(absl::ResourceExhaustedError("why")); }), ErrorKind::kOutOfMemory);
  EXPECT_EQ(kind_of([] { or_throw(absl::InternalError("why")); }), ErrorKind::kInternal);
}

}  // namespace
}  // namespace hearth::io
