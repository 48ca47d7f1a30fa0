#include "basin.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "basin_inside.h"

/* --- small things ----------------------------------------------------------------------------- */

void basin_grow(void **items, size_t *capacity, size_t wanted, size_t size) {
  if (wanted <= *capacity) return;
  size_t grown = *capacity > 0 ? *capacity : 8;
  while (grown < wanted) grown *= 2;
  *items = realloc(*items, grown * size);
  if (!*items) abort();
  *capacity = grown;
}

basin *basin_at(basin *b, const char *file, int line) {
  b->file = file;
  b->line = line;
  return b;
}

static void picture(const basin *b, const basin_node *node) {
  fprintf(stderr, "  node %u: ", node->id);
  if (!node->raft) {
    fprintf(stderr, "down, disk term %llu vote %u, %zu entries\n",
            (unsigned long long)node->hard.term, node->hard.vote, node->disk.count);
    return;
  }
  vlot_raft_status status = basin_status(b, node->id);
  fprintf(stderr,
          "disk %llu, %s, term %llu, vote %u, leader %u, commit %llu, last %llu/T%llu, durable "
          "%llu%s\n",
          (unsigned long long)node->hard.disk_id, vlot_role_name(status.role),
          (unsigned long long)status.term, status.vote, status.leader,
          (unsigned long long)status.commit_index, (unsigned long long)status.last_index,
          (unsigned long long)status.last_term, (unsigned long long)status.durable_index,
          status.is_fenced ? ", fenced" : "");
}

void basin_fail(const basin *b, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fprintf(stderr, "%s:%d: ", b->file ? b->file : "?", b->line);
  vfprintf(stderr, format, arguments);
  fprintf(stderr, "\n");
  va_end(arguments);
  for (uint32_t k = 0; k < b->count; k++) picture(b, &b->nodes[k]);
  abort();
}

static basin_node *node_of(const basin *b, uint32_t id) {
  if (id == 0 || id > b->count) basin_fail(b, "there is no node %u", id);
  return (basin_node *)&b->nodes[id - 1];
}

static basin_node *running(const basin *b, uint32_t id) {
  basin_node *node = node_of(b, id);
  if (!node->raft) basin_fail(b, "node %u is not running", id);
  return node;
}

uint64_t basin_chain(uint64_t chain, uint64_t term, const vlot_entry *entry) {
  uint64_t hash = chain ^ 0xcbf29ce484222325u;
  hash = (hash ^ term) * 0x100000001b3u;
  hash = (hash ^ entry->kind) * 0x100000001b3u;
  hash = (hash ^ entry->size) * 0x100000001b3u;
  for (uint32_t k = 0; k < entry->size; k++) hash = (hash ^ entry->data[k]) * 0x100000001b3u;
  return hash ^ (hash >> 29);
}

void basin_entries_cut(basin_entries *entries, uint64_t last_index) {
  while (entries->count > last_index) vlot_batch_release(entries->items[--entries->count].batch);
}

uint64_t basin_chain_at(const basin_entries *entries, uint64_t index) {
  return index > 0 && index <= entries->count ? entries->items[index - 1].chain : 0;
}

void basin_entries_restart(const basin *b, basin_entries *entries, const vlot_snapshot *snapshot) {
  const vlot_snapshot_head *head = vlot_snapshot_get(snapshot);
  basin_entries_cut(entries, 0);
  for (uint64_t index = 1; index <= head->index; index++) {
    basin_entry *entry = BASIN_PUSH(entries);
    *entry = (basin_entry){.term = head->term, .chain = head->chain};
    if (index > b->committed.count) continue;
    entry->term = b->committed.items[index - 1].term;
    entry->chain = b->committed.items[index - 1].chain;
  }
}

static void entries_add(basin_entries *entries, const vlot_slice *slice) {
  for (uint32_t k = 0; k < slice->count; k++) {
    uint64_t chain = basin_chain_at(entries, entries->count);
    basin_entry *entry = BASIN_PUSH(entries);
    *entry = (basin_entry){
        .term = slice->term, .batch = vlot_batch_retain(slice->batch), .at = slice->first + k};
    entry->chain = basin_chain(chain, slice->term, &vlot_slice_entries(slice)[k]);
  }
}

static void entries_free(basin_entries *entries) {
  basin_entries_cut(entries, 0);
  free(entries->items);
  memset(entries, 0, sizeof *entries);
}

/* The entry that stands at (index, term) wherever the test has no say in it. */
static vlot_batch *entry_of(uint64_t index, uint64_t term) {
  char text[64];
  int size = snprintf(text, sizeof text, "%llu/T%llu", (unsigned long long)index,
                      (unsigned long long)term);
  vlot_entry entry = {
      .data = (const uint8_t *)text, .size = (uint32_t)size, .kind = VLOT_ENTRY_COMMAND};
  return vlot_batch_make(NULL, &entry, NULL, 1);
}

static uint32_t count_words(const char *words) {
  uint32_t count = 0;
  for (const char *at = words; *at;) {
    while (*at == ' ') at++;
    if (*at) count++;
    while (*at && *at != ' ') at++;
  }
  return count;
}

/* --- making, starting, stopping --------------------------------------------------------------- */

basin *basin_open(uint32_t count, const vlot_raft_options *like) {
  basin *b = calloc(1, sizeof *b);
  if (!b || count == 0 || count > BASIN_NODES_MAX) abort();
  b->count = count;
  if (like)
    b->like = *like;
  else {
    vlot_raft_options_init(&b->like);
    b->like.heartbeat_ticks = 1;
    b->like.election_ticks_min = 10;
    b->like.election_ticks_max = 20;
    b->like.seed = 1;
  }
  for (uint32_t id = 1; id <= count; id++) {
    b->nodes[id - 1].id = id;
    b->nodes[id - 1].hard.disk_id = 100 + id;
  }
  return b;
}

basin *basin_of(uint32_t count) {
  basin *b = basin_open(count, NULL);
  basin_start_all(b);
  return b;
}

