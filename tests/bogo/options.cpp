#include "bogo/options.hpp"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <iterator>
#include <string_view>
#include <system_error>

namespace dtls::bogo {
namespace {

// Where a flag's value goes. Flags that describe a credential are about the one that the last
// -new-x509-credential began.
struct Nothing {};  // a choice between two of BoringSSL's interfaces that makes no difference here
struct NothingWithValue {
  std::string_view only;  // the one value for which that is so; empty: for all
};
struct NewCredential {};
struct Version {
  std::uint16_t Options::*field;
};
using Target =
    std::variant<Nothing, NothingWithValue, NewCredential, Version, bool Options::*,
                 std::uint16_t Options::*, std::uint32_t Options::*, std::uint64_t Options::*,
                 std::optional<std::int64_t> Options::*, std::string Options::*,
                 std::vector<std::uint16_t> Options::*, bool Credential::*,
                 std::string Credential::*, std::vector<std::uint16_t> Credential::*>;

struct Flag {
  std::string_view name;
  Target target;
};

const Flag kFlags[] = {
    {"-port", &Options::port},
    {"-ipv6", &Options::ipv6},
    {"-shim-id", &Options::shim_id},
    {"-resume-count", &Options::resume_count},
    {"-is-handshaker-supported", &Options::is_handshaker_supported},
    {"-dtls", &Options::dtls},
    // The engine never blocks and its callbacks answer at once: there is one way of doing each.
    {"-async", Nothing{}},
    {"-use-early-callback", Nothing{}},
    {"-use-old-client-cert-callback", Nothing{}},
    // What we lack altogether, and so is never to be seen: DTLS 1.0, renegotiation by the peer,
    // sessions known by an ID, early data.
    {"-no-tls1", Nothing{}},
    {"-no-tls11", Nothing{}},
    {"-renegotiate-freely", Nothing{}},
    {"-expect-no-session-id", Nothing{}},
    {"-expect-early-data-reason", NothingWithValue{"disabled"}},
    // What the runner sees on the wire itself, or what only says our own verdict again.
    {"-expect-advertised-alpn", NothingWithValue{}},
    {"-expect-verify-result", Nothing{}},

    {"-server", &Options::server},
    {"-new-x509-credential", NewCredential{}},
    {"-cert-file", &Credential::cert_file},
    {"-key-file", &Credential::key_file},
    {"-signing-prefs", &Credential::signing_prefs},
    {"-must-match-issuer", &Credential::must_match_issuer},
    {"-trust-cert", &Options::trust_cert},
    {"-verify-prefs", &Options::verify_prefs},
    {"-curves", &Options::curves},
    {"-min-version", Version{&Options::min_version}},
    {"-max-version", Version{&Options::max_version}},
    {"-no-tls13", &Options::no_tls13},
    {"-no-tls12", &Options::no_tls12},
    {"-host-name", &Options::host_name},
    {"-advertise-alpn", &Options::advertise_alpn},
    {"-select-alpn", &Options::select_alpn},
    {"-decline-alpn", &Options::decline_alpn},
    {"-reject-alpn", &Options::reject_alpn},
    {"-psk", &Options::psk},
    {"-psk-identity", &Options::psk_identity},
    {"-srtp-profiles", &Options::srtp_profiles},
    {"-no-ticket", &Options::no_ticket},
    {"-require-any-client-certificate", &Options::require_any_client_certificate},
    {"-verify-peer", &Options::verify_peer},
    {"-verify-fail", &Options::verify_fail},
    {"-use-custom-verify-callback", &Options::use_custom_verify_callback},
    {"-mtu", &Options::mtu},
    {"-initial-timeout-duration-ms", &Options::first_timeout_ms},
    {"-max-cert-list", &Options::max_cert_list},

    {"-implicit-handshake", &Options::implicit_handshake},
    {"-shim-writes-first", &Options::shim_writes_first},
    {"-shim-shuts-down", &Options::shim_shuts_down},
    {"-key-update", &Options::key_update},
    {"-key-update-before-read", &Options::key_update_before_read},
    {"-check-close-notify", &Options::check_close_notify},
    {"-export-keying-material", &Options::export_keying_material},
    {"-export-label", &Options::export_label},
    {"-export-context", &Options::export_context},
    {"-use-export-context", &Options::use_export_context},

    {"-expect-version", Version{&Options::expect_version}},
    {"-expect-cipher", &Options::expect_cipher},
    {"-expect-curve-id", &Options::expect_curve_id},
    {"-expect-peer-signature-algorithm", &Options::expect_peer_signature_algorithm},
    {"-expect-server-name", &Options::expect_server_name},
    {"-expect-alpn", &Options::expect_alpn},
    {"-expect-selected-credential", &Options::expect_selected_credential},
    {"-expect-peer-cert-file", &Options::expect_peer_cert_file},
    {"-expect-no-peer-cert", &Options::expect_no_peer_cert},
    {"-expect-secure-renegotiation", &Options::expect_secure_renegotiation},
    {"-expect-no-secure-renegotiation", &Options::expect_no_secure_renegotiation},
    {"-expect-session-miss", &Options::expect_session_miss},
    {"-expect-hrr", &Options::expect_hrr},
    {"-expect-no-hrr", &Options::expect_no_hrr},
    {"-expect-ticket-renewal", &Options::expect_ticket_renewal},
    {"-expect-no-session", &Options::expect_no_session},
};

template <typename Number>
bool read_number(std::string_view text, Number& out) {
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, out);
  return error == std::errc{} && stop == end;
}

template <typename Number>
bool append_number(std::string_view text, std::vector<Number>& out) {
  Number number = 0;
  if (!read_number(text, number)) {
    return false;
  }
  out.push_back(number);
  return true;
}

constexpr std::uint16_t kDtls10 = 0xfeff;
constexpr std::uint16_t kOldest = 0xfefd;

// Store puts one flag's value into the options; it gives why not, or nothing.
struct Store {
  Options& options;
  std::string_view value;

