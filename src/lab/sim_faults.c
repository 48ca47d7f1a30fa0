/* vlot sim, the faults: what goes wrong is drawn from the seed, and so is which kinds of it a seed
 * has at all. Runs that lack some kinds reach states that a mixture of everything never reaches.
 */
#include <stdlib.h>

#include "sim.h"

enum { PERCENT = 10000 }; /* in millionths */

/* --- choosing --- */

static uint32_t some_node(vlot__sim_world *world) {
  return (uint32_t)vlot__dice_between(&world->dice, 1, world->nodes);
}

static uint32_t some_ticks(vlot__sim_world *world, uint64_t max) {
  return (uint32_t)vlot__dice_between(&world->dice, 0, max);
}

static vlot_node_state state_of(vlot__sim_world *world, uint32_t id) {
  vlot_node_status status;
  return vlot_cluster_get_status(world->cluster, id, &status) == VLOT_OK ? status.state
                                                                         : VLOT_NODE_DOWN;
}

/* A node in a state, searched from a random place on; 0: none is. */
static uint32_t some_node_in(vlot__sim_world *world, vlot_node_state state) {
  uint32_t start = some_node(world);
  for (uint32_t k = 0; k < world->nodes; k++) {
    uint32_t id = (start + k - 1) % world->nodes + 1;
    if (state_of(world, id) == state) return id;
  }
  return 0;
}

/* The leader in half of the cases: that is where it hurts. */
static uint32_t some_victim(vlot__sim_world *world) {
  uint32_t leader = vlot_cluster_leader(world->cluster);
  bool is_leader = vlot__dice_chance(&world->dice, 500);
  return is_leader && leader != 0 ? leader : some_node_in(world, VLOT_NODE_UP);
}

static void note(const vlot__sim_world *world, const char *what, uint32_t node, uint64_t detail) {
  if (!world->is_verbose) return;
  printf("  action %llu tick %llu: %s", (unsigned long long)world->done,
         (unsigned long long)vlot_cluster_now(world->cluster), what);
  if (node != 0) printf(" n%u", node);
  if (detail != 0) printf(" (%llu)", (unsigned long long)detail);
  printf("\n");
}

/* Results of faults are not looked at: what cannot be done now, such as killing the dead, is not
 * done. */
static void ignore(vlot_result result) { (void)result; }

static void set_disk(vlot__sim_world *world, uint32_t node, const vlot_disk_fault *fault) {
  world->has_stalled_disk[node] = fault->is_stalled;
  ignore(vlot_cluster_set_disk(world->cluster, node, fault));
}

/* --- links --- */

static vlot_link draw_link(vlot__sim_world *world) {
  vlot__dice *dice = &world->dice;
  uint64_t t = world->raft.election_ticks_min;
  vlot_link link = {0};
  if (vlot__dice_chance(dice, 500)) link.loss = (uint32_t)vlot__dice_between(dice, 1, 30) * PERCENT;
  if (vlot__dice_chance(dice, 300))
    link.duplicate = (uint32_t)vlot__dice_between(dice, 1, 30) * PERCENT;
  if (vlot__dice_chance(dice, 400)) {
    link.reorder = (uint32_t)vlot__dice_between(dice, 1, 50) * PERCENT;
    link.reorder_ticks = some_ticks(world, t);
  }
  if (vlot__dice_chance(dice, 500)) {
    link.delay_ticks_min = some_ticks(world, t / 4);
    link.delay_ticks_max = link.delay_ticks_min + some_ticks(world, t / 2);
  }
  if (vlot__dice_chance(dice, 300)) {
    link.tail = (uint32_t)vlot__dice_between(dice, 1, 10) * PERCENT;
    link.tail_ticks = some_ticks(world, 4 * t);
  }
  if (vlot__dice_chance(dice, 150)) link.kinds = 1u << vlot__dice_between(dice, 1, 6);
  return link;
}

