// One or two of each message and extension, with every field and list in use.
#include <initializer_list>
#include <string>
#include <utility>

#include "unit/wire/hello_bytes.hpp"
#include "unit/wire/message_checks.hpp"

namespace dtls::wire::test {
namespace {

// Everything is put together in hexadecimal digits.
using Hex = std::string;

Hex number(std::size_t value, std::size_t bytes) {
  Hex digits(2 * bytes, '0');
  for (std::size_t at = digits.size(); at-- > 0; value >>= 4U) {
    digits[at] = "0123456789abcdef"[value & 0xfU];
  }
  return digits;
}

Hex join(std::initializer_list<Hex> parts) {
  Hex whole;
  for (const Hex& part : parts) {
    whole += part;
  }
  return whole;
}

Hex vector8(const Hex& content) {
  return number(content.size() / 2, 1) + content;
}
Hex vector16(const Hex& content) {
  return number(content.size() / 2, 2) + content;
}
Hex vector24(const Hex& content) {
  return number(content.size() / 2, 3) + content;
}
Hex extension(std::size_t type, const Hex& content) {
  return number(type, 2) + vector16(content);
}

const Hex kRandom = "404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f";
const Hex kRetryRandom = "cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c";
const Hex kBinder = "20000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const Hex kX25519 = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const Hex kSchemes = vector16("040308040807");
const Hex kServerNames = vector16("00" + vector16("6465766963652e6578616d706c65"));
const Hex kNames = vector16(vector16("3003310100") + vector16("3000"));
const Hex kPsks =
    join({vector16(vector16("7469636b6574") + "01020304" + vector16("61") + "00000000"),
          vector16(kBinder + kBinder)});
const Hex kKeyShares = vector16(join({"001d", vector16(kX25519), "0017", vector16("04aabb")}));
const Hex kParams = "03001d" + vector8(kX25519);
const Hex kEntry = vector24("3082010a") + vector16("");

class Samples {
 public:
  void add(std::string_view name, std::string_view check, const Hex& hex, std::size_t bare = 0) {
    list_.push_back({name, check, dtls::test::from_hex(hex), bare});
  }
  std::vector<MessageSample> take() { return std::move(list_); }

