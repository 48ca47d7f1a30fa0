/* Verbs that break links, disks and clocks, and mend them. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "options.h"
#include "verbs.h"

/* --- links --- */

/* The members of each side, with a 0 between two, as vlot_cluster_partition() takes them. */
typedef struct sides {
  uint32_t ids[VLOT__COMMAND_LINE_MAX];
  uint32_t count;
} sides;

static bool is_named(const sides *found, uint64_t node) {
  for (uint32_t k = 0; k < found->count; k++)
    if (found->ids[k] == node) return true;
  return false;
}

/* "1 | 2 3" or "1|2,3": the groups' nodes, one after the other. */
static bool parse_sides(vlot__workspace *workspace, const vlot__arguments *arguments, unsigned word,
                        sides *found) {
  for (const char *at = arguments->words[word]; *at;) {
    size_t size = strcspn(at, "|,");
    char text[16];
    uint64_t node;
    if (*at == '|') found->ids[found->count++] = 0;
    if (size == 0) {
      at++;
      continue;
    }
    snprintf(text, sizeof text, "%.*s", (int)size, at);
    if (size >= sizeof text || !vlot__options_number(text + (*text == 'n'), &node) || node == 0 ||
        node > workspace->options.nodes)
      return vlot__workspace_fail(workspace, word,
                                  "expected nodes, 1 to %u, with | between the groups",
                                  workspace->options.nodes);
    if (is_named(found, node))
      return vlot__workspace_fail(workspace, word, "n%" PRIu64 " stands there twice", node);
    found->ids[found->count++] = (uint32_t)node;
    at += size;
  }
  return true;
}

/* Every side has somebody, and there are two of them: who is not named is one. */
static bool check_sides(vlot__workspace *workspace, unsigned word, const sides *found) {
  uint32_t named = 0, groups = 1;
  if (found->count == 0)
    return vlot__workspace_fail(workspace, word, "expected nodes: nobody is named");
  for (uint32_t k = 0; k < found->count; k++) {
    bool is_end = found->ids[k] == 0;
    if (is_end && (k == 0 || k + 1 == found->count || found->ids[k - 1] == 0))
      return vlot__workspace_fail(workspace, word, "nobody stands on one side of a |");
    groups += is_end;
    named += !is_end;
  }
  if (groups > 1 || named < workspace->options.nodes) return true;
  return vlot__workspace_fail(workspace, word, "all nodes are on one side: put a | between two");
}

static int side_of(const sides *found, uint32_t node) {
  int side = 1;
  for (uint32_t k = 0; k < found->count; k++) {
    if (found->ids[k] == node) return side;
    side += found->ids[k] == 0;
  }
  return 0;
}

/* Is there anything between the sides that is not cut yet? */
static bool is_joined(vlot__workspace *workspace, const sides *found) {
  for (uint32_t a = 1; a <= workspace->options.nodes; a++)
    for (uint32_t b = 1; b <= workspace->options.nodes; b++) {
      vlot_link link;
      if (a != b && side_of(found, a) != side_of(found, b) &&
          vlot_cluster_get_link(workspace->cluster, a, b, &link) == VLOT_OK && !link.is_cut)
        return true;
    }
  return false;
}

static bool cut_sides(vlot__workspace *workspace, unsigned word, const sides *found) {
  if (!workspace->is_redoing && !is_joined(workspace, found))
    return vlot__workspace_fail(workspace, word,
                                "this cuts nothing: no link is left between these; see 'net'");
  return vlot__verbs_result(workspace, 1,
                            vlot_cluster_partition(workspace->cluster, found->ids, found->count));
}

bool vlot__verbs_partition(vlot__workspace *workspace, const vlot__arguments *arguments) {
  const vlot__value *words = &arguments->values[0];
  sides found = {.count = 0}; /* no line has more than its characters */
  for (unsigned k = words->word; k < words->word + words->count; k++)
    if (!parse_sides(workspace, arguments, k, &found)) return false;
  if (!check_sides(workspace, words->word, &found)) return false;
  return cut_sides(workspace, words->word, &found);
}