static void forget(basin_node *node) {
  vlot_snapshot_release(node->restoring);
  vlot_snapshot_release(node->staged);
  node->restoring = node->staged = NULL;
  node->swaps = 0;
  node->answers.count = 0;
  node->reads.count = node->lost.count = node->changes.count = node->applied.count = 0;
}

static void pending_clear(basin_node *node) {
  for (size_t k = 0; k < node->pending.count; k++) {
    entries_free(&node->pending.items[k].entries);
    vlot_snapshot_release(node->pending.items[k].snapshot);
  }
  node->pending.count = 0;
}

static void flight_free(basin_flight *flight) {
  if (flight->message.kind == VLOT_MESSAGE_INSTALL)
    vlot_snapshot_release(flight->message.as.install.snapshot);
  if (flight->message.kind != VLOT_MESSAGE_APPEND) return;
  vlot_slice *slices = (vlot_slice *)flight->message.as.append.slices;
  for (uint32_t k = 0; k < flight->message.as.append.slice_count; k++)
    vlot_batch_release(slices[k].batch);
  free(slices);
}

static void text_of(basin_node *node, const vlot_snapshot *snapshot) {
  node->applied.count = 0;
  const uint8_t *text = vlot_bytes_data(vlot_snapshot_bytes(snapshot));
  for (uint64_t k = 0; k < vlot_snapshot_get(snapshot)->size; k++)
    *BASIN_PUSH(&node->applied) = (char)text[k];
}

void basin_close(basin *b) {
  for (size_t k = 0; k < b->flights.count; k++) flight_free(&b->flights.items[k]);
  for (uint32_t k = 0; k < b->count; k++) {
    basin_node *node = &b->nodes[k];
    vlot_raft_close(node->raft);
    pending_clear(node);
    forget(node);
    vlot_snapshot_release(node->snapshot);
    entries_free(&node->disk);
    entries_free(&node->mirror);
    entries_free(&node->written);
    free(node->pending.items);
    free(node->applied.items);
    free(node->reads.items);
    free(node->lost.items);
    free(node->answers.items);
    for (size_t n = 0; n < node->lost_disks.count; n++)
      entries_free(&node->lost_disks.items[n].entries);
    free(node->lost_disks.items);
    free(node->changes.items);
  }
  for (size_t k = 0; k < b->forged.count; k++) {
    for (vlot_slice *slice = b->forged.items[k]; slice->batch; slice++)
      vlot_batch_release(slice->batch);
    free(b->forged.items[k]);
  }
  entries_free(&b->committed);
  free(b->forged.items);
  free(b->flights.items);
  free(b->positions);
  free(b->votes.items);
  free(b->leaders.items);
  free(b->asked.items);
  free(b);
}

void basin_preset(basin *b, uint32_t id, uint64_t term, uint32_t vote, const char *terms) {
  basin_node *node = node_of(b, id);
  if (node->raft) basin_fail(b, "node %u runs already", id);
  node->hard.term = term;
  node->hard.vote = vote;
  basin_entries_cut(&node->disk, 0);
  uint32_t count = count_words(terms);
  for (uint32_t k = 0; k < count; k++) {
    char *end;
    uint64_t of = strtoull(terms, &end, 10);
    terms = end;
    vlot_slice slice = {
        .batch = entry_of(k + 1, of), .index = k + 1, .term = of, .first = 0, .count = 1};
    entries_add(&node->disk, &slice);
    vlot_batch_release(slice.batch);
  }
}

void basin_preset_disk(basin *b, uint32_t id, uint64_t configured, uint64_t own) {
  node_of(b, id)->configured_disk = configured;
  node_of(b, id)->hard.disk_id = own;
}

void basin_preset_learner(basin *b, uint32_t id) { node_of(b, id)->is_learner = true; }

void basin_lawless(basin *b) { b->is_lawless = true; }

void basin_preset_waiting(basin *b, uint32_t id) { node_of(b, id)->is_waiting = true; }

void basin_preset_absent(basin *b, uint32_t id) {
  node_of(b, id)->is_absent = node_of(b, id)->is_waiting = true;
}

void basin_wipe(basin *b, uint32_t id, uint64_t disk_id) {
  basin_node *node = node_of(b, id);
  if (node->raft) basin_fail(b, "node %u runs", id);
  *BASIN_PUSH(&node->lost_disks) =
      (basin_lost_disk){.disk_id = node->hard.disk_id, .entries = node->disk};
  node->disk = (basin_entries){0};
  vlot_snapshot_release(node->snapshot);
  node->snapshot = NULL;
  node->disk_base = 0;
  node->hard = (vlot_hard_state){.disk_id = disk_id};
  node->is_waiting = true;
}

static void start(basin *b, basin_node *node) {
  if (node->raft) basin_fail(b, "node %u runs already", node->id);
  vlot_member members[BASIN_NODES_MAX] = {0};
  uint32_t member_count = 0;
  for (uint32_t k = 0; k < b->count; k++)
    if (!b->nodes[k].is_absent)
      members[member_count++] = (vlot_member){.id = k + 1,
                                              .is_learner = b->nodes[k].is_learner,
                                              .disk_id = b->nodes[k].configured_disk};
  vlot_slice *slices = calloc(node->disk.count + 1, sizeof *slices);
  size_t base = (size_t)node->disk_base;
  for (size_t k = base; k < node->disk.count; k++) {
    const basin_entry *entry = &node->disk.items[k];
    slices[k - base] = (vlot_slice){
        .batch = entry->batch, .index = k + 1, .term = entry->term, .first = entry->at, .count = 1};
  }
  vlot_raft_options options = b->like;
  options.id = node->id;
  options.members = members;
  options.member_count = node->is_waiting ? 0 : member_count;
  options.seed = b->like.seed * 1000 + node->id;
  options.now = node->now;
  options.request_base = (uint64_t)++node->incarnation << 32;
  options.hard = node->hard;
  options.base_index = node->disk_base;
  options.base_term = base > 0 ? node->disk.items[base - 1].term : 0;
  options.snapshot = node->snapshot;
  options.log_slices = node->disk.count > base ? slices : NULL;
  options.log_slice_count = node->disk.count - base;
  const char *problem = "?";
  vlot_result result = vlot_raft_open(&node->raft, &options, &problem);
  free(slices);
  if (result != VLOT_OK)
    basin_fail(b, "node %u does not open: %s, %s", node->id, vlot_result_name(result), problem);
  forget(node);
  node->was_up = true;
  node->handed_index = node->told_index = node->handed_chain = 0;
  node->handed_index = node->told_index = node->disk_base;
  if (node->snapshot) {
    text_of(node, node->snapshot);
    node->handed_index = node->told_index = vlot_snapshot_get(node->snapshot)->index;
    node->handed_chain = vlot_snapshot_get(node->snapshot)->chain;
  }
  basin_laws_on_start(b, node);
}

