/* Verbs that say what cluster it is. */
#include "verbs.h"

bool vlot__verbs_learners(vlot__workspace *workspace, const vlot__arguments *arguments) {
  if (arguments->values[0].number >= workspace->options.nodes)
    return vlot__workspace_fail(workspace, 1, "of %u nodes one must be a voter",
                                workspace->options.nodes);
  workspace->options.learners = (uint32_t)arguments->values[0].number;
  return true;
}

bool vlot__verbs_seed(vlot__workspace *workspace, const vlot__arguments *arguments) {
  workspace->options.seed = arguments->values[0].number;
  return true;
}

bool vlot__verbs_batch(vlot__workspace *workspace, const vlot__arguments *arguments) {
  workspace->options.raft.append_entries_max = (uint32_t)arguments->values[0].number;
  return true;
}

static vlot_start *start_of(vlot__workspace *workspace, uint32_t id) {
  for (uint32_t k = 0; k < workspace->start_count; k++)
    if (workspace->starts[k].id == id) return &workspace->starts[k];
  workspace->starts[workspace->start_count] = (vlot_start){.id = id};
  return &workspace->starts[workspace->start_count++];
}

static bool parse_log(vlot__workspace *workspace, const vlot__arguments *arguments, uint64_t *terms,
                      uint64_t term_max) {
  const vlot__value *log = &arguments->values[3];
  uint64_t before = 1;
  for (unsigned k = 0; k < log->count; k++) {
    if (!vlot__command_number(workspace, arguments, log->word + k, before, term_max, &terms[k]))
      return false;
    before = terms[k];
  }
  return true;
}

/* Where two logs have an entry of the same term they agree before it (section 5.3): no run leads
 * anywhere else. */
static bool check_matching(vlot__workspace *workspace, uint32_t id, const uint64_t *terms,
                           size_t count, unsigned word) {
  for (uint32_t k = 0; k < workspace->start_count; k++) {
    const vlot__workspace_log *other = &workspace->logs[workspace->starts[k].id];
    size_t same = other->size < count ? other->size : count;
    if (workspace->starts[k].id == id) continue;
    while (same > 0 && other->terms[same - 1] != terms[same - 1]) same--;
    for (size_t n = 0; n < same; n++)
      if (other->terms[n] != terms[n])
        return vlot__workspace_fail(
            workspace, word + (unsigned)n,
            "n%u has entry %zu of the same term and differs here: no run of "
            "Raft leads there (Log Matching, section 5.3)",
            workspace->starts[k].id, same);
  }
  return true;
}

/* The term is the log's last one unless it is said. */
bool vlot__verbs_start(vlot__workspace *workspace, const vlot__arguments *arguments) {
  const vlot__value *values = arguments->values;
  uint64_t terms[VLOT__COMMAND_WORDS_MAX];
  uint32_t id = (uint32_t)values[0].number;
  if (workspace->options.snapshot)
    return vlot__workspace_fail(workspace, 0,
                                "'import' has said where nodes begin: one of the two");
  if (workspace->plugin && values[3].count > 0)
    return vlot__workspace_fail(workspace, values[3].word,
                                "a log to begin with has commands of the key-value machine, and "
                                "the machine here is %s: propose its commands",
                                workspace->plugin->name);
  if (!parse_log(workspace, arguments, terms,
                 values[1].is_given ? values[1].number : VLOT_INDEX_MAX - 1))
    return false;
  uint64_t term = values[1].is_given    ? values[1].number
                  : values[3].count > 0 ? terms[values[3].count - 1]
                                        : 0;
  if (!check_matching(workspace, id, terms, values[3].count, values[3].word)) return false;
  if (values[2].is_given && term == 0)
    return vlot__workspace_fail(workspace, values[2].word, "there are no votes in term 0");
  if (!vlot__workspace_set_log(workspace, id, terms, values[3].count))
    return vlot__verbs_result(workspace, 0, VLOT_NOMEM);
  vlot_start *start = start_of(workspace, id);
  start->term = term;
  start->vote = (uint32_t)values[2].number;
  return true;
}

bool vlot__verbs_stream(vlot__workspace *workspace, const vlot__arguments *arguments) {
  const vlot__value *chunk = &arguments->values[0], *window = &arguments->values[1],
                    *rate = &arguments->values[2], *keep = &arguments->values[3];
  vlot_raft_options *raft = &workspace->options.raft;
  if (!chunk->is_given && !window->is_given && !rate->is_given && !keep->is_given)
    return vlot__workspace_fail(workspace, 1, "expected chunk, window, rate or keep, and a number");
  if (chunk->is_given) raft->snapshot_chunk_bytes = (uint32_t)chunk->number;
  if (window->is_given) raft->snapshot_window_bytes = (uint32_t)window->number;
  if (rate->is_given) raft->snapshot_tick_bytes = (uint32_t)rate->number;
  if (keep->is_given) workspace->options.snapshot_trailing = keep->number;
  return true;
}

/* What the run has without what was said of it. */
static const vlot_machine *machine_of(const vlot__workspace *workspace) {
  return workspace->plugin ? workspace->plugin->machine : vlot_kv_machine();
}

/* The machine, but for the time that was said. */
static void *create_counted(void *context, uint32_t node, bool is_replaying) {
  vlot__workspace *workspace = context;
  if (node <= VLOT__WORKSPACE_NODES_MAX &&
      ++workspace->machines_made[node] == workspace->machines_fail[node]) {
    workspace->has_no_machine = true;
    return NULL;
  }
  const vlot_machine *machine = machine_of(workspace);
  return machine->create(machine->context, node, is_replaying);
}

bool vlot__verbs_create(vlot__workspace *workspace, const vlot__arguments *arguments) {
  const vlot__value *fail = &arguments->values[1];
  if (!fail->is_given)
    return vlot__workspace_fail(workspace, arguments->word_count,
                                "expected fail and which time: 1 is its first start");
  workspace->machines_fail[arguments->values[0].number] = fail->number;
  workspace->machine = *machine_of(workspace);
  workspace->machine.create = create_counted;
  workspace->machine.context = workspace;
  workspace->options.machine = &workspace->machine;
  return true;
}