bool vlot__verbs_isolate(vlot__workspace *workspace, const vlot__arguments *arguments) {
  sides found = {.ids = {(uint32_t)arguments->values[0].number}, .count = 1};
  if (workspace->options.nodes == 1)
    return vlot__workspace_fail(workspace, 1, "this node is alone: it has no links");
  return cut_sides(workspace, 1, &found);
}

/* 0 is every node: one link after the other, so that each is told. */
static bool set_link(vlot__workspace *workspace, uint32_t from, uint32_t to,
                     const vlot_link *link) {
  if (from == to && from != 0)
    return vlot__workspace_fail(workspace, 2, "a link joins two different nodes");
  for (uint32_t a = from ? from : 1; a <= (from ? from : workspace->options.nodes); a++)
    for (uint32_t b = to ? to : 1; b <= (to ? to : workspace->options.nodes); b++)
      if (a != b &&
          !vlot__verbs_result(workspace, 1, vlot_cluster_set_link(workspace->cluster, a, b, link)))
        return false;
  return true;
}

bool vlot__verbs_cut(vlot__workspace *workspace, const vlot__arguments *arguments) {
  const vlot__value *values = arguments->values;
  uint32_t a = (uint32_t)values[0].number, b = (uint32_t)values[1].number;
  vlot_link link = {.is_cut = 1};
  return set_link(workspace, a, b, &link) &&
         (values[2].is_given || set_link(workspace, b, a, &link));
}

/* --- mending --- */

enum { HEAL_LINK, HEAL_DISK, HEAL_CLOCK, HEAL_ALL };

/* 0 is every node. Of two that are named it is the link between them, both ways. */
static bool heal_links(vlot__workspace *workspace, uint32_t a, uint32_t b) {
  vlot_link clean = {0};
  if (a == 0 && b == 0)
    return vlot__verbs_result(workspace, 0, vlot_cluster_heal(workspace->cluster));
  if (a == b) return vlot__workspace_fail(workspace, 3, "a link joins two different nodes");
  return set_link(workspace, a, b, &clean) && set_link(workspace, b, a, &clean);
}

static bool heal_disks(vlot__workspace *workspace, uint32_t node) {
  vlot_disk_fault well = {0};
  for (uint32_t id = node ? node : 1; id <= (node ? node : workspace->options.nodes); id++) {
    const vlot_event *fault = vlot__past_disk_fault(workspace->past, id);
    bool is_well =
        !fault || !(fault->as.change.from || fault->as.change.to || fault->as.change.term);
    if ((!is_well || node) &&
        !vlot__verbs_result(workspace, 2, vlot_cluster_set_disk(workspace->cluster, id, &well)))
      return false;
  }
  return true;
}

static bool heal_clocks(vlot__workspace *workspace, uint32_t node) {
  for (uint32_t id = node ? node : 1; id <= (node ? node : workspace->options.nodes); id++)
    if (vlot__workspace_status(workspace, id).clock_permille != 1000 &&
        !vlot__verbs_result(workspace, 2,
                            vlot_cluster_set_clock_rate(workspace->cluster, id, 1000)))
      return false;
  return true;
}

bool vlot__verbs_heal(vlot__workspace *workspace, const vlot__arguments *arguments) {
  const vlot__value *what = &arguments->values[0], *a = &arguments->values[1],
                    *b = &arguments->values[2];
  uint32_t first = (uint32_t)a->number, second = (uint32_t)b->number;
  uint64_t kind = what->is_given ? what->number : HEAL_LINK;
  if (b->is_given && kind != HEAL_LINK)
    return vlot__workspace_fail(workspace, b->word, "nothing more is expected");
  if (a->is_given && kind == HEAL_ALL)
    return vlot__workspace_fail(workspace, a->word, "nothing more is expected");
  switch (kind) {
  case HEAL_DISK: return heal_disks(workspace, first);
  case HEAL_CLOCK: return heal_clocks(workspace, first);
  case HEAL_ALL:
    return heal_links(workspace, 0, 0) && heal_disks(workspace, 0) && heal_clocks(workspace, 0);
  default: return heal_links(workspace, first, second);
  }
}