  [[nodiscard]] Credential& credential() const {
    return options.credentials.empty() ? options.own : options.credentials.back();
  }

  static const char* number(bool is_one) { return is_one ? nullptr : "not such a number"; }

  const char* operator()(Nothing /*unused*/) const { return nullptr; }
  const char* operator()(NothingWithValue flag) const {
    return flag.only.empty() || value == flag.only ? nullptr : "a value we have no meaning for";
  }
  const char* operator()(NewCredential /*unused*/) const {
    options.credentials.emplace_back();
    return nullptr;
  }
  // DTLS's version numbers fall: 0xfeff, 0xfefd, 0xfefc. At the least DTLS 1.0 means our oldest.
  const char* operator()(Version flag) const {
    std::uint16_t version = 0;
    if (!read_number(value, version)) {
      return number(false);
    }
    if (version == kDtls10 && flag.field != &Options::min_version) {
      return "DTLS 1.0";
    }
    options.*flag.field = std::min(version, kOldest);
    return nullptr;
  }
  const char* operator()(bool Options::*field) const {
    options.*field = true;
    return nullptr;
  }
  const char* operator()(bool Credential::*field) const {
    credential().*field = true;
    return nullptr;
  }
  const char* operator()(std::string Options::*field) const {
    options.*field = value;
    return nullptr;
  }
  const char* operator()(std::string Credential::*field) const {
    credential().*field = value;
    return nullptr;
  }
  const char* operator()(std::vector<std::uint16_t> Options::*field) const {
    return number(append_number(value, options.*field));
  }
  const char* operator()(std::vector<std::uint16_t> Credential::*field) const {
    return number(append_number(value, credential().*field));
  }
  const char* operator()(std::optional<std::int64_t> Options::*field) const {
    return number(read_number(value, (options.*field).emplace()));
  }
  template <typename Number>
  const char* operator()(Number Options::*field) const {
    return number(read_number(value, options.*field));
  }
};

bool takes_value(const Target& target) {
  return !std::holds_alternative<Nothing>(target) &&
         !std::holds_alternative<NewCredential>(target) &&
         !std::holds_alternative<bool Options::*>(target) &&
         !std::holds_alternative<bool Credential::*>(target);
}

// take_prefix removes "-on-resume" from "-on-resume-verify-fail".
bool take_prefix(std::string_view& name, std::string_view prefix) {
  if (!name.starts_with(prefix) || name.size() <= prefix.size() || name[prefix.size()] != '-') {
    return false;
  }
  name.remove_prefix(prefix.size());
  return true;
}

const char* set(Options& options, const Flag& flag, std::string_view value) {
  return std::visit(Store{options, value}, flag.target);
}

}  // namespace

std::variant<AllOptions, Unsupported> parse_options(std::span<const char* const> arguments) {
  AllOptions all;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string_view given = arguments[i];
    std::string_view name = given;
    const bool only_initial = take_prefix(name, "-on-initial");
    const bool only_resumed = !only_initial && take_prefix(name, "-on-resume");
    const auto* const flag = std::ranges::find(kFlags, name, &Flag::name);
    if (flag == std::end(kFlags)) {
      return Unsupported{std::string(given), "unknown"};
    }
    std::string_view value;
    if (takes_value(flag->target)) {
      if (++i == arguments.size()) {
        return Unsupported{std::string(given), "its value is missing"};
      }
      value = arguments[i];
    }
    const char* problem = only_resumed ? nullptr : set(all.initial, *flag, value);
    if (problem == nullptr && !only_initial) {
      problem = set(all.resumed, *flag, value);
    }
    if (problem != nullptr) {
      return Unsupported{std::string(given), problem};
    }
  }
  return all;
}

}  // namespace dtls::bogo
