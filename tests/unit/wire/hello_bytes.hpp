// ClientHello datagrams that real clients sent, and the means to vary them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace dtls::test {

using Datagram = std::vector<std::byte>;

// Captured from OpenSSL 3.0.19, `openssl s_client -dtls1_2 -servername device.example`: the
// first ClientHello, and the second one, after a HelloVerifyRequest with the cookie 00 .. 1f.
inline constexpr std::string_view kFirstHello =
    "16feff000000000000000000d7"
    "010000cb00000000000000cb"
    "fefd5036abcbc3fce7a5e88255b8f896939d3be606de80144533e3bacfa23d82c3f0"
    "00"
    "00"
    "0038c02cc030009fcca9cca8ccaac02bc02f009ec024c028006bc023c0270067c00ac0140039c009c0130033"
    "009d009c003d003c0035002f00ff"
    "0100"
    "006900000013001100000e6465766963652e6578616d706c65000b000403000102000a000c000a001d001700"
    "1e00190018002300000016000000170000000d002a0028040305030603080708080809080a080b0804080508"
    "06040105010601030303010302040205020602";
inline constexpr std::string_view kSecondHello =
    "16feff000000000000000100f7"
    "010000eb00010000000000eb"
    "fefd5036abcbc3fce7a5e88255b8f896939d3be606de80144533e3bacfa23d82c3f0"
    "00"
    "20000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
    "0038c02cc030009fcca9cca8ccaac02bc02f009ec024c028006bc023c0270067c00ac0140039c009c0130033"
    "009d009c003d003c0035002f00ff"
    "0100"
    "006900000013001100000e6465766963652e6578616d706c65000b000403000102000a000c000a001d001700"
    "1e00190018002300000016000000170000000d002a0028040305030603080708080809080a080b0804080508"
    "06040105010601030303010302040205020602";

// The same program with `-psk 00112233445566778899aabbccddeeff -cipher PSK-AES128-GCM-SHA256`.
inline constexpr std::string_view kPskHello =
    "16feff00000000000000000074"
    "010000680000000000000068"
    "fefdaf52a78e21b3627dc444033f8b05fc4d32128addd93408314bc57c378a54accf"
    "00"
    "00"
    "000400a800ff"
    "0100"
    "003a002300000016000000170000000d002a0028040305030603080708080809080a080b0804080508060401"
    "05010601030303010302040205020602";

// The same program with `-dtls1`: a client that knows nothing newer than DTLS 1.0.
inline constexpr std::string_view kDtls10Hello =
    "16feff0000000000000000006c"
    "010000600000000000000060"
    "feff75efc2d4f87cc4d40c56eb5ae23ee9925864bfb1409969273da8e0ebd1a09eff"
    "00"
    "00"
    "0012c00ac0140039c009c01300330035002f00ff"
    "0100"
    "0024000b000403000102000a000c000a001d0017001e00190018002300000016000000170000";

// The same program with `-dtls -mtu 256`, after a HelloVerifyRequest: the first fragment of a
// ClientHello that no longer fits into one datagram.
inline constexpr std::string_view kFragmentedHello =
    "16feff000000000000000100d7"
    "010000d400010000000000cb"
    "fefd812704cfde6544cc8b08883bbaf9c30360e80dabf7c8bd0768f313a294aecbbe"
    "00"
    "20000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
    "0038c02cc030009fcca9cca8ccaac02bc02f009ec024c028006bc023c0270067c00ac0140039c009c0130033"
    "009d009c003d003c0035002f00ff"
    "0100"
    "0052000b000403000102000a000c000a001d0017001e00190018002300000016000000170000000d002a0028"
    "040305030603080708080809080a080b080408050806040105010601030303";

// Offsets in these datagrams.
inline constexpr std::size_t kEpochAt = 3;
inline constexpr std::size_t kRecordLengthAt = 11;
inline constexpr std::size_t kMessageAt = 13;
inline constexpr std::size_t kBodyAt = 25;
inline constexpr std::size_t kRandomAt = kBodyAt + 2;
inline constexpr std::size_t kSessionIdAt = kRandomAt + 32;

Datagram from_hex(std::string_view hex);

inline std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

// frame_hello puts record and handshake headers in front of the body of a ClientHello.
Datagram frame_hello(std::span<const std::byte> body, std::uint64_t record_sequence = 0,
                     std::uint16_t message_seq = 0);

// shortest_hello is the smallest ClientHello that the syntax allows: 67 bytes.
Datagram shortest_hello();

// is_whole_hello: the datagram begins with a ClientHello in one fragment.
bool is_whole_hello(std::span<const std::byte> datagram);

// with_cookie is what a client sends next: the hello of `datagram`, which holds nothing
// else, with this cookie and both sequence numbers one higher.
Datagram with_cookie(std::span<const std::byte> datagram, std::span<const std::byte> cookie);

}  // namespace dtls::test