void basin_start_(basin *b, uint32_t id) {
  if (id != BASIN_ANY) start(b, node_of(b, id));
  for (uint32_t k = 0; k < b->count && id == BASIN_ANY; k++)
    if (!b->nodes[k].raft) start(b, &b->nodes[k]);
}

void basin_crash_(basin *b, uint32_t id) {
  basin_node *node = running(b, id);
  vlot_raft_close(node->raft);
  node->raft = NULL;
  vlot_snapshot_release(node->restoring);
  node->restoring = NULL;
  pending_clear(node);
}

/* --- a step, and carrying out its output ------------------------------------------------------ */

static void take_write(basin *b, basin_node *node, const vlot_write *write) {
  if (write->token == 0) return;
  basin_laws_on_write(b, node, write);
  basin_write *kept = BASIN_PUSH(&node->pending);
  *kept = (basin_write){
      .token = write->token, .truncate_from = write->truncate_from, .hard = write->hard};
  kept->has_hard = write->has_hard;
  kept->snapshot = vlot_snapshot_retain(write->snapshot);
  for (uint32_t k = 0; k < write->slice_count; k++) entries_add(&kept->entries, &write->slices[k]);
}

/* What comes out of the codec, in its sender's stead. */
static void through_codec(vlot_message *message) {
  size_t size = vlot_message_size(message);
  uint8_t *bytes = malloc(size);
  vlot_message *decoded = NULL;
  if (size == 0 || !bytes || vlot_message_encode(message, bytes, size) != size ||
      vlot_message_decode(NULL, bytes, size, &decoded, NULL) != VLOT_OK)
    abort();
  free(bytes);
  *message = *decoded;
  (void)vlot_snapshot_retain(message->as.install.snapshot);
  vlot_message_free(NULL, decoded);
}

static basin_flight copy_message(const basin *b, const vlot_message *message) {
  basin_flight flight = {.message = *message};
  if (message->kind == VLOT_MESSAGE_INSTALL && b->is_by_wire)
    through_codec(&flight.message);
  else if (message->kind == VLOT_MESSAGE_INSTALL)
    (void)vlot_snapshot_retain(message->as.install.snapshot);
  if (message->kind == VLOT_MESSAGE_APPEND && message->as.append.slice_count > 0) {
    uint32_t count = message->as.append.slice_count;
    vlot_slice *slices = malloc(count * sizeof *slices);
    if (!slices) abort();
    memcpy(slices, message->as.append.slices, count * sizeof *slices);
    for (uint32_t k = 0; k < count; k++) vlot_batch_retain(slices[k].batch);
    flight.message.as.append.slices = slices;
  }
  return flight;
}

static void take_apply(basin *b, basin_node *node, const vlot_slice *slice) {
  basin_laws_on_apply(b, node, slice);
  for (uint32_t k = 0; k < slice->count; k++) {
    const vlot_entry *entry = &vlot_slice_entries(slice)[k];
    if (entry->kind != VLOT_ENTRY_COMMAND) continue;
    if (node->applied.count > 0) *BASIN_PUSH(&node->applied) = ' ';
    for (uint32_t c = 0; c < entry->size; c++) *BASIN_PUSH(&node->applied) = (char)entry->data[c];
  }
  node->handed_index = slice->index + slice->count - 1;
}

static void take_snapshots(basin *b, basin_node *node, const vlot_output *output) {
  if (output->has_swapped) {
    if (!node->staged) basin_fail(b, "node %u swaps for a machine that it has not got", node->id);
    text_of(node, node->staged);
    vlot_snapshot_release(node->staged);
    node->staged = NULL;
    node->swaps++;
  }
  if (output->restore) {
    if (node->restoring || node->staged)
      basin_fail(b, "node %u restores two machines at once", node->id);
    node->restoring = vlot_snapshot_retain(output->restore);
  }
  if (output->compact_index > 0) node->disk_base = output->compact_index;
}

static void carry_out(basin *b, basin_node *node, const vlot_output *output) {
  take_write(b, node, &output->write);
  take_snapshots(b, node, output);
  basin_laws_on_changes(b, node, output);
  for (uint32_t k = 0; k < output->message_count; k++) {
    basin_laws_on_message(b, node, &output->messages[k]);
    basin_flight flight = copy_message(b, &output->messages[k]);
    *BASIN_PUSH(&b->flights) = flight;
  }
  for (uint32_t k = 0; k < output->apply_count; k++) take_apply(b, node, &output->apply[k]);
  for (uint32_t k = 0; k < output->read_count; k++) {
    basin_laws_on_read(b, node, &output->reads[k]);
    *BASIN_PUSH(&node->reads) = output->reads[k];
  }
  for (uint32_t k = 0; k < output->lost_count; k++) *BASIN_PUSH(&node->lost) = output->lost[k];
  for (uint32_t k = 0; k < output->answer_count; k++)
    *BASIN_PUSH(&node->answers) = output->answers[k];
  if (output->outcome_count > 0) node->outcome = output->outcomes[output->outcome_count - 1];
  for (uint32_t k = 0; k < output->change_count; k++)
    *BASIN_PUSH(&node->changes) = output->changes[k];
  basin_laws_after_step(b, node, output);
}

static vlot_result step_once(basin *b, basin_node *node, const vlot_input *inputs, uint32_t count) {
  const vlot_output *output = NULL;
  vlot_result result = vlot_raft_step(node->raft, inputs, count, &output);
  if (result == VLOT_OK && output->consumed != count)
    basin_fail(b, "OK, but %u of %u taken", output->consumed, count);
  carry_out(b, node, output);
  return result;
}

