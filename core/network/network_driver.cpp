#include "network/network_driver.h"

namespace drydock::network {

std::string endpoint_interface(std::string_view endpoint_id) {
  return concat("ddv", endpoint_id.substr(0, 9));
}

}  // namespace drydock::network
