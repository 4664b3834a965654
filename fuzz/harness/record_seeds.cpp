// record_seeds [<folder for clients> <folder for servers> [<folder for sessions>]]: has two
// engines, and two sessions, talk to each other in every kind of scene, and writes what each was
// led through as an input of its fuzzer. It checks that what was recorded leads one alone to the
// same end.
#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>

#include "endpoint/cookie_gate.hpp"
#include "harness/association.hpp"
#include "harness/require.hpp"
#include "harness/session_association.hpp"

namespace dtls::fuzz {
namespace {

// One side, an Association or a SessionAssociation, and all that it was led through.
template <typename Side>
class Player {
 public:
  Player(Role role, const Scene& scene) : side_(role, scene) { input_.scene = scene.write(); }

  void perform(const Step& step) {
    input_.steps.push_back(step);
    side_.perform(step);
  }
  Side& side() { return side_; }
  [[nodiscard]] const Input& input() const { return input_; }

 private:
  Side side_;
  Input input_;
};

template <typename Side>
class Pair {
 public:
  explicit Pair(const Scene& scene) : client(Role::kClient, scene), server(Role::kServer, scene) {
    if (scene.is_proven) pass_gate(scene);
    settle();
  }

  Player<Side> client;
  Player<Side> server;

  // exchange carries datagrams until none is under way.
  void exchange() {
    for (bool any = true; any;) {
      any = carry(client, server);
      any = carry(server, client) || any;
    }
  }
  // settle has ACKs that wait go out as well.
  void settle() {
    exchange();
    for (int i = 0; i < 4; ++i) {
      pass(client);
      pass(server);
      exchange();
    }
  }

 private:
  static bool carry(Player<Side>& from, Player<Side>& to) {
    const auto datagrams = from.side().take_outgoing();
    for (const auto& each : datagrams)
      to.perform(datagram(each));
    return !datagrams.empty();
  }
  static void pass(Player<Side>& player) {
    if (player.side().has_timer()) player.perform(step(StepKind::kPass, 5));
  }

  // The first hello gets its cookie from a gate, of which the server's side knows nothing.
  void pass_gate(const Scene& scene) {
    const std::array<std::byte, endpoint::CookieSecrets::kKeySize> key{};
    auto gate = *endpoint::CookieGate::create(
        *endpoint::CookieSecrets::from_master_key(key),
        std::make_shared<handshake::Settings>(scene.settings(Role::kServer)));
    const auto hellos = client.side().take_outgoing();
    require(hellos.size() == 1, "a hello is one datagram");
    std::array<std::byte, endpoint::CookieGate::kMaxReplySize> reply;
    const auto answer = gate.inspect({.port = 40000}, hellos.front(), kBeginning, reply);
    require(answer.verdict == endpoint::CookieGate::Verdict::kChallenge, "it is challenged");
    client.perform(datagram(std::span(reply).first(answer.reply_size)));
  }
};

struct Talk {
  void operator()(auto& pair) const {
    for (const auto number : std::array<std::uint8_t, 2>{1, 2}) {
      pair.client.perform(step(StepKind::kSend, number));
      pair.server.perform(step(StepKind::kSend, number));
    }
    pair.exchange();
    (client_closes ? pair.client : pair.server).perform(step(StepKind::kClose));
    pair.exchange();
  }
  bool client_closes;
};
constexpr Talk kClientCloses{true};
constexpr Talk kServerCloses{false};

template <typename Side>
struct Recording {
  std::string name;
  Scene scene;
  std::function<void(Pair<Side>&)> then;  // after the handshake
};

// Recordings are gathered under names that tell the version.
template <typename Side>
class Recordings {
 public:
  explicit Recordings(std::uint8_t versions) : plain_{.versions = versions} {}

  template <typename Change>
  void add(const char* name, Change change, std::function<void(Pair<Side>&)> then) {
    Scene scene = plain_;
    change(scene);
    list.push_back(
        {std::string(plain_.versions == 1 ? "12_" : "13_") + name, scene, std::move(then)});
  }

  std::vector<Recording<Side>> list;

