#include "unit/wire/check_tools.hpp"
#include "unit/wire/message_checks.hpp"
#include "wire/key_share.hpp"
#include "wire/parameter_lists.hpp"
#include "wire/pre_shared_key.hpp"
#include "wire/small_extensions.hpp"

namespace dtls::wire::test {
namespace {

bool extension_list(Bytes bytes) {
  const auto extensions = ExtensionList::parse(bytes);
  if (!extensions) {
    return false;
  }
  walk(*extensions, bytes);
  require_writes(bytes, 0, [&](Writer& writer) {
    for (const Extension extension : *extensions) {
      write_extension(writer, extension.type, extension.content);
    }
  });
  return true;
}

bool server_name(Bytes content) {
  const auto name = parse_server_name(content);
  if (!name) {
    return false;
  }
  require_inside(*name, content);
  // Names of other kinds are not written.
  if (content.size() == 5 + name->size()) {
    require_writes_extension(content, [&](Writer& writer) { write_server_name(writer, *name); });
  }
  return true;
}

bool alpn(Bytes content) {
  const auto names = parse_alpn(content);
  const auto selection = parse_alpn_selection(content);
  if (!names) {
    require(!selection, "a selection is a list of one");
    return false;
  }
  require((elements(*names).size() == 1) == selection.has_value(), "a list of one is a selection");
  for (const std::string_view name : *names) {
    require_inside(name, content);
  }
  require_writes_extension(content, [&](Writer& writer) { write_alpn(writer, *names); });
  return true;
}

bool signature_algorithms(Bytes content) {
  const auto schemes = parse_signature_algorithms(content);
  if (!schemes) {
    return false;
  }
  require_writes_extension(content, [&](Writer& writer) {
    write_signature_algorithms(writer, ExtensionType::kSignatureAlgorithms, elements(*schemes));
  });
  return true;
}

bool ec_point_formats(Bytes content) {
  const auto formats = parse_ec_point_formats(content);
  if (!formats) {
    return false;
  }
  const auto list = elements(*formats);
  if (list == std::vector{EcPointFormat::kUncompressed}) {
    require_writes_extension(content, [](Writer& writer) { write_ec_point_formats(writer); });
  }
  return true;
}

bool use_srtp(Bytes content) {
  const auto srtp = parse_use_srtp(content);
  if (!srtp) {
    return false;
  }
  require_writes_extension(content, [&](Writer& writer) {
    write_use_srtp(writer, elements(srtp->profiles), srtp->mki);
  });
  return true;
}

bool renegotiation_info(Bytes content) {
  const auto verify_data = parse_renegotiation_info(content);
  if (!verify_data) {
    return false;
  }
  const std::size_t half = verify_data->size() / 2;
  require_writes_extension(content, [&](Writer& writer) {
    write_renegotiation_info(writer, verify_data->first(half), verify_data->subspan(half));
  });
  return true;
}

bool key_shares(Bytes content) {
  const auto shares = parse_key_shares(content);
  if (!shares) {
    return false;
  }
  for (const KeyShare share : *shares) {
    require_inside(share.key_exchange, content);
  }
  require_writes_extension(content, [&](Writer& writer) { write_key_shares(writer, *shares); });
  return true;
}

bool offered_psks(Bytes content) {
  const auto offered = parse_offered_psks(content);
  if (!offered) {
    return false;
  }
  const auto binders = elements(offered->binders);
  require(elements(offered->identities).size() == binders.size(), "a binder for each identity");
  require(binders_at(content, *offered) == content.size() - 2 - offered->binders.bytes().size(),
          "where the binders begin");
  // The writer has binders of one size.
  const std::size_t size = binders.front().size();
  if (std::ranges::all_of(binders, [&](Bytes binder) { return binder.size() == size; })) {
    std::vector<std::byte> written(kExtensionHead + content.size());
    Writer writer(written);
    write_offered_psks(writer, offered->identities, size);
    for (std::size_t i = 0; i < binders.size(); ++i) {
      require(fill_binder(written, i, binders.size(), binders[i]), "a binder finds its place");
    }
    require(writer.ok() && std::ranges::equal(std::span(written).subspan(kExtensionHead), content),
            "what was written is not what was read");
  }
  return true;
}

constexpr MessageCheck kChecksOfExtensions[] = {
    {"extension_list", extension_list},
    {"server_name", server_name},
    {"alpn", alpn},
    {"supported_groups", list_extension<parse_supported_groups, write_supported_groups>},
    {"signature_algorithms", signature_algorithms},
    {"supported_versions", list_extension<parse_supported_versions, write_supported_versions>},
    {"selected_version", extension<parse_selected_version, write_selected_version>},
    {"ec_point_formats", ec_point_formats},
    {"psk_key_exchange_modes",
     list_extension<parse_psk_key_exchange_modes, write_psk_key_exchange_modes>},
    {"use_srtp", use_srtp},
    {"renegotiation_info", renegotiation_info},
    {"record_size_limit", extension<parse_record_size_limit, write_record_size_limit>},
    {"cookie", extension<parse_cookie, write_cookie>},
    {"certificate_authorities",
     extension<parse_certificate_authorities, write_certificate_authorities<DistinguishedNames>>},
    {"key_shares", key_shares},
    {"key_share", extension<parse_key_share, write_key_share>},
    {"requested_group", extension<parse_requested_group, write_requested_group>},
    {"offered_psks", offered_psks},
    {"selected_psk", extension<parse_selected_psk, write_selected_psk>},
};

}  // namespace

std::span<const MessageCheck> extension_checks() {
  return kChecksOfExtensions;
}

}  // namespace dtls::wire::test