/* Make the oldest [most] writes durable, then say so once. */
static uint32_t store(basin *b, basin_node *node, uint32_t most) {
  uint32_t done = 0;
  uint64_t token = 0;
  while (done < most && done < node->pending.count) {
    basin_write *write = &node->pending.items[done++];
    if (write->snapshot) {
      basin_entries_restart(b, &node->disk, write->snapshot);
      vlot_snapshot_release(node->snapshot);
      node->snapshot = write->snapshot; /* with its reference */
      node->disk_base = vlot_snapshot_get(write->snapshot)->index;
    }
    if (write->truncate_from > 0) basin_entries_cut(&node->disk, write->truncate_from - 1);
    for (size_t k = 0; k < write->entries.count; k++) {
      const basin_entry *entry = &write->entries.items[k];
      vlot_slice slice = {
          .batch = entry->batch, .term = entry->term, .first = entry->at, .count = 1};
      entries_add(&node->disk, &slice);
    }
    if (write->has_hard) node->hard = write->hard;
    token = write->token;
    entries_free(&write->entries);
  }
  if (done == 0) return 0;
  node->pending.count -= done;
  memmove(node->pending.items, node->pending.items + done,
          node->pending.count * sizeof *node->pending.items);
  step_once(b, node, &(vlot_input){.kind = VLOT_INPUT_STORED, .as.token = token}, 1);
  return done;
}

static void restored(basin *b, basin_node *node, vlot_result result) {
  vlot_snapshot *snapshot = node->restoring;
  node->restoring = NULL;
  vlot_result step =
      step_once(b, node, &(vlot_input){.kind = VLOT_INPUT_RESTORED, .as.restored = result}, 1);
  if (step == VLOT_OK && node->outcome.result == VLOT_OK)
    node->staged = snapshot;
  else
    vlot_snapshot_release(snapshot);
}

/* What a disk and a machine without faults do on their own. */
static void follow_up(basin *b, basin_node *node) {
  bool is_busy = true;
  while (is_busy && !basin_status(b, node->id).is_fenced) {
    is_busy = !node->holds_disk && store(b, node, UINT32_MAX) > 0;
    if (!node->holds_machine && node->told_index < node->handed_index) {
      node->told_index = node->handed_index;
      step_once(b, node, &(vlot_input){.kind = VLOT_INPUT_APPLIED, .as.index = node->told_index},
                1);
      is_busy = true;
    }
    if (!node->holds_restore && node->restoring && !basin_status(b, node->id).is_fenced) {
      restored(b, node, vlot_snapshot_verify(node->restoring));
      is_busy = true;
    }
  }
}

vlot_result basin_step_(basin *b, uint32_t id, const vlot_input *inputs, uint32_t count) {
  basin_node *node = running(b, id);
  vlot_result result = step_once(b, node, inputs, count);
  follow_up(b, node);
  return result;
}

/* --- inputs ----------------------------------------------------------------------------------- */

static void tick_once(basin *b, basin_node *node) {
  if (!node->raft) return;
  vlot_input tick = {.kind = VLOT_INPUT_TICK};
  tick.as.tick.now = ++node->now;
  tick.as.tick.elapsed = 1;
  basin_step_(b, node->id, &tick, 1);
}

void basin_tick_(basin *b, uint32_t id, uint32_t ticks) {
  for (uint32_t t = 0; t < ticks; t++)
    for (uint32_t k = 0; k < b->count; k++)
      if (id == BASIN_ANY || id == k + 1) tick_once(b, &b->nodes[k]);
}

void basin_run_(basin *b, uint32_t ticks) {
  for (uint32_t t = 0; t < ticks; t++) {
    basin_tick_(b, BASIN_ANY, 1);
    basin_deliver_all_(b);
  }
}

static vlot_outcome ask(basin *b, uint32_t id, const vlot_input *input) {
  basin_node *node = running(b, id);
  memset(&node->outcome, 0, sizeof node->outcome);
  node->outcome.input = UINT32_MAX;
  const vlot_output *output = NULL;
  vlot_result result = vlot_raft_step(node->raft, input, 1, &output);
  if (result == VLOT_OK && output->outcome_count != 1)
    basin_fail(b, "%u outcomes of one request", output->outcome_count);
  carry_out(b, node, output);
  vlot_outcome outcome = node->outcome;
  if (result != VLOT_OK) outcome.result = result;
  follow_up(b, node);
  return outcome;
}

vlot_outcome basin_ask_(basin *b, uint32_t id, vlot_input_kind kind) {
  return ask(b, id, &(vlot_input){.kind = kind});
}

vlot_outcome basin_propose_(basin *b, uint32_t id, const char *text) {
  uint32_t count = count_words(text);
  vlot_command *commands = calloc(count, sizeof *commands);
  if (!commands) abort();
  for (uint32_t k = 0; k < count; k++) {
    while (*text == ' ') text++;
    commands[k].data = (const uint8_t *)text;
    commands[k].size = (uint32_t)strcspn(text, " ");
    text += commands[k].size;
  }
  vlot_input input = {.kind = VLOT_INPUT_PROPOSE};
  input.as.propose.commands = commands;
  input.as.propose.count = count;
  vlot_outcome outcome = ask(b, id, &input);
  free(commands);
  return outcome;
}

static vlot_edit edit_of(basin *b, const char *word) {
  static const char signs[] = "+?^v-*";
  char *end;
  const char *sign = strchr(signs, word[0]);
  if (!sign || !*sign) basin_fail(b, "no edit: %s", word);
  vlot_edit edit = {.kind = (uint32_t)(sign - signs) + 1};
  edit.id = (uint32_t)strtoul(word + 1, &end, 10);
  if (*end == ':') edit.disk_id = strtoull(end + 1, &end, 10);
  return edit;
}

