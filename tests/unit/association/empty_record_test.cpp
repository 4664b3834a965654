// Records without content are legal (RFC 5246 §6.2.1) and mean nothing.
#include <gtest/gtest.h>

#include <string>

#include "support/certificates.hpp"
#include "support/raw_client.hpp"

namespace dtls::test {
namespace {

TEST(EmptyRecord, is_no_failure_and_what_comes_after_it_is_received) {
  const Authority authority;
  ServerConfig config;
  config.identity = authority.issue();
  RawClient client("localhost");
  ASSERT_TRUE(client.connect(std::move(*Context::for_server(config))));
  Session& server = client.server();

  std::string received;
  std::uint8_t sequence = 50;
  for (const char* text : {"before", "", "after"}) {
    auto record = client.application_record(sequence++, text);
    server.receive(record, Clock::now());
    while (auto event = server.poll_event()) {
      const auto* message = std::get_if<Message>(&*event);
      ASSERT_NE(message, nullptr) << "the association has ended";
      received.append(reinterpret_cast<const char*>(message->bytes.data()), message->bytes.size());
    }
  }
  EXPECT_EQ(received, "beforeafter");
}

}  // namespace
}  // namespace dtls::test