 private:
  std::vector<MessageSample> list_;
};

void add_hellos(Samples& samples) {
  const Hex client = join(
      {"fefd", kRandom, vector8(""), vector8(""), vector16("13011303c02b00ff"), vector8("00")});
  samples.add("client_hello_bare", "client_hello", client);
  samples.add("client_hello_13", "client_hello",
              client + vector16(join({extension(0, kServerNames),
                                      extension(10, vector16("001d0017")), extension(13, kSchemes),
                                      extension(43, vector8("fefcfefd")), extension(51, kKeyShares),
                                      extension(45, vector8("01")), extension(41, kPsks)})),
              client.size() / 2);
  samples.add("client_hello_12", "client_hello",
              join({"fefd", kRandom, vector8("0102"), vector8("a0a1a2"), vector16("c02b00a8"),
                    vector8("00"), vector16(extension(23, "") + extension(0xff01, vector8("")))}),
              2 + 32 + 3 + 4 + 6 + 2);
  const Hex head = join({"fefd", kRandom, vector8("0a0b")});
  samples.add("server_hello_13", "server_hello",
              join({head, "1301", "00",
                    vector16(extension(43, "fefc") + extension(51, "001d" + vector16(kX25519)))}),
              2 + 32 + 3 + 3);
  samples.add("server_hello_12", "server_hello", head + "c02b00");
  samples.add("hello_retry_request", "server_hello",
              join({"fefd", kRetryRandom, vector8(""), "1301", "00",
                    vector16(join({extension(43, "fefc"), extension(51, "0017"),
                                   extension(44, vector16("c0c1c2"))}))}),
              2 + 32 + 1 + 3);
  samples.add("encrypted_extensions", "encrypted_extensions",
              vector16(extension(10, vector16("001d")) + extension(28, "4000")));
}

void add_certificates(Samples& samples) {
  samples.add("certificate_12", "certificate_12", vector24(vector24("3082010a") + vector24("30")));
  samples.add("certificate_12_none", "certificate_12", vector24(""));
  samples.add("certificate_13", "certificate_13", vector8("") + vector24(kEntry + kEntry));
  samples.add("certificate_13_with_extension", "certificate_13",
              vector8("c0ffee") + vector24(vector24("30") + vector16(extension(5, "0100"))));
  samples.add("certificate_request_12", "certificate_request_12",
              join({vector8("4001"), kSchemes, kNames}));
  samples.add("certificate_request_12_for_any", "certificate_request_12",
              join({vector8("40"), kSchemes, vector16("")}));
  samples.add("certificate_request_13", "certificate_request_13",
              vector8("") + vector16(extension(13, kSchemes) + extension(47, kNames)));
  samples.add("certificate_verify", "certificate_verify", "0403" + vector16("3006020101020101"));
}

void add_key_exchanges(Samples& samples) {
  const Hex identity = vector16("6465766963652d37");
  samples.add("server_key_exchange_ecdhe", "server_key_exchange_ecdhe",
              join({kParams, "0804", vector16("5161")}));
  samples.add("server_key_exchange_psk", "server_key_exchange_psk", identity);
  samples.add("server_key_exchange_ecdhe_psk", "server_key_exchange_ecdhe_psk", identity + kParams);
  samples.add("client_key_exchange_ecdhe", "client_key_exchange_ecdhe", vector8(kX25519));
  samples.add("client_key_exchange_psk", "client_key_exchange_psk", identity);
  samples.add("client_key_exchange_ecdhe_psk", "client_key_exchange_ecdhe_psk",
              identity + vector8(kX25519));
}

void add_the_rest(Samples& samples) {
  samples.add("new_session_ticket_12", "new_session_ticket_12", "00001c20" + vector16("7469636b"));
  samples.add("new_session_ticket_13", "new_session_ticket_13",
              join({"00001c20", "89abcdef", vector8("0001"), vector16("7469636b"),
                    vector16(extension(42, "00004000"))}));
  samples.add("key_update", "key_update", "01");
  samples.add("ack", "ack",
              vector16(join({number(2, 8), number(7, 8), number(3, 8), number(0x123456789a, 8)})));
  samples.add("ack_of_nothing", "ack", vector16(""));
  samples.add("unified_record", "unified_records",
              join({"2e", "0102", "0010", kRandom.substr(32)}));
  samples.add("unified_records_with_id", "unified_records_with_id",
              join({"3e", "cccccccc", "0102", "0010", kRandom.substr(32)}));
}

void add_extensions(Samples& samples) {
  samples.add("extension_list", "extension_list", extension(23, "") + extension(28, "4000"));
  samples.add("server_name", "server_name", kServerNames);
  samples.add("server_name_of_another_kind", "server_name",
              vector16(join({"07", vector16("aa"), "00", vector16("6162")})));
  samples.add("alpn", "alpn", vector16(vector8("636f6170") + vector8("6832")));
  samples.add("alpn_selection", "alpn", vector16(vector8("636f6170")));
  samples.add("supported_groups", "supported_groups", vector16("001d00170018"));
  samples.add("signature_algorithms", "signature_algorithms", kSchemes);
  samples.add("supported_versions", "supported_versions", vector8("fefcfefd"));
  samples.add("selected_version", "selected_version", "fefc");
  samples.add("ec_point_formats", "ec_point_formats", vector8("00"));
  samples.add("ec_point_formats_of_old", "ec_point_formats", vector8("000102"));
  samples.add("psk_key_exchange_modes", "psk_key_exchange_modes", vector8("0100"));
  samples.add("use_srtp", "use_srtp", vector16("00070001") + vector8("6d6b69"));
  samples.add("renegotiation_info", "renegotiation_info", vector8("0102030405060708090a0b0c"));
  samples.add("record_size_limit", "record_size_limit", "4001");
  samples.add("cookie", "cookie", vector16("c0c1c2c3"));
  samples.add("certificate_authorities", "certificate_authorities", kNames);
  samples.add("key_shares", "key_shares", kKeyShares);
  samples.add("key_shares_none", "key_shares", vector16(""));
  samples.add("key_share", "key_share", "001d" + vector16(kX25519));
  samples.add("requested_group", "requested_group", "0017");
  samples.add("offered_psks", "offered_psks", kPsks);
  samples.add("selected_psk", "selected_psk", "0001");
}

}  // namespace

std::vector<MessageSample> message_samples() {
  Samples samples;
  add_hellos(samples);
  add_certificates(samples);
  add_key_exchanges(samples);
  add_the_rest(samples);
  add_extensions(samples);
  return samples.take();
}

}  // namespace dtls::wire::test