vlot_outcome basin_change_members_(basin *b, uint32_t id, const char *edits, uint64_t tag) {
  vlot_edit list[16];
  char text[256];
  vlot_input input = {.kind = VLOT_INPUT_CHANGE};
  snprintf(text, sizeof text, "%s", edits);
  char *rest = text, *word;
  while ((word = strtok_r(rest, " ", &rest)) != NULL) {
    if (strcmp(word, "joint") == 0)
      input.as.change.is_joint = 1;
    else if (strncmp(word, "at:", 3) == 0)
      input.as.change.expected_index = strtoull(word + 3, NULL, 10);
    else if (input.as.change.count < 16)
      list[input.as.change.count++] = edit_of(b, word);
  }
  input.as.change.edits = list;
  input.as.change.tag = tag;
  return ask(b, id, &input);
}

vlot_outcome basin_transfer_(basin *b, uint32_t id, uint32_t to, uint32_t ticks, uint64_t tag) {
  vlot_input input = {.kind = VLOT_INPUT_TRANSFER};
  input.as.transfer.to = to;
  input.as.transfer.ticks = ticks;
  input.as.transfer.tag = tag;
  return ask(b, id, &input);
}

vlot_outcome basin_ranks_(basin *b, uint32_t id, const vlot_rank *ranks, uint32_t count) {
  vlot_input input = {.kind = VLOT_INPUT_RANKS};
  input.as.ranks.ranks = ranks;
  input.as.ranks.count = count;
  return ask(b, id, &input);
}

vlot_outcome basin_read_(basin *b, uint32_t id, uint64_t tag) {
  *BASIN_PUSH(&b->asked) = (basin_asked){.tag = tag, .committed = b->committed.count, .node = id};
  return ask(b, id, &(vlot_input){.kind = VLOT_INPUT_READ, .as.read_tag = tag});
}

void basin_switches_(basin *b, uint32_t id, uint32_t switches) {
  basin_step_(b, id, &(vlot_input){.kind = VLOT_INPUT_SWITCHES, .as.switches = switches}, 1);
}

void basin_make_leader_(basin *b, uint32_t id) {
  vlot_outcome outcome = basin_ask_(b, id, VLOT_INPUT_CAMPAIGN);
  if (outcome.result != VLOT_OK)
    basin_fail(b, "node %u may not campaign: %s", id, vlot_why_name(outcome.why));
  basin_deliver_all_(b);
  if (basin_status(b, id).role != VLOT_ROLE_LEADER) basin_fail(b, "node %u was not elected", id);
}

/* --- messages --------------------------------------------------------------------------------- */

static bool fits(const basin_flight *flight, uint32_t from, uint32_t to, uint32_t kind) {
  return !flight->is_held && (from == BASIN_ANY || flight->message.from == from) &&
         (to == BASIN_ANY || flight->message.to == to) &&
         (kind == BASIN_ANY || flight->message.kind == kind);
}

static basin_flight pick(basin *b, size_t k) {
  basin_flight flight = b->flights.items[k];
  b->flights.count--;
  memmove(&b->flights.items[k], &b->flights.items[k + 1],
          (b->flights.count - k) * sizeof *b->flights.items);
  return flight;
}

static bool is_reachable(const basin *b, const vlot_message *message) {
  return !b->is_cut[message->from][message->to] && b->nodes[message->to - 1].raft != NULL;
}

static void hand_over(basin *b, basin_flight flight) {
  if (is_reachable(b, &flight.message))
    basin_step_(b, flight.message.to,
                &(vlot_input){.kind = VLOT_INPUT_MESSAGE, .as.message = &flight.message}, 1);
  flight_free(&flight);
}

static uint32_t deliver(basin *b, uint32_t from, uint32_t to, uint32_t kind, uint32_t most,
                        size_t limit) {
  uint32_t done = 0;
  for (size_t k = 0; k < limit && done < most;) {
    if (!fits(&b->flights.items[k], from, to, kind)) {
      k++;
      continue;
    }
    basin_flight flight = pick(b, k);
    limit--;
    hand_over(b, flight);
    done++;
  }
  return done;
}

uint32_t basin_deliver_(basin *b, uint32_t from, uint32_t to, uint32_t kind) {
  return deliver(b, from, to, kind, UINT32_MAX, b->flights.count);
}

uint32_t basin_deliver_one_(basin *b, uint32_t from, uint32_t to, uint32_t kind) {
  uint32_t done = deliver(b, from, to, kind, 1, b->flights.count);
  if (done == 0) basin_fail(b, "no message from %u to %u of kind %u", from, to, kind);
  return done;
}

uint32_t basin_deliver_all_(basin *b) {
  uint32_t done = 0, now;
  while ((now = basin_deliver_(b, BASIN_ANY, BASIN_ANY, BASIN_ANY)) > 0) {
    done += now;
    if (done > 100000) basin_fail(b, "messages without end");
  }
  return done;
}

uint32_t basin_deliver_group_(basin *b, uint32_t to, uint32_t most) {
  enum { MOST = 64 };
  basin_flight flights[MOST];
  vlot_input inputs[MOST];
  uint32_t count = 0;
  for (size_t k = 0; k < b->flights.count && count < most && count < MOST;) {
    if (!fits(&b->flights.items[k], BASIN_ANY, to, BASIN_ANY)) {
      k++;
      continue;
    }
    flights[count] = pick(b, k);
    if (is_reachable(b, &flights[count].message))
      count++;
    else
      flight_free(&flights[count]);
  }
  for (uint32_t k = 0; k < count; k++)
    inputs[k] = (vlot_input){.kind = VLOT_INPUT_MESSAGE, .as.message = &flights[k].message};
  if (count > 0) basin_step_(b, to, inputs, count);
  for (uint32_t k = 0; k < count; k++) flight_free(&flights[k]);
  return count;
}

uint32_t basin_drop(basin *b, uint32_t from, uint32_t to, uint32_t kind) {
  uint32_t done = 0;
  for (size_t k = 0; k < b->flights.count;) {
    if (!fits(&b->flights.items[k], from, to, kind)) {
      k++;
      continue;
    }
    basin_flight flight = pick(b, k);
    flight_free(&flight);
    done++;
  }
  return done;
}

