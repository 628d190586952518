// The routes of images: /images/..., /commit, /distribution/....

#include <utility>

#include "api/context.h"
#include "api/filters.h"
#include "api/images_json.h"
#include "api/images_progress.h"
#include "api/respond.h"
#include "api/routes.h"
#include "base/json.h"
#include "base/text.h"
#include "engine/commit.h"
#include "engine/config_json.h"
#include "engine/image_distribution.h"
#include "engine/image_remove.h"
#include "engine/images.h"
#include "engine/import.h"
#include "engine/load.h"
#include "engine/pull.h"
#include "engine/push.h"
#include "engine/save.h"

namespace drydock::api {

namespace {

/// Sends the value, or the error with its status.
void answer(Context& context, const Result<Json>& body) {
  if (!body.ok()) return send_error(*context.responder, body.error());
  send_json(*context.responder, 200, *body);
}

/// Says an error that the handler met before a job took the answer over.
void answer_error(Context& context, const Result<void>& result) {
  if (!result.ok()) send_error(*context.responder, result.error());
}

void list_images(Context& context) {
  const http::Query& query = context.query();
  auto filters = Filters::parse(query.get_or("filters", ""));
  if (!filters.ok()) return send_error(*context.responder, filters.error());
  // Before API 1.41 the positional pattern of `docker images` was a parameter of its own.
  if (const auto pattern = query.get("filter"); pattern && !pattern->empty() && context.version < ApiVersion{1, 41}) {
    filters->add("reference", *pattern);
  }
  ImageListOptions options;
  options.all = query.flag("all");
  options.shared_size = context.version >= ApiVersion{1, 42} && query.flag("shared-size");
  answer(context, list_images_json(context.daemon, *filters, options, context.version));
}

Result<const storage::Image*> named_image(Context& context) {
  return context.daemon.images->lookup(context.params.get("name"));
}

void inspect_image(Context& context) {
  const auto image = named_image(context);
  if (!image.ok()) {
    return send_error(*context.responder, with_context("no such image: " + context.params.get("name"), image.error()));
  }
  answer(context, inspect_image_json(context.daemon, **image, context.version));
}

void image_history(Context& context) {
  const auto image = named_image(context);
  if (!image.ok()) return send_error(*context.responder, image.error());
  answer(context, image_history_json(context.daemon, **image));
}

void tag_image(Context& context) {
  const auto tagged = engine::tag_image(context.daemon, context.params.get("name"), context.query().get_or("repo", ""),
                                        context.query().get_or("tag", ""));
  if (!tagged.ok()) return send_error(*context.responder, tagged.error());
  send_empty(*context.responder, 201);
}

void remove_image(Context& context) {
  const std::string name = context.params.get("name");
  if (trim(name).empty()) {
    return send_error(*context.responder, {ErrorKind::invalid_argument, "image name cannot be blank"});
  }
  const auto force = context.query().flag("force") ? engine::Force::yes : engine::Force::no;
  const auto prune = context.query().flag("noprune") ? engine::PruneParents::no : engine::PruneParents::yes;
  const auto removed = engine::remove_image(context.daemon, name, force, prune);
  if (!removed.ok()) return send_error(*context.responder, removed.error());
  send_json(*context.responder, 200, removed_images_json(*removed));
}

void save_images(Context& context) {
  std::vector<std::string> names = context.query().all("names");
  if (const std::string name = context.params.get("name"); !name.empty()) names = {name};
  answer_error(context, engine::start_save(context.daemon, names, context.responder));
}

void load_images(Context& context) {
  // Quiet unless the client says otherwise: that is dockerd's default.
  const bool quiet = !context.query().has("quiet") || context.query().flag("quiet");
  engine::start_load(context.daemon, std::move(context.request.body_stream),
                     quiet ? engine::Quiet::yes : engine::Quiet::no,
                     std::make_shared<ResponderSink>(context.responder, EarlyErrors::line));
}

Result<std::optional<oci::Platform>> wanted_platform(const Context& context) {
  const std::string text = context.query().get_or("platform", "");
  if (text.empty() || context.version < ApiVersion{1, 32}) return std::optional<oci::Platform>();
  return std::optional<oci::Platform>(TRY(oci::parse_platform(text, engine::host_platform(context.daemon))));
}

Result<void> import_image(Context& context) {
  const http::Query& query = context.query();
  engine::ImportRequest request;
  request.source = query.get_or("fromSrc", "");
  request.repository = query.get_or("repo", "");
  request.tag = query.get_or("tag", "");
  request.message = query.get_or("message", "");
  request.platform = TRY(wanted_platform(context));
  request.changes = query.all("changes");
  request.body = std::move(context.request.body_stream);
  return engine::start_import(context.daemon, std::move(request), std::make_shared<ResponderSink>(context.responder));
}

/// As dockerd: what cannot be read is nobody, since a registry may well do without.
registry::Credentials credentials_of(const Context& context) {
  auto header = context.request.headers.get("X-Registry-Auth");
  auto credentials = registry::parse_registry_auth(header.value_or(""));
  return credentials.ok() ? std::move(*credentials) : registry::Credentials();
}

Result<void> pull_image(Context& context) {
  const http::Query& query = context.query();
  engine::PullRequest request;
  oci::Reference reference = TRY(oci::Reference::parse(query.get_or("fromImage", "")));
  if (const std::string tag = query.get_or("tag", ""); !tag.empty()) {
    if (auto digest = archive::Digest::parse(tag); digest.ok()) {
      reference = reference.name_only().with_digest(std::move(*digest));
    } else {
      reference = TRY(reference.name_only().with_tag(tag));
    }
  }
  request.reference = std::move(reference);
  request.platform = TRY(wanted_platform(context));
  request.credentials = credentials_of(context);
  return engine::start_pull(context.daemon, std::move(request), std::make_shared<ResponderSink>(context.responder));
}

void create_image(Context& context) {
  const bool pulls = !context.query().get_or("fromImage", "").empty();
  answer_error(context, pulls ? pull_image(context) : import_image(context));
}

Result<void> push(Context& context) {
  if (!context.request.headers.has("X-Registry-Auth"))
    return fail(ErrorKind::invalid_argument, "Bad parameters and missing X-Registry-Auth: EOF");
  engine::PushRequest request;
  request.reference = TRY(oci::Reference::parse(context.params.get("name")));
  if (const std::string tag = context.query().get_or("tag", ""); !tag.empty()) {
    request.reference = TRY(request.reference.name_only().with_tag(tag));
  }
  request.credentials = credentials_of(context);
  engine::start_push(context.daemon, std::move(request), std::make_shared<ResponderSink>(context.responder));
  return {};
}

void push_image(Context& context) {
  answer_error(context, push(context));
}

Result<Json> prune(Context& context) {
  const Filters filters = TRY(Filters::parse(context.query().get_or("filters", "")));
  TRY(filters.allow({"dangling", "label", "label!", "until"}));
  const bool only_dangling = TRY(filters.flag("dangling", true));
  std::optional<Timestamp> until;
  for (const std::string& time : filters.get("until")) {
    until = TRY(parse_until(time, context.daemon.host.clock.now()));
  }
  const auto wanted = [&filters, &until](const storage::Image& image) {
    const auto document = oci::parse_image_config(image.config);
    if (!document.ok() || (until && document->config.created > *until)) return false;
    const auto& labels = document->config.config.labels;
    return filters.matches_labels("label", labels) &&
           (!filters.has("label!") || !filters.matches_labels("label!", labels));
  };
  const engine::PrunedImages pruned = engine::prune_images(context.daemon, only_dangling, wanted);
  engine::emit_event(context.daemon, "image", "prune", "", {{"reclaimed", std::to_string(pruned.bytes)}});
  Json removed = removed_images_json(pruned.removed);
  return Json{{"ImagesDeleted", removed.empty() ? Json() : removed}, {"SpaceReclaimed", pruned.bytes}};
}

void prune_images(Context& context) {
  answer(context, prune(context));
}

Result<void> commit(Context& context) {
  const http::Query& query = context.query();
  engine::CommitRequest request;
  request.container = query.get_or("container", "");
  request.repository = query.get_or("repo", "");
  request.tag = query.get_or("tag", "");
  request.author = query.get_or("author", "");
  request.message = query.get_or("comment", "");
  request.changes = query.all("changes");
  request.pause = !query.has("pause") || query.flag("pause");
  if (!context.request.body.empty()) {
    const Json body = TRY(parse_json(context.request.body));
    if (body.is_object()) request.config = TRY(engine::decode_container_config(body));
  }
  const auto done = [responder = context.responder](const Result<storage::ImageId>& id) {
    if (!id.ok()) return send_error(*responder, id.error());
    send_json(*responder, 201, {{"Id", id.value().str()}});
  };
  return engine::start_commit(context.daemon, std::move(request), done);
}

void commit_container(Context& context) {
  answer_error(context, commit(context));
}

void search_images(Context& context) {
  send_error(*context.responder, {ErrorKind::not_implemented, "GET /images/search is not supported by Drydock"});
}

Result<void> distribution(Context& context) {
  engine::DistributionRequest request;
  request.reference = TRY(oci::Reference::parse_tagged(context.params.get("name")));
  request.credentials = credentials_of(context);
  const auto done = [responder = context.responder](const Result<engine::DistributionInfo>& info) {
    if (!info.ok()) return send_error(*responder, info.error());
    send_json(*responder, 200, distribution_json(*info));
  };
  engine::start_distribution_inspect(context.daemon, std::move(request), done);
  return {};
}

void inspect_distribution(Context& context) {
  answer_error(context, distribution(context));
}

constexpr Route kRoutes[] = {
    {"GET", "/images/json", &list_images, http::BodyMode::buffered, "ImageList"},
    {"GET", "/images/search", &search_images, http::BodyMode::buffered, "ImageSearch"},
    {"GET", "/images/get", &save_images, http::BodyMode::buffered, "ImageGetAll"},
    {"GET", "/images/{name:.*}/get", &save_images, http::BodyMode::buffered, "ImageGet"},
    {"GET", "/images/{name:.*}/history", &image_history, http::BodyMode::buffered, "ImageHistory"},
    {"GET", "/images/{name:.*}/json", &inspect_image, http::BodyMode::buffered, "ImageInspect"},
    {"POST", "/images/load", &load_images, http::BodyMode::streamed, "ImageLoad"},
    {"POST", "/images/create", &create_image, http::BodyMode::streamed, "ImageCreate"},
    {"POST", "/images/prune", &prune_images, http::BodyMode::buffered, "ImagePrune"},
    {"POST", "/images/{name:.*}/push", &push_image, http::BodyMode::buffered, "ImagePush"},
    {"POST", "/images/{name:.*}/tag", &tag_image, http::BodyMode::buffered, "ImageTag"},
    {"DELETE", "/images/{name:.*}", &remove_image, http::BodyMode::buffered, "ImageDelete"},
    {"POST", "/commit", &commit_container, http::BodyMode::buffered, "ImageCommit"},
    {"GET", "/distribution/{name:.*}/json", &inspect_distribution, http::BodyMode::buffered, "DistributionInspect"},
};

}  // namespace

RouteTable image_routes() {
  return kRoutes;
}

}  // namespace drydock::api