/* --- asking --- */

static bool is_said_from(const vlot__arguments *arguments, int first) {
  for (int k = first; k < VLOT_VERB_PARAMETERS_MAX; k++)
    if (arguments->values[k].is_given) return true;
  return false;
}

/* Of what `net` shows only the links between these, or only this node's disk. */
static bool show_part(vlot__workspace *workspace, uint32_t from, uint32_t to, uint32_t disk) {
  vlot__view view = {.kind = VLOT__VIEW_OF_NET};
  vlot__view_net *net = &view.as.net;
  bool is_filled = vlot__view_look_net(net, workspace);
  size_t links = 0, disks = 0;
  for (size_t k = 0; is_filled && k < net->link_count; k++)
    if (!disk && (!from || net->links[k].from == from) && (!to || net->links[k].to == to))
      net->links[links++] = net->links[k];
  for (size_t k = 0; is_filled && k < net->disk_count; k++)
    if (net->disks[k].node == disk) net->disks[disks++] = net->disks[k];
  net->link_count = links;
  net->disk_count = disks;
  net->clock_count = net->pending_count = 0;
  net->part = disk ? VLOT__VIEW_OF_ONE_DISK : VLOT__VIEW_OF_SOME_LINKS;
  return vlot__verbs_show(workspace, &view, is_filled);
}

static bool refuse_upto(vlot__workspace *workspace, const vlot__value *upto, uint32_t delay) {
  return vlot__workspace_fail(workspace, upto->word,
                              "expected a number from %u, the delay, on after 'upto', not '%s'",
                              delay, upto->text);
}

bool vlot__verbs_link(vlot__workspace *workspace, const vlot__arguments *arguments) {
  const vlot__value *values = arguments->values;
  if (values[0].number == values[1].number && values[0].number != 0)
    return vlot__workspace_fail(workspace, 2, "a link joins two different nodes");
  if (!is_said_from(arguments, 2))
    return show_part(workspace, (uint32_t)values[0].number, (uint32_t)values[1].number, 0);
  uint32_t delay_min = (uint32_t)values[4].number;
  vlot_link link = {.loss = (uint32_t)values[2].number * 10000,
                    .duplicate = (uint32_t)values[3].number * 10000,
                    .delay_ticks_min = delay_min,
                    .delay_ticks_max = values[5].is_given ? (uint32_t)values[5].number : delay_min,
                    .reorder = (uint32_t)values[6].number * 10000,
                    .reorder_ticks = 10};
  if (link.delay_ticks_max < delay_min) return refuse_upto(workspace, &values[5], delay_min);
  return set_link(workspace, (uint32_t)values[0].number, (uint32_t)values[1].number, &link);
}

/* --- disks and clocks --- */

bool vlot__verbs_disk(vlot__workspace *workspace, const vlot__arguments *arguments) {
  const vlot__value *values = arguments->values;
  if (!is_said_from(arguments, 1)) return show_part(workspace, 0, 0, (uint32_t)values[0].number);
  uint32_t delay_min = (uint32_t)values[1].number;
  vlot_disk_fault fault = {.delay_ticks_min = delay_min,
                           .delay_ticks_max =
                               values[2].is_given ? (uint32_t)values[2].number : delay_min,
                           .is_stalled = values[3].is_given,
                           .is_full = values[4].is_given,
                           .fail_at = values[5].number};
  if (fault.delay_ticks_max < delay_min) return refuse_upto(workspace, &values[2], delay_min);
  return vlot__verbs_result(
      workspace, 1,
      vlot_cluster_set_disk(workspace->cluster, (uint32_t)arguments->values[0].number, &fault));
}

bool vlot__verbs_clock(vlot__workspace *workspace, const vlot__arguments *arguments) {
  return vlot__verbs_result(workspace, 1,
                            vlot_cluster_set_clock_rate(workspace->cluster,
                                                        (uint32_t)arguments->values[0].number,
                                                        (uint32_t)arguments->values[1].number));
}
