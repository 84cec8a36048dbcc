// Every message type of ours, registered in one place.
#include "messages/agent.hpp"
#include "messages/caf_error.hpp"
#include "messages/deciders.hpp"
#include "messages/events.hpp"
#include "messages/node_link.hpp"
#include "messages/node_membership.hpp"
#include "messages/ring.hpp"
#include "messages/secrets.hpp"
#include "messages/store.hpp"
#include "messages/workload_state.hpp"

namespace cloudless {

void register_messages(caf::actor_system_config& config) {
  config.add_message_types<caf::id_block::cloudless_store>();
  config.add_message_types<caf::id_block::cloudless_workload_state>();
  config.add_message_types<caf::id_block::cloudless_node_membership>();
  config.add_message_types<caf::id_block::cloudless_events>();
  config.add_message_types<caf::id_block::cloudless_node_link>();
  config.add_message_types<caf::id_block::cloudless_link_handles>();
  config.add_message_types<caf::id_block::cloudless_agent>();
  config.add_message_types<caf::id_block::cloudless_ring>();
  config.add_message_types<caf::id_block::cloudless_secrets>();
  config.add_message_types<caf::id_block::cloudless_secrets_handle>();
  config.add_error_category(
      caf::atom("cloudless"),
      [](std::uint8_t, caf::atom_value, const caf::message& context) { return to_string(context); });
}

}  // namespace cloudless