static void one_link(vlot__sim_world *world) {
  vlot_link link = draw_link(world);
  uint32_t from = some_node(world);
  uint32_t to = some_node(world);
  if (from == to) return;
  note(world, "a bad link to", to, from);
  ignore(vlot_cluster_set_link(world->cluster, from, to, &link));
}

static void all_links(vlot__sim_world *world) {
  vlot_link link = draw_link(world);
  note(world, "all links are bad", 0, link.loss);
  ignore(vlot_cluster_set_link(world->cluster, 0, 0, &link));
}

static void one_cut(vlot__sim_world *world) {
  uint32_t from = some_node(world);
  uint32_t to = some_node(world);
  if (from == to) return;
  note(world, "a cut to", to, from);
  ignore(vlot_cluster_set_link(world->cluster, from, to, &(vlot_link){.is_cut = 1}));
}

static void half(vlot__sim_world *world) { /* one direction only: it hears, or is heard */
  uint32_t node = some_victim(world);
  bool is_mute = vlot__dice_chance(&world->dice, 500);
  if (node == 0) return;
  note(world, is_mute ? "mute" : "deaf", node, 0);
  ignore(vlot_cluster_set_link(world->cluster, is_mute ? node : 0, is_mute ? 0 : node,
                               &(vlot_link){.is_cut = 1}));
}

static void partition(vlot__sim_world *world) {
  uint32_t ids[VLOT_MEMBERS_MAX], count = 0;
  uint32_t alone = vlot_cluster_leader(world->cluster);
  bool is_isolation = vlot__dice_chance(&world->dice, 400);
  for (uint32_t id = 1; id <= world->nodes; id++) {
    bool is_on_it = vlot__dice_below(&world->dice, 2) == 1;
    if (is_isolation && alone != 0) is_on_it = id == alone;
    if (is_on_it) ids[count++] = id;
  }
  note(world, is_isolation ? "the leader is isolated" : "a partition", 0, 0);
  ignore(vlot_cluster_partition(world->cluster, ids, count));
}

static void heal_links(vlot__sim_world *world) {
  note(world, "links are healed", 0, 0);
  ignore(vlot_cluster_heal(world->cluster));
}

/* Only what snapshots come in is slow and lossy, so that they are under way for long. */
static void bad_stream(vlot__sim_world *world) {
  vlot_link link = draw_link(world);
  uint32_t to = some_node(world);
  if (link.loss == 0) link.loss = (uint32_t)vlot__dice_between(&world->dice, 5, 60) * PERCENT;
  link.kinds = 1u << VLOT_MESSAGE_INSTALL;
  if (vlot__dice_chance(&world->dice, 500)) link.kinds |= 1u << VLOT_MESSAGE_INSTALL_REPLY;
  note(world, "snapshots come badly to", to, link.loss);
  ignore(vlot_cluster_set_link(world->cluster, 0, to, &link));
}

/* --- nodes --- */

/* Is it in the middle of something, by what the node and its cores tell? */
static bool is_receiving(vlot__sim_world *world, uint32_t id) {
  vlot_node_status status;
  return vlot_cluster_get_status(world->cluster, id, &status) == VLOT_OK &&
         status.state == VLOT_NODE_UP &&
         (status.raft.receives_index != 0 || status.raft.is_installing);
}

/* Somebody who gets a snapshot, or who sends one; searched from a random place on. */
static uint32_t some_stream_end(vlot__sim_world *world) {
  uint32_t start = some_node(world);
  bool is_sender = vlot__dice_chance(&world->dice, 300);
  for (uint32_t k = 0; k < world->nodes; k++) {
    uint32_t id = (start + k - 1) % world->nodes + 1;
    if (is_receiving(world, id)) return is_sender ? vlot_cluster_leader(world->cluster) : id;
  }
  return 0;
}

