#include "wire/parameter_lists.hpp"

#include <array>

namespace dtls::wire {
namespace {

// A list of two-byte numbers is <2..2^16-2> or <2..254>, in bytes.
constexpr std::size_t kMaxPairs16 = 0xfffe;
constexpr std::size_t kMaxPairs8 = 0xfe;

// The list that `vector` is, if it was all that the reader had.
template <typename List>
std::optional<List> only(const Reader& reader, Bytes vector) {
  return reader.finished() ? List::parse(vector) : std::nullopt;
}

template <typename T>
void write_numbers(Writer& writer, std::span<const T> numbers) {
  for (const T number : numbers) {
    if constexpr (sizeof(T) == 1) {
      writer.u8(static_cast<std::uint8_t>(number));
    } else {
      writer.u16(static_cast<std::uint16_t>(number));
    }
  }
}

template <typename T>
void write_list16(Writer& writer, ExtensionType type, std::span<const T> numbers) {
  const auto extension = begin_extension(writer, type);
  const auto list = writer.begin_vector16();
  write_numbers(writer, numbers);
  writer.end_vector(list);
  writer.end_vector(extension);
}

template <typename T>
void write_list8(Writer& writer, ExtensionType type, std::span<const T> numbers) {
  const auto extension = begin_extension(writer, type);
  const auto list = writer.begin_vector8();
  write_numbers(writer, numbers);
  writer.end_vector(list);
  writer.end_vector(extension);
}

}  // namespace

std::optional<NamedGroups> parse_supported_groups(Bytes content) {
  Reader reader(content);
  const Bytes list = reader.vector16(2, kMaxVector16);
  return only<NamedGroups>(reader, list);
}

void write_supported_groups(Writer& writer, std::span<const NamedGroup> groups) {
  write_list16(writer, ExtensionType::kSupportedGroups, groups);
}

std::optional<SignatureSchemes> parse_signature_algorithms(Bytes content) {
  Reader reader(content);
  const Bytes list = reader.vector16(2, kMaxPairs16);
  return only<SignatureSchemes>(reader, list);
}

void write_signature_algorithms(Writer& writer, ExtensionType type,
                                std::span<const SignatureScheme> schemes) {
  write_list16(writer, type, schemes);
}

std::optional<Versions> parse_supported_versions(Bytes content) {
  Reader reader(content);
  const Bytes list = reader.vector8(2, kMaxPairs8);
  return only<Versions>(reader, list);
}

void write_supported_versions(Writer& writer, std::span<const Version> versions) {
  write_list8(writer, ExtensionType::kSupportedVersions, versions);
}

std::optional<Version> parse_selected_version(Bytes content) {
  Reader reader(content);
  const Version version = reader.u16();
  return reader.finished() ? std::optional(version) : std::nullopt;
}

void write_selected_version(Writer& writer, Version version) {
  const auto extension = begin_extension(writer, ExtensionType::kSupportedVersions);
  writer.u16(version);
  writer.end_vector(extension);
}

std::optional<EcPointFormats> parse_ec_point_formats(Bytes content) {
  Reader reader(content);
  const Bytes list = reader.vector8(1, kMaxVector8);
  return only<EcPointFormats>(reader, list);
}

void write_ec_point_formats(Writer& writer) {
  constexpr std::array kFormats{EcPointFormat::kUncompressed};
  write_list8(writer, ExtensionType::kEcPointFormats, std::span<const EcPointFormat>(kFormats));
}

std::optional<PskKeyExchangeModes> parse_psk_key_exchange_modes(Bytes content) {
  Reader reader(content);
  const Bytes list = reader.vector8(1, kMaxVector8);
  return only<PskKeyExchangeModes>(reader, list);
}

void write_psk_key_exchange_modes(Writer& writer, std::span<const PskKeyExchangeMode> modes) {
  write_list8(writer, ExtensionType::kPskKeyExchangeModes, modes);
}

std::optional<UseSrtp> parse_use_srtp(Bytes content) {
  Reader reader(content);
  const Bytes list = reader.vector16(2, kMaxVector16);
  const Bytes mki = reader.vector8(0, kMaxVector8);
  const auto profiles = only<NumberList<SrtpProfile>>(reader, list);
  return profiles ? std::optional(UseSrtp{*profiles, mki}) : std::nullopt;
}

void write_use_srtp(Writer& writer, std::span<const SrtpProfile> profiles, Bytes mki) {
  const auto extension = begin_extension(writer, ExtensionType::kUseSrtp);
  const auto list = writer.begin_vector16();
  write_numbers(writer, profiles);
  writer.end_vector(list);
  writer.vector8(mki);
  writer.end_vector(extension);
}

}  // namespace dtls::wire
