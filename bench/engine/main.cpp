// bench engine: DTLS engines side by side, in memory (bench/README.md).
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string_view>

#include "engine/measure.hpp"
#include "engine/statistics.hpp"
#include "support/certificates.hpp"

namespace dtls::bench {
namespace {

struct Options {
  int rounds = 40;
  std::string json;
  std::string only;  // of all candidates this one
  std::string what;  // of all quantities those with this in their name
};

Options read_options(std::span<char*> arguments) {
  Options options;
  for (std::size_t i = 1; i < arguments.size(); i += 2) {
    const std::string_view name = arguments[i];
    require(i + 1 < arguments.size(), "every option has a value");
    const char* const value = arguments[i + 1];
    if (name == "--rounds") {
      options.rounds = std::max(1, std::atoi(value));
    } else if (name == "--json") {
      options.json = value;
    } else if (name == "--only") {
      options.only = value;
    } else if (name == "--what") {
      options.what = value;
    } else {
      require(false,
              "usage: dtls_bench_engine [--rounds N] [--json FILE] [--only CANDIDATE] "
              "[--what full|resumed|records|hello|memory]");
    }
  }
  return options;
}

const char* name_of(Version version) {
  return version == Version::kDtls12 ? "DTLS 1.2" : "DTLS 1.3";
}

class Program {
 public:
  Program(Options options, const Material& material) : options_(std::move(options)) {
    add(make_ours(material));
    add(make_openssl(material));
#ifdef DTLS_BENCH_GNUTLS
    add(make_gnutls(material));
#else
    report_.note("GnuTLS: not here when this was built, not measured");
#endif
#ifdef DTLS_BENCH_MBEDTLS
    add(make_mbedtls(material));
#else
    report_.note("mbedTLS: not here when this was built, not measured");
#endif
#ifdef DTLS_BENCH_WOLFSSL
    add(make_wolfssl(material));
#else
    report_.note("wolfSSL: not here when this was built, or without DTLS; not measured");
#endif
    report_.note("DTLS 1.3: who is not in its rows does not have it");
  }

  void run() {
    // Round robin, and another one begins each time: what the machine does meanwhile hits all.
    for (int round = 0; round < options_.rounds; ++round) {
      const auto count = candidates_.size();
      for (std::size_t i = 0; i < count; ++i) {
        measure(*candidates_[(i + static_cast<std::size_t>(round)) % count], round == 0);
      }
      measure_bare();
    }
    if (wants("memory")) {
      for (auto& candidate : candidates_)
        measure_memory_of(*candidate);
    }
    std::fputs(report_.text("ours").c_str(), stdout);
    if (!options_.json.empty()) std::ofstream(options_.json) << report_.json();
  }

 private:
  void add(std::unique_ptr<Candidate> candidate) {
    if (!options_.only.empty() && options_.only != candidate->name()) return;
    report_.name_release(candidate->name(), candidate->release());
    candidates_.push_back(std::move(candidate));
  }
  [[nodiscard]] bool wants(std::string_view what) const {
    return options_.what.empty() || options_.what == what;
  }

  void measure(Candidate& candidate, bool is_first) {
    const auto who = candidate.name();
    for (const auto version : {Version::kDtls12, Version::kDtls13}) {
      if (!candidate.speaks(version)) continue;
      if (wants("full")) {
        add_sides(version, "full handshake", who, measure_handshakes(candidate, version, false));
      }
      if (wants("resumed")) {
        // A session to resume, where the full handshakes have not left one.
        if (is_first && !wants("full")) measure_handshakes(candidate, version, false);
        add_sides(version, "resumed handshake", who, measure_handshakes(candidate, version, true));
      }
      if (wants("records")) {
        for (const std::size_t size : kMessageSizes) {
          add_records(version, size, who, measure_records(candidate, version, size));
        }
      }
    }
    if (wants("hello")) {
      report_.add("DTLS 1.2 unproven hello, ns", who, measure_challenge(candidate));
    }
  }

  void measure_bare() {
    const std::string who = "bare libcrypto";
    for (const auto version : {Version::kDtls12, Version::kDtls13}) {
      if (wants("full")) {
        add_sides(version, "full handshake", who, measure_public_key(public_key_));
      }
      for (const std::size_t size : kMessageSizes) {
        if (wants("records")) add_records(version, size, who, measure_bare_records(aead_, size));
      }
    }
  }

  void measure_memory_of(Candidate& candidate) {
    for (const auto version : {Version::kDtls12, Version::kDtls13}) {
      if (!candidate.speaks(version)) continue;
      report_.add(std::string(name_of(version)) + " idle association, bytes", candidate.name(),
                  measure_memory(candidate, version));
    }
  }

  void add_sides(Version version, const char* what, const std::string& who, BothSides cost) {
    const std::string name = std::string(name_of(version)) + " " + what;
    report_.add(name + ", server, ns", who, cost.server);
    report_.add(name + ", client, ns", who, cost.client);
  }
  void add_records(Version version, std::size_t size, const std::string& who, Records cost) {
    const std::string end = " of " + std::to_string(size) + " bytes, ns";
    report_.add(std::string(name_of(version)) + " seal" + end, who, cost.seal);
    report_.add(std::string(name_of(version)) + " open" + end, who, cost.open);
  }

  static constexpr std::array<std::size_t, 2> kMessageSizes{64, 1200};

  Options options_;
  Report report_;
  BarePublicKey public_key_;
  BareAead aead_;
  std::vector<std::unique_ptr<Candidate>> candidates_;
};

}  // namespace
}  // namespace dtls::bench

int main(int count, char** arguments) {
  using namespace dtls;
  const test::Authority root;
  const auto leaf = root.issue();
  bench::Program program(
      bench::read_options(std::span(arguments, static_cast<std::size_t>(count))),
      {.root_pem = root.certificate(), .leaf_pem = leaf.cert, .key_pem = leaf.key});
  program.run();
}