uint32_t basin_duplicate(basin *b, uint32_t from, uint32_t to, uint32_t kind) {
  size_t count = b->flights.count;
  uint32_t done = 0;
  for (size_t k = 0; k < count; k++) {
    if (!fits(&b->flights.items[k], from, to, kind)) continue;
    basin_flight copy = copy_message(b, &b->flights.items[k].message);
    *BASIN_PUSH(&b->flights) = copy;
    done++;
  }
  return done;
}

uint32_t basin_hold(basin *b, uint32_t from, uint32_t to, uint32_t kind) {
  uint32_t done = 0;
  for (size_t k = 0; k < b->flights.count; k++)
    if (fits(&b->flights.items[k], from, to, kind)) b->flights.items[k].is_held = true, done++;
  return done;
}

uint32_t basin_release(basin *b, uint32_t from, uint32_t to, uint32_t kind) {
  uint32_t done = 0;
  for (size_t k = 0; k < b->flights.count; k++) {
    basin_flight *flight = &b->flights.items[k];
    if (!flight->is_held) continue;
    flight->is_held = false;
    if (fits(flight, from, to, kind))
      done++;
    else
      flight->is_held = true;
  }
  return done;
}

uint32_t basin_count(const basin *b, uint32_t from, uint32_t to, uint32_t kind) {
  uint32_t count = 0;
  for (size_t k = 0; k < b->flights.count; k++) count += fits(&b->flights.items[k], from, to, kind);
  return count;
}

const vlot_message *basin_peek(const basin *b, uint32_t from, uint32_t to, uint32_t kind) {
  for (size_t k = b->flights.count; k-- > 0;)
    if (fits(&b->flights.items[k], from, to, kind)) return &b->flights.items[k].message;
  return NULL;
}

const vlot_message *basin_in_flight(const basin *b, uint32_t k) {
  return k < b->flights.count ? &b->flights.items[k].message : NULL;
}

uint32_t basin_in_flight_count(const basin *b) { return (uint32_t)b->flights.count; }

void basin_deliver_kth_(basin *b, uint32_t k) {
  if (k >= b->flights.count) basin_fail(b, "no message %u in flight", k);
  hand_over(b, pick(b, k));
}

void basin_drop_kth(basin *b, uint32_t k) {
  if (k >= b->flights.count) basin_fail(b, "no message %u in flight", k);
  basin_flight flight = pick(b, k);
  flight_free(&flight);
}

void basin_duplicate_kth(basin *b, uint32_t k) {
  if (k >= b->flights.count) basin_fail(b, "no message %u in flight", k);
  basin_flight copy = copy_message(b, &b->flights.items[k].message);
  *BASIN_PUSH(&b->flights) = copy;
}

void basin_cut(basin *b, uint32_t from, uint32_t to) { b->is_cut[from][to] = true; }

void basin_cut_both(basin *b, uint32_t one, uint32_t other) {
  basin_cut(b, one, other);
  basin_cut(b, other, one);
}

void basin_isolate(basin *b, uint32_t id) {
  for (uint32_t k = 1; k <= b->count; k++) basin_cut_both(b, id, k);
}

void basin_heal(basin *b) { memset(b->is_cut, 0, sizeof b->is_cut); }

vlot_result basin_inject_(basin *b, const vlot_message *message) {
  return basin_step_(b, message->to,
                     &(vlot_input){.kind = VLOT_INPUT_MESSAGE, .as.message = message}, 1);
}

vlot_message basin_forge(basin *b, vlot_message_kind kind, uint32_t from, uint32_t to,
                         uint64_t term) {
  vlot_message message;
  memset(&message, 0, sizeof message);
  message.kind = (uint16_t)kind;
  message.from = from;
  message.to = to;
  message.disk_id = node_of(b, from)->hard.disk_id;
  message.term = term;
  message.request_id = 1;
  if (vlot_message_rules_of(kind) & VLOT_RULE_DEALING) message.dealing = 1;
  return message;
}

vlot_message basin_forge_append(basin *b, uint32_t from, uint32_t to, uint64_t term,
                                uint64_t prev_index, uint64_t prev_term, uint64_t commit,
                                const char *terms) {
  vlot_message message = basin_forge(b, VLOT_MESSAGE_APPEND, from, to, term);
  uint32_t count = count_words(terms);
  vlot_slice *slices = calloc(count + 1, sizeof *slices);
  if (!slices) abort();
  *BASIN_PUSH(&b->forged) = slices;
  for (uint32_t k = 0; k < count; k++) {
    char *end;
    uint64_t of = strtoull(terms, &end, 10);
    terms = end;
    uint64_t index = prev_index + 1 + k;
    slices[k] = (vlot_slice){
        .batch = entry_of(index, of), .index = index, .term = of, .first = 0, .count = 1};
  }
  message.as.append.prev_index = prev_index;
  message.as.append.prev_term = prev_term;
  message.as.append.commit = commit;
  message.as.append.slices = count > 0 ? slices : NULL;
  message.as.append.slice_count = count;
  message.as.append.entry_count = count;
  return message;
}

vlot_message basin_forge_vote(basin *b, uint32_t from, uint32_t to, uint64_t term,
                              uint64_t last_index, uint64_t last_term) {
  vlot_message message = basin_forge(b, VLOT_MESSAGE_VOTE, from, to, term);
  message.as.vote.last_index = last_index;
  message.as.vote.last_term = last_term;
  return message;
}

vlot_message basin_forge_reply(const vlot_message *request, uint64_t term, bool is_ok,
                               uint64_t match_index) {
  vlot_message reply;
  memset(&reply, 0, sizeof reply);
  reply.kind = (uint16_t)(request->kind + 1);
  reply.flags = is_ok ? VLOT_MESSAGE_OK : 0;
  reply.from = request->to;
  reply.to = request->from;
  reply.disk_id = 100 + request->to;
  reply.term = term;
  reply.request_id = request->request_id;
  reply.dealing = request->dealing;
  if (!is_ok)
    reply.why = request->kind == VLOT_MESSAGE_APPEND ? VLOT_WHY_LOG_MISMATCH : VLOT_WHY_LOG_BEHIND;
  if (request->kind != VLOT_MESSAGE_APPEND) return reply;
  reply.as.reply.prev_index = request->as.append.prev_index;
  if (is_ok) reply.as.reply.match_index = match_index;
  return reply;
}