static void strike_stream(vlot__sim_world *world) {
  uint32_t node = some_stream_end(world);
  uint64_t how = vlot__dice_below(&world->dice, 6);
  if (node == 0) return;
  note(world, "in the middle of a snapshot it strikes", node, how);
  switch (how) {
  case 0: ignore(vlot_cluster_kill(world->cluster, node, false)); break;
  case 1: ignore(vlot_cluster_kill(world->cluster, node, true)); break;
  case 2: ignore(vlot_cluster_restart(world->cluster, node, VLOT_RESTART_KEEP)); break;
  case 3: ignore(vlot_cluster_restart(world->cluster, node, VLOT_RESTART_LOSE)); break;
  case 4: ignore(vlot_cluster_suspend(world->cluster, node)); break;
  default: /* what it installs takes long to be durable */
    set_disk(world, node,
             &(vlot_disk_fault){.delay_ticks_min = 2,
                                .delay_ticks_max =
                                    2 + some_ticks(world, world->raft.election_ticks_min)});
    break;
  }
}

/* Whose machine is frozen, and not written yet: this node's (0: any); its id, 0: nobody's. */
static uint64_t find_image(vlot__sim_world *world, uint32_t *node) {
  size_t count = vlot_lockstep_pending(world->cluster, NULL, 0);
  vlot_pending *pending = calloc(count + 1, sizeof *pending);
  uint64_t id = 0;
  if (!pending) return 0; /* no fault, then */
  count = vlot_lockstep_pending(world->cluster, pending, count);
  for (size_t k = 0; k < count && id == 0; k++) {
    if (pending[k].kind != VLOT_PENDING_IMAGE || (*node != 0 && pending[k].node != *node)) continue;
    *node = pending[k].node;
    id = pending[k].id;
  }
  free(pending);
  return id;
}

static void end_node(vlot__sim_world *world, uint32_t node, bool is_power_cut) {
  world->marks[VLOT__MARK_IMAGES_ENDED] += find_image(world, &node) != 0;
  ignore(vlot_cluster_kill(world->cluster, node, is_power_cut));
}

static void begin_again(vlot__sim_world *world, uint32_t node, vlot_restart how) {
  world->marks[VLOT__MARK_IMAGES_ENDED] += find_image(world, &node) != 0;
  ignore(vlot_cluster_restart(world->cluster, node, how));
}

/* In between freezing and writing; or writing takes long, so that more comes in between. */
static void strike_image(vlot__sim_world *world) {
  uint64_t how = vlot__dice_below(&world->dice, 8), id;
  uint32_t node = 0, ticks = 1 + some_ticks(world, 4u * world->raft.election_ticks_min);
  if ((id = find_image(world, &node)) == 0) return;
  note(world, "while an image is written it strikes", node, how);
  switch (how) {
  case 0: end_node(world, node, false); break;
  case 1: end_node(world, node, true); break;
  case 2: begin_again(world, node, VLOT_RESTART_KEEP); break;
  case 3: begin_again(world, node, VLOT_RESTART_LOSE); break;
  case 4: ignore(vlot_cluster_suspend(world->cluster, node)); break;
  default: ignore(vlot_lockstep_delay(world->cluster, id, ticks)); break;
  }
}

static void kill_one(vlot__sim_world *world) {
  uint32_t node = some_victim(world);
  bool is_power_cut = vlot__dice_chance(&world->dice, 500);
  if (node == 0) return;
  note(world, is_power_cut ? "power cut at" : "kill", node, 0);
  end_node(world, node, is_power_cut);
}

static void start_one(vlot__sim_world *world) {
  uint32_t node = some_node_in(world, VLOT_NODE_DOWN);
  if (node == 0) node = some_node_in(world, VLOT_NODE_FENCED);
  if (node == 0) return;
  note(world, "start", node, 0);
  ignore(vlot_cluster_restart(world->cluster, node, VLOT_RESTART_KEEP));
}