 private:
  Scene plain_;
};

using Auth = Scene::ClientAuth;
using Credentials = Scene::Credentials;
using Suites = Scene::Suites;

template <typename Side>
void add_renegotiations(Recordings<Side>& to) {
  const auto with = [](Scene& scene) { scene.renegotiates = true; };
  to.add("client_renegotiates", with, [](Pair<Side>& pair) {
    pair.client.perform(step(StepKind::kRenegotiate));
    pair.settle();
    kClientCloses(pair);
  });
  to.add("server_renegotiates", with, [](Pair<Side>& pair) {
    pair.server.perform(step(StepKind::kRenegotiate));
    pair.settle();
    kClientCloses(pair);
  });
}

void add_of_13(Recordings<Association>& to) {
  to.add(
      "retried", [](Scene& scene) { scene.retries = true; }, kClientCloses);
  to.add(
      "proven_and_retried", [](Scene& scene) { scene.is_proven = scene.retries = true; },
      kClientCloses);
  to.add(
      "psk_alone",
      [](Scene& scene) {
        scene.credentials = Credentials::kPsk;
        scene.psk_alone = true;
      },
      kClientCloses);
  to.add(
      "keys_updated", [](Scene&) {},
      [](Pair<Association>& pair) {
        pair.client.perform(step(StepKind::kUpdateKeys, 1));
        pair.settle();
        pair.server.perform(step(StepKind::kUpdateKeys, 0));
        pair.settle();
        kServerCloses(pair);
      });
}

std::vector<Recording<Association>> of_engines(std::uint8_t versions) {
  Recordings<Association> made(versions);
  const auto add = [&](const char* name, auto change, auto then) { made.add(name, change, then); };
  add(
      "full", [](Scene&) {}, kClientCloses);
  add(
      "ed25519", [](Scene& scene) { scene.credentials = Credentials::kEd25519; }, kServerCloses);
  add(
      "psk", [](Scene& scene) { scene.credentials = Credentials::kPsk; }, kClientCloses);
  add(
      "mutual", [](Scene& scene) { scene.client_auth = Auth::kRequired; }, kClientCloses);
  add(
      "asked_in_vain", [](Scene& scene) { scene.client_auth = Auth::kAsked; }, kServerCloses);
  add(
      "resumed", [](Scene& scene) { scene.resumes = true; }, kClientCloses);
  add(
      "narrow", [](Scene& scene) { scene.is_narrow = true; }, kClientCloses);
  add(
      "proven", [](Scene& scene) { scene.is_proven = true; }, kClientCloses);
  add(
      "extras",
      [](Scene& scene) {
        scene.has_extras = true;
        scene.limits_records = true;
        scene.suites = Suites::kChaCha20;
      },
      kClientCloses);
  add(
      "ccm8", [](Scene& scene) { scene.suites = Suites::kCcm8; }, kServerCloses);
  add(
      "aes256_without_tickets",
      [](Scene& scene) {
        scene.suites = Suites::kAes256;
        scene.has_no_tickets = true;
      },
      kClientCloses);
  add(
      "late_psk", [](Scene& scene) { scene.credentials = Credentials::kLatePsk; },
      [](Pair<Association>& pair) {
        pair.server.perform(step(StepKind::kAnswerPsk, 1));
        pair.settle();
        // What came with the question is gone and has to come again.
        pair.client.perform(step(StepKind::kTimeout));
        pair.settle();
        kClientCloses(pair);
      });
  if (versions == 1) {
    add_renegotiations(made);
  } else {
    add_of_13(made);
  }
  return std::move(made.list);
}

// Servers of sessions know only clients that have come through the gate.
std::vector<Recording<SessionAssociation>> of_sessions(std::uint8_t versions) {
  Recordings<SessionAssociation> made(versions);
  const auto add = [&](const char* name, auto change, auto then) {
    made.add(
        name,
        [&](Scene& scene) {
          scene.is_proven = true;
          change(scene);
        },
        then);
  };
  add(
      "full", [](Scene&) {}, kClientCloses);
  add(
      "ed25519", [](Scene& scene) { scene.credentials = Credentials::kEd25519; }, kServerCloses);
  add(
      "mutual", [](Scene& scene) { scene.client_auth = Auth::kRequired; }, kServerCloses);
  add(
      "named", [](Scene& scene) { scene.has_extras = true; }, kClientCloses);
  if (versions == 1) add_renegotiations(made);
  for (auto& each : made.list)
    each.scene.is_proven = true;
  return std::move(made.list);
}

void write(const std::filesystem::path& folder, const std::string& name, const Input& input) {
  std::filesystem::create_directories(folder);
  const auto bytes = write_input(input);
  std::ofstream file(folder / name, std::ios::binary);
  file.write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
  require(file.good(), "a seed is written");
}

// One side alone, led through the same, ends where it did.
template <typename Side>
void check(Role role, Player<Side>& player) {
  const auto bytes = write_input(player.input());
  const Input input = read_input(bytes);
  Side alone(role, Scene::read(input.scene));
  for (const Step& each : input.steps)
    alone.perform(each);
  require(alone.was_established(), "what was recorded is repeated");
  require(alone.is_over() && !alone.error(), "it ends as it did");
  require(alone.messages() == player.side().messages() && alone.messages() > 0,
          "the same messages come");
}

void check_agreed(const Scene& scene, const handshake::Negotiated& agreed) {
  require(agreed.resumed == scene.resumes, "it is resumed where it can be");
  require(agreed.with_psk == scene.has_psk(), "a PSK serves where there is one");
  require(agreed.version == (scene.versions == 1 ? wire::kDtls12 : wire::kDtls13),
          "of that version");
}

template <typename Side>
std::unique_ptr<Pair<Side>> play(const Recording<Side>& recording) {
  std::printf("%s\n", recording.name.c_str());
  std::fflush(stdout);  // the last line names the recording that failed
  auto pair = std::make_unique<Pair<Side>>(recording.scene);
  recording.then(*pair);
  require(pair->client.side().was_established() && pair->server.side().was_established(),
          "both are established");
  check(Role::kClient, pair->client);
  check(Role::kServer, pair->server);
  return pair;
}

int record(std::span<char*> folders) {
  for (const auto versions : std::array<std::uint8_t, 2>{1, 2}) {
    for (const auto& each : of_engines(versions)) {
      const auto pair = play(each);
      check_agreed(each.scene, pair->server.side().engine().negotiated());
      if (folders.size() < 2) continue;
      write(folders[0], each.name, pair->client.input());
      write(folders[1], each.name, pair->server.input());
    }
    for (const auto& each : of_sessions(versions)) {
      const auto pair = play(each);
      if (folders.size() < 3) continue;
      write(folders[2], each.name + "_client", pair->client.input());
      Input of_server = pair->server.input();
      of_server.scene[2] |= std::byte{2};  // see fuzz_session.cpp
      write(folders[2], each.name + "_server", of_server);
    }
  }
  return 0;
}

}  // namespace
}  // namespace dtls::fuzz

int main(int argc, char** argv) {
  return dtls::fuzz::record(std::span(argv, static_cast<std::size_t>(argc)).subspan(1));
}