/* --- disks and machines ----------------------------------------------------------------------- */

void basin_hold_disk(basin *b, uint32_t id) { node_of(b, id)->holds_disk = true; }

void basin_release_disk_(basin *b, uint32_t id) {
  node_of(b, id)->holds_disk = false;
  follow_up(b, running(b, id));
}

uint32_t basin_store_(basin *b, uint32_t id, uint32_t most) {
  basin_node *node = running(b, id);
  uint32_t done = store(b, node, most);
  follow_up(b, node);
  return done;
}

vlot_result basin_fail_write_(basin *b, uint32_t id) {
  basin_node *node = running(b, id);
  if (node->pending.count == 0) basin_fail(b, "node %u writes nothing that could fail", id);
  vlot_input input = {.kind = VLOT_INPUT_WRITE_FAILED, .as.token = node->pending.items[0].token};
  pending_clear(node);
  return basin_step_(b, id, &input, 1);
}

uint32_t basin_pending_writes(const basin *b, uint32_t id) {
  return (uint32_t)node_of(b, id)->pending.count;
}

void basin_hold_machine(basin *b, uint32_t id) { node_of(b, id)->holds_machine = true; }

void basin_apply_to_(basin *b, uint32_t id, uint64_t index) {
  node_of(b, id)->told_index = index;
  basin_step_(b, id, &(vlot_input){.kind = VLOT_INPUT_APPLIED, .as.index = index}, 1);
}

/* --- snapshots --- */

vlot_snapshot *basin_image(basin *b, uint32_t id) {
  basin_node *node = running(b, id);
  uint64_t index = node->told_index, term = 0;
  if (index != node->handed_index || index == 0)
    basin_fail(b, "node %u has applied %llu of %llu", id, (unsigned long long)index,
               (unsigned long long)node->handed_index);
  term = node->mirror.items[index - 1].term;
  vlot_bytes *bytes = vlot_bytes_copy(NULL, node->applied.items, node->applied.count);
  vlot_snapshot_head head = {.index = index,
                             .term = term,
                             .chain = basin_chain_at(&node->mirror, index),
                             .size = node->applied.count};
  head.checksum =
      vlot_snapshot_checksum(VLOT_SNAPSHOT_CHECKSUM, node->applied.items, node->applied.count);
  head.configuration = vlot_raft_configuration_at(node->raft, index);
  vlot_snapshot *snapshot = vlot_snapshot_make(NULL, &head, bytes);
  vlot_bytes_release(bytes);
  if (!snapshot) basin_fail(b, "no snapshot of node %u", id);
  return snapshot;
}

vlot_outcome basin_take_(basin *b, uint32_t id, vlot_snapshot *snapshot, uint64_t compact_to) {
  vlot_input input = {.kind = VLOT_INPUT_SNAPSHOT_TAKEN};
  input.as.taken.snapshot = snapshot;
  input.as.taken.compact_to = compact_to;
  vlot_outcome outcome = ask(b, id, &input);
  if (outcome.result != VLOT_OK) return outcome;
  basin_node *node = node_of(b, id);
  (void)vlot_snapshot_retain(snapshot);
  vlot_snapshot_release(node->snapshot);
  node->snapshot = snapshot;
  return outcome;
}

void basin_snapshot_(basin *b, uint32_t id, uint64_t keep) {
  vlot_snapshot *snapshot = basin_image(b, id);
  uint64_t index = vlot_snapshot_get(snapshot)->index;
  vlot_outcome outcome = basin_take_(b, id, snapshot, index > keep ? index - keep : 0);
  vlot_snapshot_release(snapshot);
  if (outcome.result != VLOT_OK)
    basin_fail(b, "node %u does not take its snapshot: %s %s", id, vlot_result_name(outcome.result),
               vlot_why_name(outcome.why));
}

void basin_preset_snapshot(basin *b, uint32_t id, vlot_snapshot *snapshot, uint64_t base) {
  basin_node *node = node_of(b, id);
  vlot_snapshot_release(node->snapshot);
  node->snapshot = vlot_snapshot_retain(snapshot);
  node->disk_base = base;
}

void basin_hold_restore(basin *b, uint32_t id) { node_of(b, id)->holds_restore = true; }

void basin_release_restore_(basin *b, uint32_t id) {
  node_of(b, id)->holds_restore = false;
  follow_up(b, running(b, id));
}

vlot_outcome basin_restored_(basin *b, uint32_t id, vlot_result result) {
  basin_node *node = running(b, id);
  if (!node->restoring) basin_fail(b, "node %u restores nothing", id);
  restored(b, node, result);
  vlot_outcome outcome = node->outcome;
  follow_up(b, node);
  return outcome;
}

vlot_snapshot *basin_restoring(const basin *b, uint32_t id) { return node_of(b, id)->restoring; }

uint32_t basin_swaps(const basin *b, uint32_t id) { return node_of(b, id)->swaps; }

void basin_by_wire(basin *b) { b->is_by_wire = true; }

vlot_message basin_forge_chunk(basin *b, uint32_t from, uint32_t to, uint64_t term,
                               vlot_snapshot *snapshot, uint64_t offset, uint32_t length) {
  vlot_message message = basin_forge(b, VLOT_MESSAGE_INSTALL, from, to, term);
  message.as.install.snapshot = snapshot;
  message.as.install.offset = offset;
  message.as.install.length = length;
  return message;
}

