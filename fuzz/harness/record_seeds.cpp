// record_seeds [<folder for clients> <folder for servers>]: has two engines talk to each other in
// every kind of scene, and writes what each of them was led through as an input of its fuzzer.
// Without folders it checks that what was recorded leads an engine alone to the same end.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>

#include "endpoint/cookie_gate.hpp"
#include "harness/association.hpp"
#include "harness/require.hpp"

namespace dtls::fuzz {
namespace {

// One side, and all that it was led through.
class Player {
 public:
  Player(Role role, const Scene& scene) : association_(role, scene) {
    input_.scene = scene.write();
  }

  void perform(const Step& step) {
    input_.steps.push_back(step);
    association_.perform(step);
  }
  Association& association() { return association_; }
  [[nodiscard]] const Input& input() const { return input_; }

 private:
  Association association_;
  Input input_;
};

class Pair {
 public:
  explicit Pair(const Scene& scene) : client(Role::kClient, scene), server(Role::kServer, scene) {
    if (scene.is_proven) pass_gate(scene);
    settle();
  }

  Player client;
  Player server;

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
  static bool carry(Player& from, Player& to) {
    const auto datagrams = from.association().take_outgoing();
    for (const auto& each : datagrams)
      to.perform(datagram(each));
    return !datagrams.empty();
  }
  static void pass(Player& player) {
    if (player.association().engine().deadline()) player.perform(step(StepKind::kPass, 5));
  }

