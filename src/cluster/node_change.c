/* Which events the changes of a node's last step are. */
#include "cluster/node_inside.h"
#include "cluster/observe.h"

/* Members that a configuration tells of have events of their own behind it. */
uint64_t vlot__node_change_event(const vlot__node *node, const vlot_output *output, uint32_t k) {
  uint64_t event = node->step_event + 1 + k;
  for (uint32_t before = 0; before < k && node->is_reconfigured; before++)
    if (output->changes[before].kind == VLOT_CHANGE_CONFIG)
      event += vlot__configuration_rows(
          vlot_raft_configuration_at(node->raft, output->changes[before].to));
  return event;
}