vlot_snapshot *basin_forge_snapshot(basin *b, uint64_t index, uint64_t term, const char *text) {
  vlot_member members[BASIN_NODES_MAX] = {0};
  for (uint32_t k = 0; k < b->count; k++)
    members[k] = (vlot_member){
        .id = k + 1, .is_learner = b->nodes[k].is_learner, .disk_id = b->nodes[k].configured_disk};
  vlot_bytes *bytes = vlot_bytes_copy(NULL, text, strlen(text));
  vlot_snapshot_head head = {.index = index, .term = term, .size = strlen(text)};
  if (index <= b->committed.count) head.chain = basin_chain_at(&b->committed, index);
  head.checksum = vlot_snapshot_checksum(VLOT_SNAPSHOT_CHECKSUM, text, strlen(text));
  head.configuration = vlot_configuration_make(NULL, members, b->count, NULL, 0);
  vlot_snapshot *snapshot = vlot_snapshot_make(NULL, &head, bytes);
  vlot_bytes_release(bytes);
  vlot_configuration_release(head.configuration);
  return snapshot;
}

vlot_snapshot *basin_disk_snapshot(const basin *b, uint32_t id) { return node_of(b, id)->snapshot; }

/* --- looking ---------------------------------------------------------------------------------- */

vlot_raft *basin_core(const basin *b, uint32_t id) { return node_of(b, id)->raft; }

bool basin_is_up(const basin *b, uint32_t id) { return node_of(b, id)->raft != NULL; }

uint64_t basin_now(const basin *b, uint32_t id) { return node_of(b, id)->now; }

vlot_raft_status basin_status(const basin *b, uint32_t id) {
  vlot_raft_status status;
  vlot_raft_get_status(running(b, id)->raft, &status);
  return status;
}

vlot_progress basin_progress(const basin *b, uint32_t leader, uint32_t peer) {
  vlot_progress progress;
  vlot_result result = vlot_raft_get_progress(running(b, leader)->raft, peer, &progress);
  if (result != VLOT_OK)
    basin_fail(b, "no progress of %u at %u: %s", peer, leader, vlot_result_name(result));
  return progress;
}

uint32_t basin_leader(const basin *b) {
  uint32_t leader = 0;
  uint64_t term = 0;
  for (uint32_t id = 1; id <= b->count; id++) {
    if (!basin_is_up(b, id)) continue;
    vlot_raft_status status = basin_status(b, id);
    if (status.role == VLOT_ROLE_LEADER && status.term > term) leader = id, term = status.term;
  }
  return leader;
}

static const char *terms_of(char *text, size_t size, const basin_entries *entries) {
  size_t used = 0;
  text[0] = 0;
  for (size_t k = 0; k < entries->count && used + 24 < size; k++)
    used += (size_t)snprintf(text + used, size - used, "%s%llu", k > 0 ? " " : "",
                             (unsigned long long)entries->items[k].term);
  return text;
}

const char *basin_log(basin *b, uint32_t id) {
  basin_node *node = running(b, id);
  return terms_of(node->text[0], sizeof node->text[0], &node->mirror);
}

const char *basin_disk_log(basin *b, uint32_t id) {
  basin_node *node = node_of(b, id);
  return terms_of(node->text[1], sizeof node->text[1], &node->disk);
}

const char *basin_applied(basin *b, uint32_t id) {
  basin_node *node = node_of(b, id);
  *BASIN_PUSH(&node->applied) = 0;
  node->applied.count--;
  return node->applied.items;
}

vlot_hard_state basin_disk_hard(const basin *b, uint32_t id) { return node_of(b, id)->hard; }

bool basin_read_answer(const basin *b, uint32_t id, uint64_t tag, vlot_read_answer *answer) {
  const basin_node *node = node_of(b, id);
  for (size_t k = node->reads.count; k-- > 0;) {
    if (node->reads.items[k].tag != tag) continue;
    *answer = node->reads.items[k];
    return true;
  }
  return false;
}

bool basin_late_answer(const basin *b, uint32_t id, uint64_t tag, vlot_late_answer *answer) {
  const basin_node *node = node_of(b, id);
  uint32_t found = 0;
  for (size_t k = 0; k < node->answers.count; k++) {
    if (node->answers.items[k].tag != tag) continue;
    *answer = node->answers.items[k];
    if (++found > 1) basin_fail(b, "node %u answers %llu twice", id, (unsigned long long)tag);
  }
  return found > 0;
}

static size_t say_members(char *text, size_t size, const vlot_member *members, uint32_t count) {
  static const char *const wishes[] = {"", "+", "^", "=", "v", "-"};
  size_t used = 0;
  for (uint32_t k = 0; k < count; k++)
    used += (size_t)snprintf(text + used, size - used, "%s%u%s%s", k > 0 ? " " : "", members[k].id,
                             members[k].is_learner ? "?" : "", wishes[members[k].wish]);
  return used;
}

const char *basin_members(basin *b, uint32_t id) {
  basin_node *node = running(b, id);
  uint32_t count, old_count;
  const vlot_configuration *configuration = vlot_raft_configuration(node->raft, NULL);
  const vlot_member *members = vlot_configuration_members(configuration, &count),
                    *old = vlot_configuration_old(configuration, &old_count);
  char *text = node->text[2];
  size_t size = sizeof node->text[2], used = 0;
  text[0] = 0;
  used += say_members(text, size, members, count);
  if (old_count > 0) used += (size_t)snprintf(text + used, size - used, " | ");
  (void)say_members(text + used, size - used, old, old_count);
  return text;
}

uint32_t basin_lost_count(const basin *b, uint32_t id) {
  return (uint32_t)node_of(b, id)->lost.count;
}

vlot_lost basin_lost(const basin *b, uint32_t id, uint32_t k) {
  return node_of(b, id)->lost.items[k];
}

uint32_t basin_changes(const basin *b, uint32_t id, vlot_change_kind kind) {
  const basin_node *node = node_of(b, id);
  uint32_t count = 0;
  for (size_t k = 0; k < node->changes.count; k++) count += node->changes.items[k].kind == kind;
  return count;
}

vlot_change basin_change(const basin *b, uint32_t id, vlot_change_kind kind) {
  const basin_node *node = node_of(b, id);
  for (size_t k = node->changes.count; k-- > 0;)
    if (node->changes.items[k].kind == kind) return node->changes.items[k];
  return (vlot_change){0};
}

void basin_forget_changes(basin *b, uint32_t id) { node_of(b, id)->changes.count = 0; }
