// The key log: secrets in a file, only where it is asked for.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string_view>
#include <thread>

#include "association/key_log.hpp"
#include "support/certificates.hpp"
#include "support/virtual_pair.hpp"

namespace dtls::test {
namespace {

class KeyLog : public testing::Test {
 protected:
  KeyLog() {
    server_.identity = authority_.issue();
    client_.verify = false;
  }
  ~KeyLog() override { std::filesystem::remove_all(folder_); }

  std::vector<std::string> lines() const {
    std::ifstream file(path_);
    std::vector<std::string> lines;
    for (std::string line; std::getline(file, line);)
      lines.push_back(line);
    return lines;
  }

  void expect_refused(int cause, std::string_view why) const {
    const auto log = association::KeyLog::open(path_);
    ASSERT_FALSE(log);
    EXPECT_EQ(log.error().sys_errno, cause);
    EXPECT_NE(log.error().message.find("\"" + path_ + "\""), std::string::npos);
    EXPECT_NE(log.error().message.find(why), std::string::npos) << log.error().message;
  }

  Authority authority_;
  ServerConfig server_;
  ClientConfig client_;
  std::filesystem::path folder_ = [] {
    std::string name = testing::TempDir() + "dtls_key_log_XXXXXX";
    return std::filesystem::path(mkdtemp(name.data()));
  }();
  std::string path_ = folder_ / "keys";
};

TEST_F(KeyLog, is_off_by_default) {
  EXPECT_TRUE(ServerConfig().key_log_file.empty());
  EXPECT_TRUE(ClientConfig().key_log_file.empty());
}

TEST_F(KeyLog, has_a_line_that_wireshark_reads_for_each_handshake_of_each_side) {
  server_.key_log_file = client_.key_log_file = path_;
  client_.versions.max = ProtocolVersion::kDtls12;
  for (int i = 0; i < 2; ++i) {
    VirtualPair pair(server_, client_);
    ASSERT_TRUE(pair.connect());
  }
  const auto found = lines();
  ASSERT_EQ(found.size(), 4U);
  for (const auto& line : found) {
    std::istringstream words(line);
    std::string label;
    std::string random;
    std::string secret;
    words >> label >> random >> secret;
    EXPECT_EQ(label, "CLIENT_RANDOM");
    EXPECT_EQ(random.size(), 2 * 32U);
    EXPECT_EQ(secret.size(), 2 * 48U);
    EXPECT_EQ((random + secret).find_first_not_of("0123456789abcdefABCDEF"), std::string::npos);
  }
  EXPECT_EQ(found[0], found[1]) << "both sides have the same secret";
  EXPECT_NE(found[0], found[2]);
}

TEST_F(KeyLog, has_the_five_secrets_of_each_handshake_of_dtls13) {
  server_.key_log_file = path_;
  VirtualPair pair(server_, client_);
  ASSERT_TRUE(pair.connect());
  std::vector<std::string> labels;
  for (const auto& line : lines())
    labels.push_back(line.substr(0, line.find(' ')));
  EXPECT_EQ(labels, (std::vector<std::string>{
                        "CLIENT_HANDSHAKE_TRAFFIC_SECRET", "SERVER_HANDSHAKE_TRAFFIC_SECRET",
                        "CLIENT_TRAFFIC_SECRET_0", "SERVER_TRAFFIC_SECRET_0", "EXPORTER_SECRET"}));
}

TEST_F(KeyLog, is_for_its_owner_only_and_is_not_inherited) {
  auto log = association::KeyLog::open(path_);
  ASSERT_TRUE(log);
  struct stat status {};
  ASSERT_EQ(stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  bool found = false;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code gone;
    if (std::filesystem::read_symlink(entry, gone) != path_) continue;
    found = true;
    std::ifstream info("/proc/self/fdinfo/" + entry.path().filename().string());
    std::string key;
    std::string value;
    while (info >> key >> value && key != "flags:") {
    }
    EXPECT_NE(std::stoul(value, nullptr, 8) & 02000000U, 0U) << "O_CLOEXEC";
  }
  EXPECT_TRUE(found);
}

TEST_F(KeyLog, goes_on_behind_what_the_file_has) {
  std::ofstream(path_) << "# before\n";
  ASSERT_EQ(chmod(path_.c_str(), 0600), 0);
  association::KeyLog::open(path_)->get()->append("after\n");
  EXPECT_EQ(lines(), (std::vector<std::string>{"# before", "after"}));
}

TEST_F(KeyLog, refuses_a_symbolic_link_and_leaves_its_target_alone) {
  const std::string target = folder_ / "target";
  std::ofstream(target) << "precious\n";
  ASSERT_EQ(chmod(target.c_str(), 0600), 0);
  std::filesystem::create_symlink(target, path_);
  expect_refused(ELOOP, "symbolic link");
  std::filesystem::remove(target);
  expect_refused(ELOOP, "symbolic link");
  EXPECT_FALSE(std::filesystem::exists(target)) << "nor is one made that is missing";
}

TEST_F(KeyLog, refuses_a_file_with_another_mode_than_0600) {
  for (const mode_t mode : {0644U, 0640U, 0620U, 0601U, 0700U, 0400U, 04600U, 01600U}) {
    SCOPED_TRACE(mode);
    std::filesystem::remove(path_);
    std::ofstream(path_) << "# before\n";
    ASSERT_EQ(chmod(path_.c_str(), mode), 0);
    if (access(path_.c_str(), W_OK) != 0) continue;  // open(2) itself refuses it
    expect_refused(EACCES, "must have 0600");
    EXPECT_EQ(lines(), std::vector<std::string>{"# before"});
  }
  ASSERT_EQ(chmod(path_.c_str(), 0640), 0);
  expect_refused(EACCES, "has mode 0640");
}

TEST_F(KeyLog, refuses_a_file_of_another_user) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can make a file of another user";
  std::ofstream(path_) << "";
  ASSERT_EQ(chmod(path_.c_str(), 0600), 0);
  ASSERT_EQ(chown(path_.c_str(), 65534, 65534), 0);
  expect_refused(EACCES, "another user (uid 65534)");
}

TEST_F(KeyLog, refuses_whatever_is_not_a_regular_file_without_blocking) {
  ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
  const int reader = open(path_.c_str(), O_RDONLY | O_NONBLOCK);
  ASSERT_GE(reader, 0);
  expect_refused(EINVAL, "not a regular file");
  close(reader);
  expect_refused(ENXIO, "cannot be opened");
  path_ = "/dev/null";
  expect_refused(EINVAL, "not a regular file");
  path_ = folder_;
  expect_refused(EISDIR, "cannot be opened");
}

TEST_F(KeyLog, is_shared_by_contexts_of_the_same_path) {
  const auto first = std::move(*association::KeyLog::open(path_));
  EXPECT_EQ(*association::KeyLog::open(path_), first);
  EXPECT_NE(*association::KeyLog::open(path_ + "2"), first);
}

TEST_F(KeyLog, keeps_lines_of_several_threads_apart) {
  const std::string line(300, 'x');
  {
    std::array<std::jthread, 4> threads;
    for (auto& thread : threads) {
      thread = std::jthread([&] {
        const auto log = std::move(*association::KeyLog::open(path_));
        for (int n = 0; n < 50; ++n)
          log->append(line + "\n");
      });
    }
  }
  EXPECT_EQ(lines(), std::vector<std::string>(200, line));
}

TEST_F(KeyLog, that_cannot_be_opened_is_an_error_with_path_and_errno) {
  server_.key_log_file = client_.key_log_file = folder_ / "missing" / "keys";
  const auto server = Context::for_server(server_);
  const auto client = Context::for_client(client_);
  ASSERT_FALSE(server);
  ASSERT_FALSE(client);
  for (const auto& error : {server.error(), client.error()}) {
    EXPECT_EQ(error.sys_errno, ENOENT);
    EXPECT_NE(error.message.find(server_.key_log_file), std::string::npos) << error.message;
  }
}

}  // namespace
}  // namespace dtls::test
