#include "storage/layer_json.h"

#include "base/json.h"
#include "oci/chain_id.h"

namespace drydock::storage {

using archive::Digest;

std::string to_layer_json(const Layer& layer) {
  Json json = Json::object();
  json["chain"] = layer.chain.str();
  if (layer.parent) json["parent"] = layer.parent->str();
  json["diff"] = layer.diff.str();
  json["size"] = layer.size;
  json["tar_size"] = layer.tar_size;
  json["link"] = layer.link;
  return to_json_text(json);
}

Result<Layer> parse_layer_json(std::string_view text) {
  const Json json = TRY(parse_json(text));
  if (!json.is_object()) return fail(ErrorKind::invalid_argument, "layer.json is no object");
  Layer layer;
  layer.chain = TRY(Digest::parse(TRY(get_string(json, "chain"))));
  layer.diff = TRY(Digest::parse(TRY(get_string(json, "diff"))));
  const std::string parent = TRY(get_string(json, "parent"));
  if (!parent.empty()) layer.parent = TRY(Digest::parse(parent));
  layer.size = static_cast<std::uint64_t>(TRY(get_int(json, "size")));
  layer.tar_size = static_cast<std::uint64_t>(TRY(get_int(json, "tar_size")));
  layer.link = TRY(get_string(json, "link"));
  if (oci::chain_id(layer.parent.value_or(Digest()), layer.diff) != layer.chain) {
    return fail(ErrorKind::corrupt, "chain id ", layer.chain.str(), " is not that of parent and diff id");
  }
  // The link is a file name.
  if (!is_lower_hex(layer.link) || layer.link.empty()) {
    return fail(ErrorKind::corrupt, "invalid link name ", go_quoted(layer.link));
  }
  return layer;
}

}  // namespace drydock::storage