static void restart_one(vlot__sim_world *world) {
  uint32_t node = some_victim(world);
  bool is_lost = vlot__dice_chance(&world->dice, 500);
  if (node == 0) return;
  note(world, is_lost ? "restart after a power cut" : "restart", node, 0);
  begin_again(world, node, is_lost ? VLOT_RESTART_LOSE : VLOT_RESTART_KEEP);
}

static void cut_all_power(vlot__sim_world *world) {
  note(world, "power cut at all nodes", 0, 0);
  for (uint32_t id = 1; id <= world->nodes; id++) begin_again(world, id, VLOT_RESTART_LOSE);
}

/* A wiped voter votes no more, so the voters that are left must be a quorum. */
static void wipe_one(vlot__sim_world *world) {
  uint32_t node = some_node(world), voters = world->nodes - world->learners;
  uint32_t allowed = (voters - 1) / 2;
  if (node > voters || world->wiped >= allowed) return;
  world->wiped += !world->is_wiped[node];
  world->is_wiped[node] = true;
  note(world, "a blank disk for", node, 0);
  ignore(vlot_cluster_restart(world->cluster, node, VLOT_RESTART_WIPE));
}

static void suspend_one(vlot__sim_world *world) {
  uint32_t node = some_victim(world);
  if (node == 0) return;
  note(world, "suspend", node, 0);
  ignore(vlot_cluster_suspend(world->cluster, node));
}

static void resume_one(vlot__sim_world *world) {
  uint32_t node = some_node_in(world, VLOT_NODE_SUSPENDED);
  if (node == 0) return;
  note(world, "resume", node, 0);
  ignore(vlot_cluster_resume(world->cluster, node));
}

static void skew(vlot__sim_world *world) {
  uint32_t node = some_node(world);
  uint32_t permille = (uint32_t)vlot__dice_between(&world->dice, 900, 1100);
  note(world, "another clock rate for", node, permille);
  ignore(vlot_cluster_set_clock_rate(world->cluster, node, permille));
}

/* --- disks --- */

static void slow_disk(vlot__sim_world *world) {
  vlot_disk_fault fault = {0};
  uint32_t node = some_node(world);
  fault.delay_ticks_min = some_ticks(world, world->raft.election_ticks_min / 4);
  fault.delay_ticks_max =
      fault.delay_ticks_min + some_ticks(world, world->raft.election_ticks_min / 2);
  note(world, "a slow disk at", node, fault.delay_ticks_max);
  set_disk(world, node, &fault);
}

static void stall_disk(vlot__sim_world *world) {
  uint32_t node = some_victim(world);
  if (node == 0) return;
  note(world, "a stalled disk at", node, 0);
  set_disk(world, node, &(vlot_disk_fault){.is_stalled = 1});
}

static void fail_disk(vlot__sim_world *world) {
  vlot_disk_fault fault = {.fail_at = vlot__dice_between(&world->dice, 1, 20)};
  uint32_t node = some_node(world);
  fault.delay_ticks_max = some_ticks(world, 2);
  note(world, "a disk that will fail at", node, fault.fail_at);
  set_disk(world, node, &fault);
}

static void fill_disk(vlot__sim_world *world) {
  uint32_t node = some_node(world);
  note(world, "a full disk at", node, 0);
  set_disk(world, node, &(vlot_disk_fault){.is_full = 1});
}

static void mend_disk(vlot__sim_world *world) {
  uint32_t node = some_node(world);
  note(world, "a good disk at", node, 0);
  set_disk(world, node, &(vlot_disk_fault){0});
}

/* --- orders --- */

static void order_one(vlot__sim_world *world) {
  static const vlot_input_kind kinds[] = {VLOT_INPUT_CAMPAIGN, VLOT_INPUT_ELECT,
                                          VLOT_INPUT_STEP_DOWN, VLOT_INPUT_FORGET_LEADER};
  uint32_t node = some_node(world);
  uint64_t pick = vlot__dice_below(&world->dice, sizeof kinds / sizeof *kinds);
  note(world, "an order to", node, pick + 1);
  ignore(vlot_cluster_order(world->cluster, node, kinds[pick], 0));
}

