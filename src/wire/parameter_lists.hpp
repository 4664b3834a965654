// Extensions that are lists of numbers, in order of preference: groups, signature algorithms,
// versions, point formats, ways to use a PSK, SRTP profiles.
#pragma once

#include <optional>
#include <span>

#include "wire/extension_list.hpp"
#include "wire/list_view.hpp"
#include "wire/version.hpp"

namespace dtls::wire {

// supported_groups (RFC 8446 §4.2.7), of a ClientHello or EncryptedExtensions.
using NamedGroups = NumberList<NamedGroup>;
std::optional<NamedGroups> parse_supported_groups(Bytes content);
void write_supported_groups(Writer& writer, std::span<const NamedGroup> groups);

// signature_algorithms and signature_algorithms_cert (RFC 8446 §4.2.3), of a ClientHello or
// CertificateRequest; `type` says which.
using SignatureSchemes = NumberList<SignatureScheme>;
std::optional<SignatureSchemes> parse_signature_algorithms(Bytes content);
void write_signature_algorithms(Writer& writer, ExtensionType type,
                                std::span<const SignatureScheme> schemes);

// supported_versions (RFC 8446 §4.2.1): a ClientHello lists, a ServerHello names one.
using Versions = NumberList<Version>;
std::optional<Versions> parse_supported_versions(Bytes content);
void write_supported_versions(Writer& writer, std::span<const Version> versions);
std::optional<Version> parse_selected_version(Bytes content);
void write_selected_version(Writer& writer, Version version);

// ec_point_formats (RFC 8422 §5.1.2), of a ClientHello or ServerHello of DTLS 1.2.
using EcPointFormats = NumberList<EcPointFormat>;
std::optional<EcPointFormats> parse_ec_point_formats(Bytes content);
// write_ec_point_formats names the only format there is, uncompressed.
void write_ec_point_formats(Writer& writer);

// psk_key_exchange_modes (RFC 8446 §4.2.9), of a ClientHello.
using PskKeyExchangeModes = NumberList<PskKeyExchangeMode>;
std::optional<PskKeyExchangeModes> parse_psk_key_exchange_modes(Bytes content);
void write_psk_key_exchange_modes(Writer& writer, std::span<const PskKeyExchangeMode> modes);

// use_srtp (RFC 5764 §4.1.1): the client lists profiles, the server names one of them.
struct UseSrtp {
  NumberList<SrtpProfile> profiles;
  Bytes mki;  // 0 to 255 bytes; empty: none
};
std::optional<UseSrtp> parse_use_srtp(Bytes content);
void write_use_srtp(Writer& writer, std::span<const SrtpProfile> profiles, Bytes mki = {});

}  // namespace dtls::wire