  // The first hello gets its cookie from a gate, of which the server's engine knows nothing.
  void pass_gate(const Scene& scene) {
    const std::array<std::byte, endpoint::CookieSecrets::kKeySize> key{};
    auto gate = *endpoint::CookieGate::create(
        *endpoint::CookieSecrets::from_master_key(key),
        std::make_shared<handshake::Settings>(scene.settings(Role::kServer)));
    const auto hellos = client.association().take_outgoing();
    require(hellos.size() == 1, "a hello is one datagram");
    std::array<std::byte, endpoint::CookieGate::kMaxReplySize> reply;
    const auto answer = gate.inspect({.port = 40000}, hellos.front(), kBeginning, reply);
    require(answer.verdict == endpoint::CookieGate::Verdict::kChallenge, "it is challenged");
    client.perform(datagram(std::span(reply).first(answer.reply_size)));
  }
};

void talk(Pair& pair) {
  for (const auto number : std::array<std::uint8_t, 2>{1, 2}) {
    pair.client.perform(step(StepKind::kSend, number));
    pair.server.perform(step(StepKind::kSend, number));
  }
  pair.exchange();
}

struct Recording {
  std::string name;
  Scene scene;
  std::function<void(Pair&)> then;  // after the handshake
};

void close_client(Pair& pair) {
  talk(pair);
  pair.client.perform(step(StepKind::kClose));
  pair.exchange();
}

void close_server(Pair& pair) {
  talk(pair);
  pair.server.perform(step(StepKind::kClose));
  pair.exchange();
}

std::vector<Recording> recordings_of(std::uint8_t versions) {
  using Auth = Scene::ClientAuth;
  using Credentials = Scene::Credentials;
  using Suites = Scene::Suites;
  const Scene plain{.versions = versions};
  std::vector<Recording> list;
  const auto add = [&](const char* name, auto change, std::function<void(Pair&)> then) {
    Scene scene = plain;
    change(scene);
    list.push_back({std::string(versions == 1 ? "12_" : "13_") + name, scene, std::move(then)});
  };
  add(
      "full", [](Scene&) {}, close_client);
  add(
      "ed25519", [](Scene& scene) { scene.credentials = Credentials::kEd25519; }, close_server);
  add(
      "psk", [](Scene& scene) { scene.credentials = Credentials::kPsk; }, close_client);
  add(
      "mutual", [](Scene& scene) { scene.client_auth = Auth::kRequired; }, close_client);
  add(
      "asked_in_vain", [](Scene& scene) { scene.client_auth = Auth::kAsked; }, close_server);
  add(
      "resumed", [](Scene& scene) { scene.resumes = true; }, close_client);
  add(
      "narrow", [](Scene& scene) { scene.is_narrow = true; }, close_client);
  add(
      "proven", [](Scene& scene) { scene.is_proven = true; }, close_client);
  add(
      "extras",
      [](Scene& scene) {
        scene.has_extras = true;
        scene.limits_records = true;
        scene.suites = Suites::kChaCha20;
      },
      close_client);
  add(
      "ccm8", [](Scene& scene) { scene.suites = Suites::kCcm8; }, close_server);
  add(
      "aes256_without_tickets",
      [](Scene& scene) {
        scene.suites = Suites::kAes256;
        scene.has_no_tickets = true;
      },
      close_client);
  if (versions == 1) {
    const auto renegotiates = [](Scene& scene) { scene.renegotiates = true; };
    add("client_renegotiates", renegotiates, [](Pair& pair) {
      pair.client.perform(step(StepKind::kRenegotiate));
      pair.settle();
      close_client(pair);
    });
    add("server_renegotiates", renegotiates, [](Pair& pair) {
      pair.server.perform(step(StepKind::kRenegotiate));
      pair.settle();
      close_client(pair);
    });
  } else {
    add(
        "retried", [](Scene& scene) { scene.retries = true; }, close_client);
    add(
        "proven_and_retried", [](Scene& scene) { scene.is_proven = scene.retries = true; },
        close_client);
    add(
        "psk_alone",
        [](Scene& scene) {
          scene.credentials = Credentials::kPsk;
          scene.psk_alone = true;
        },
        close_client);
    add(
        "keys_updated", [](Scene&) {},
        [](Pair& pair) {
          pair.client.perform(step(StepKind::kUpdateKeys, 1));
          pair.settle();
          pair.server.perform(step(StepKind::kUpdateKeys, 0));
          pair.settle();
          close_server(pair);
        });
  }
  return list;
}

// The server's engine is told the key after it has asked for it.
Recording late_psk(std::uint8_t versions) {
  Scene scene{.versions = versions};
  scene.credentials = Scene::Credentials::kLatePsk;
  return {versions == 1 ? "12_late_psk" : "13_late_psk", scene, [](Pair& pair) {
            pair.server.perform(step(StepKind::kAnswerPsk, 1));
            pair.settle();
            // What came with the question is gone and has to come again.
            pair.client.perform(step(StepKind::kTimeout));
            pair.settle();
            close_client(pair);
          }};
}

void write(const std::filesystem::path& folder, const std::string& name, const Input& input) {
  std::filesystem::create_directories(folder);
  const auto bytes = write_input(input);
  std::ofstream file(folder / name, std::ios::binary);
  file.write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
  require(file.good(), "a seed is written");
}

// An engine alone, led through the same, ends where it did.
void check(Role role, Player& player) {
  const auto bytes = write_input(player.input());
  const Input input = read_input(bytes);
  Association alone(role, Scene::read(input.scene));
  for (const Step& each : input.steps)
    alone.perform(each);
  require(alone.was_established(), "what was recorded is repeated");
  require(alone.is_over() && !alone.error(), "it ends as it did");
  require(alone.messages() == player.association().messages() && alone.messages() > 0,
          "the same messages come");
}

int main(int argc, char** argv) {
  std::size_t count = 0;
  for (const auto versions : std::array<std::uint8_t, 2>{1, 2}) {
    auto list = recordings_of(versions);
    list.push_back(late_psk(versions));
    for (const auto& recording : list) {
      std::printf("%s\n", recording.name.c_str());
      std::fflush(stdout);  // the last line names the recording that failed
      Pair pair(recording.scene);
      recording.then(pair);
      require(pair.client.association().was_established() &&
                  pair.server.association().was_established(),
              "both are established");
      const auto& agreed = pair.server.association().engine().negotiated();
      require(agreed.resumed == recording.scene.resumes, "it is resumed where it can be");
      require(agreed.with_psk == recording.scene.has_psk(), "a PSK serves where there is one");
      require(agreed.version == (versions == 1 ? wire::kDtls12 : wire::kDtls13), "of that version");
      check(Role::kClient, pair.client);
      check(Role::kServer, pair.server);
      if (argc == 3) {
        write(argv[1], recording.name, pair.client.input());
        write(argv[2], recording.name, pair.server.input());
      }
      ++count;
    }
  }
  std::printf("%zu recordings\n", count);
  return 0;
}

}  // namespace
}  // namespace dtls::fuzz

int main(int argc, char** argv) {
  return dtls::fuzz::main(argc, argv);
}
