#include "api/routes.h"

namespace drydock::api {

std::vector<RouteTable> all_routes() {
  return {system_routes(), container_routes(), stream_routes(), exec_routes(),
          volume_routes(), network_routes(),   image_routes()};
}

}  // namespace drydock::api
