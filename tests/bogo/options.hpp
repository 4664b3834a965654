// What BoringSSL's test runner asks of the shim: its command line, as a struct.
//
// The names of the flags are the runner's. A flag that is not in our table, or a value that we
// cannot honour, makes the test «unimplemented», never failed: see README.md.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace dtls::bogo {

// Exit codes that the runner gives a meaning.
inline constexpr int kExitUnimplemented = 89;

// A certificate chain with its key: PEM files. Empty names: none.
struct Credential {
  std::string cert_file;
  std::string key_file;
  std::vector<std::uint16_t> signing_prefs;  // signature schemes, best first; empty: the default
  bool must_match_issuer = false;            // only for a peer that names the issuer
};

// What one connection is to do and what is then expected of it. Numbers are those of the wire.
struct Options {
  // The runner. Shared by all connections of a test.
  std::uint16_t port = 0;
  bool ipv6 = false;
  std::uint64_t shim_id = 0;
  std::uint16_t resume_count = 0;  // connections after the first one
  bool is_handshaker_supported = false;
  bool dtls = false;

  // The association.
  bool server = false;
  Credential own;                       // when `credentials` is empty
  std::vector<Credential> credentials;  // to choose from, best first
  std::string trust_cert;
  std::vector<std::uint16_t> verify_prefs;
  std::vector<std::uint16_t> curves;  // groups, best first
  std::uint16_t min_version = 0;      // 0: the oldest that we have
  std::uint16_t max_version = 0;
  bool no_tls13 = false;
  bool no_tls12 = false;
  std::string host_name;       // the client's server_name
  std::string advertise_alpn;  // the client's list as it goes over the wire
  std::string select_alpn;     // what the server chooses
  bool decline_alpn = false;
  bool reject_alpn = false;
  std::string psk;
  std::string psk_identity;  // also the server's hint
  std::string srtp_profiles;
  bool no_ticket = false;
  bool require_any_client_certificate = false;
  bool verify_peer = false;
  bool verify_fail = false;                 // our verdict on the peer's chain
  bool use_custom_verify_callback = false;  // decides with which alert
  std::uint32_t mtu = 0;                    // 0: the default
  std::uint32_t first_timeout_ms = 400;     // the runner's schedule starts with it
  std::uint32_t max_cert_list = 0;          // bytes of a certificate message; 0: the default

  // What happens on the association.
  bool implicit_handshake = false;  // skip the check of what was negotiated
  bool shim_writes_first = false;
  bool shim_shuts_down = false;
  bool key_update = false;
  bool key_update_before_read = false;
  bool check_close_notify = false;
  std::uint32_t export_keying_material = 0;  // bytes
  std::string export_label;
  std::string export_context;
  bool use_export_context = false;

  // What is expected.
  std::uint16_t expect_version = 0;
  std::uint16_t expect_cipher = 0;
  std::uint16_t expect_curve_id = 0;
  std::uint16_t expect_peer_signature_algorithm = 0;
  std::string expect_server_name;
  std::string expect_alpn;
  std::optional<std::int64_t> expect_selected_credential;
  std::string expect_peer_cert_file;
  bool expect_no_peer_cert = false;
  bool expect_secure_renegotiation = false;
  bool expect_no_secure_renegotiation = false;
  bool expect_session_miss = false;
  bool expect_hrr = false;  // a HelloRetryRequest
  bool expect_no_hrr = false;
  bool expect_ticket_renewal = false;
  bool expect_no_session = false;
};

// Both connections' options: `-on-initial-` and `-on-resume-` before a flag's name mean one of
// them.
struct AllOptions {
  Options initial;
  Options resumed;
};

// Why a command line cannot be honoured. `flag` as it was given.
struct Unsupported {
  std::string flag;
  std::string reason;
};

// parse_options reads the arguments after the program's name.
std::variant<AllOptions, Unsupported> parse_options(std::span<const char* const> arguments);

}  // namespace dtls::bogo