/* A leader that nobody hears any more, and another one at once: for a while there are two, and only
 * one of them knows. */
static void depose(vlot__sim_world *world) {
  uint32_t leader = vlot_cluster_leader(world->cluster);
  uint32_t heir = some_node(world);
  bool is_blind = vlot__dice_chance(&world->dice, 500);
  if (leader == 0 || heir == leader) return;
  note(world, "the leader is deposed by", heir, leader);
  ignore(vlot_cluster_partition(world->cluster, &leader, 1));
  /* without this protection it goes on to believe that it leads */
  if (is_blind)
    ignore(vlot_cluster_order(world->cluster, leader, VLOT_INPUT_SWITCHES,
                              VLOT_SWITCH_ALL & ~VLOT_SWITCH_CHECK_QUORUM));
  ignore(vlot_cluster_order(world->cluster, heir, VLOT_INPUT_ELECT, 0));
}

static void order_switches(vlot__sim_world *world) {
  uint32_t node = some_node(world);
  uint32_t switches = (uint32_t)vlot__dice_between(&world->dice, 0, VLOT_SWITCH_SAFE);
  switches |= VLOT_SWITCH_ALL & ~VLOT_SWITCH_SAFE;
  note(world, "other switches for", node, switches);
  ignore(vlot_cluster_order(world->cluster, node, VLOT_INPUT_SWITCHES, switches));
}

/* --- the table --- */

static const struct fault {
  void (*inject)(vlot__sim_world *world);
  uint32_t weight;
  bool is_remedy; /* in every seed */
} faults[] = {
    {one_link, 4, false},       {all_links, 2, false},  {one_cut, 4, false},
    {half, 3, false},           {partition, 5, false},  {heal_links, 8, true},
    {kill_one, 5, false},       {start_one, 8, true},   {restart_one, 4, false},
    {cut_all_power, 1, false},  {wipe_one, 1, false},   {suspend_one, 3, false},
    {resume_one, 6, true},      {skew, 2, false},       {slow_disk, 4, false},
    {stall_disk, 2, false},     {fail_disk, 2, false},  {fill_disk, 1, false},
    {mend_disk, 6, true},       {depose, 4, false},     {order_one, 5, false},
    {order_switches, 2, false}, {bad_stream, 3, false}, {strike_stream, 6, false},
    {strike_image, 6, false},
};
enum { FAULTS = sizeof faults / sizeof *faults };

void vlot__sim_faults_draw(vlot__sim_world *world) {
  static const uint32_t rates[] = {20, 60, 150, 300, 500};
  uint64_t rate = vlot__dice_below(&world->dice, sizeof rates / sizeof *rates);
  uint32_t share = (uint32_t)vlot__dice_between(&world->dice, 200, 1000);
  world->fault_permille = rates[rate];
  for (uint32_t k = 0; k < FAULTS; k++) {
    bool is_chosen = vlot__dice_chance(&world->dice, share);
    if (is_chosen || faults[k].is_remedy) world->faults |= 1u << k;
  }
}

void vlot__sim_faults_inject(vlot__sim_world *world) {
  uint64_t total = 0;
  for (uint32_t k = 0; k < FAULTS; k++)
    if (world->faults & 1u << k) total += faults[k].weight;
  uint64_t pick = vlot__dice_below(&world->dice, total);
  for (uint32_t k = 0; k < FAULTS; k++) {
    if (!(world->faults & 1u << k)) continue;
    if (pick < faults[k].weight) {
      faults[k].inject(world);
      return;
    }
    pick -= faults[k].weight;
  }
}

/* --- all is well again --- */

static void revive(vlot__sim_world *world, uint32_t id) {
  set_disk(world, id, &(vlot_disk_fault){0});
  switch (state_of(world, id)) {
  case VLOT_NODE_DOWN: ignore(vlot_cluster_spawn(world->cluster, id)); break;
  case VLOT_NODE_FENCED: ignore(vlot_cluster_restart(world->cluster, id, VLOT_RESTART_KEEP)); break;
  case VLOT_NODE_SUSPENDED: ignore(vlot_cluster_resume(world->cluster, id)); break;
  case VLOT_NODE_UP: break;
  }
}

