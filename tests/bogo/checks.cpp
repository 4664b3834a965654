#include "bogo/checks.hpp"

#include <fstream>
#include <iterator>

#include "credentials/pem.hpp"

namespace dtls::bogo {
namespace {

using Problem = std::optional<std::string>;

Problem check_number(const char* what, std::uint16_t wanted, std::uint16_t got) {
  if (wanted == 0 || wanted == got) {
    return std::nullopt;
  }
  return std::string(what) + " " + std::to_string(got) + " instead of " + std::to_string(wanted);
}

Problem check_text(const char* what, const std::string& wanted, const std::string& got) {
  if (wanted == got) {
    return std::nullopt;
  }
  return std::string(what) + " '" + got + "' instead of '" + wanted + "'";
}

Problem check_flag(const char* what, bool is_wanted, bool is_so) {
  if (!is_wanted || is_so) {
    return std::nullopt;
  }
  return std::string(what);
}

Problem check_peer(const Options& options, bool is_resumption, const Agreed& agreed) {
  if (options.expect_no_peer_cert || !options.psk.empty()) {
    return check_flag("a certificate of the peer, unexpectedly", true, agreed.peer_chain.empty());
  }
  if (is_resumption && agreed.resumed) {
    return std::nullopt;  // nobody showed one this time
  }
  if (!options.server || options.require_any_client_certificate) {
    return check_flag("no certificate of the peer", true, !agreed.peer_chain.empty());
  }
  return std::nullopt;
}

Problem check_peer_file(const Options& options, const Agreed& agreed) {
  if (options.expect_peer_cert_file.empty() || agreed.resumed) {
    return std::nullopt;
  }
  std::ifstream file(options.expect_peer_cert_file);
  const std::string pem{std::istreambuf_iterator<char>(file), {}};
  const auto wanted = credentials::parse_certificates(pem, "-expect-peer-cert-file");
  if (!wanted) {
    return wanted.error().message;
  }
  if (wanted->size() != agreed.peer_chain.size()) {
    return "a chain of the peer of another length";
  }
  for (std::size_t i = 0; i < wanted->size(); ++i) {
    const auto* at = reinterpret_cast<const unsigned char*>(agreed.peer_chain[i].data());
    const crypto::OwnedCertificate got(
        d2i_X509(nullptr, &at, static_cast<long>(agreed.peer_chain[i].size())));
    if (got == nullptr || X509_cmp(got.get(), (*wanted)[i].get()) != 0) {
      return "another certificate of the peer";
    }
  }
  return std::nullopt;
}

}  // namespace

Problem check_agreed(const Options& options, bool is_resumption, const Agreed& agreed) {
  const bool expects_resumption = is_resumption && !options.expect_session_miss;
  // What a server is to choose is also what is expected of it.
  const std::string& alpn = options.server ? options.select_alpn : options.expect_alpn;
  const Problem problems[] = {
      check_number("version", options.expect_version, agreed.version),
      check_number("cipher suite", options.expect_cipher, agreed.suite),
      check_number("group", options.expect_curve_id, agreed.group),
      check_number("signature scheme of the peer", options.expect_peer_signature_algorithm,
                   agreed.peer_scheme),
      check_flag("not resumed", expects_resumption, agreed.resumed),
      check_flag("resumed, unexpectedly", !expects_resumption, !agreed.resumed),
      check_flag("no HelloRetryRequest", options.expect_hrr, agreed.retried),
      check_flag("a HelloRetryRequest, unexpectedly", options.expect_no_hrr, !agreed.retried),
      check_text("application protocol", alpn, agreed.alpn),
      options.expect_server_name.empty()
          ? Problem()
          : check_text("server_name", options.expect_server_name, agreed.server_name),
      check_flag("no secure renegotiation", options.expect_secure_renegotiation,
                 agreed.secure_renegotiation),
      check_flag("secure renegotiation, unexpectedly", options.expect_no_secure_renegotiation,
                 !agreed.secure_renegotiation),
      check_flag("another credential was shown", options.expect_selected_credential.has_value(),
                 options.expect_selected_credential == agreed.credential),
      check_peer(options, is_resumption, agreed),
      check_peer_file(options, agreed),
  };
  for (const auto& problem : problems) {
    if (problem) {
      return problem;
    }
  }
  return std::nullopt;
}

}  // namespace dtls::bogo