void vlot__sim_faults_revive(vlot__sim_world *world) {
  uint32_t id = some_node(world);
  note(world, "nobody can do anything: revive", id, 0);
  revive(world, id);
}

void vlot__sim_faults_mend(vlot__sim_world *world) {
  world->has_fence = false;
  for (uint32_t id = 1; id <= world->nodes; id++) {
    if (state_of(world, id) != VLOT_NODE_FENCED || !(world->is_healed || world->is_core[id]))
      continue;
    note(world, "restart after a fence", id, 0);
    revive(world, id);
  }
}

static void heal_one(vlot__sim_world *world, uint32_t id) {
  revive(world, id);
  ignore(vlot_cluster_set_clock_rate(world->cluster, id, 1000));
  ignore(vlot_cluster_order(world->cluster, id, VLOT_INPUT_SWITCHES, VLOT_SWITCH_ALL));
}

void vlot__sim_faults_heal(vlot__sim_world *world) {
  note(world, "all is healed", 0, 0);
  world->is_healed = true;
  world->healed_tick = vlot_cluster_now(world->cluster);
  ignore(vlot_cluster_heal(world->cluster));
  for (uint32_t id = 1; id <= world->nodes; id++) heal_one(world, id);
}

/* As many voters as a quorum needs, of those whose votes count; in ids, the core first. */
static uint32_t draw_core(vlot__sim_world *world, uint32_t ids[VLOT_MEMBERS_MAX]) {
  uint32_t voters = world->nodes - world->learners, quorum = voters / 2 + 1, count = 0;
  for (uint32_t id = 1; id <= voters; id++)
    if (!world->is_wiped[id]) ids[count++] = id;
  for (uint32_t k = 0; k < quorum; k++) {
    uint32_t other = (uint32_t)vlot__dice_between(&world->dice, k, count - 1), id = ids[other];
    ids[other] = ids[k];
    ids[k] = id;
    world->is_core[id] = true;
  }
  return quorum;
}

/* Between core and rest it stays as it was, or one hears the other no more, or neither. Nobody
 * hears a member of the rest whose disk has stopped: it promises nothing, but it may lead as long
 * as it hears from enough others. */
static void set_border(vlot__sim_world *world, uint32_t id, uint32_t other, uint64_t border) {
  if (world->has_stalled_disk[other]) border |= 3;
  if (border & 1)
    ignore(vlot_cluster_set_link(world->cluster, id, other, &(vlot_link){.is_cut = 1}));
  if (border & 2)
    ignore(vlot_cluster_set_link(world->cluster, other, id, &(vlot_link){.is_cut = 1}));
}

bool vlot__sim_faults_heal_core(vlot__sim_world *world) {
  uint32_t ids[VLOT_MEMBERS_MAX], quorum = draw_core(world, ids);
  uint64_t border = vlot__dice_below(&world->dice, 4);
  if (quorum == world->nodes) return false;
  for (uint32_t k = 0; k < quorum; k++) {
    note(world, "healed among its like", ids[k], border);
    for (uint32_t id = 1; id <= world->nodes; id++)
      if (!world->is_core[id])
        set_border(world, ids[k], id, border);
      else if (id != ids[k])
        ignore(vlot_cluster_set_link(world->cluster, ids[k], id, &(vlot_link){0}));
    heal_one(world, ids[k]);
  }
  /* who may raise its term as it likes could depose leaders for ever */
  for (uint32_t id = 1; id <= world->nodes; id++)
    if (!world->is_core[id])
      ignore(vlot_cluster_order(world->cluster, id, VLOT_INPUT_SWITCHES, VLOT_SWITCH_ALL));
  return true;
}
