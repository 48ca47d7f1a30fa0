/* Who votes, as CONFIG events tell it, and whether a quorum of them holds an entry. The cluster
 * tells the configuration it was opened with; a node, what stands in its log above that. What
 * counts at a node is the newest one that it told and has not removed again.
 */
#include <inttypes.h>
#include <string.h>

#include "cluster/checker_history.h"

/* --- what was told --- */

static void pop_config(vlot__checker *checker, vlot__checker_configs *configs) {
  vlot__alloc_free(checker->allocator, configs->list[--configs->count].rows);
}

static void forget_from(vlot__checker *checker, vlot__checker_configs *configs, uint64_t from) {
  while (configs->count > 0 && configs->list[configs->count - 1].index >= from)
    pop_config(checker, configs);
}

/* What is committed is never removed: only the newest of those can be in force again. */
static void forget_replaced(vlot__checker *checker, vlot__checker_configs *configs,
                            uint64_t committed) {
  size_t replaced = 0;
  while (replaced + 1 < configs->count && configs->list[replaced + 1].index <= committed &&
         configs->list[replaced + 1].known == configs->list[replaced + 1].count)
    replaced++;
  if (replaced == 0) return;
  for (size_t k = 0; k < replaced; k++) vlot__alloc_free(checker->allocator, configs->list[k].rows);
  configs->count -= replaced;
  for (size_t k = 0; k < configs->count; k++) configs->list[k] = configs->list[k + replaced];
}

static vlot__checker_config *push(vlot__checker *checker, vlot__checker_configs *configs,
                                  uint64_t index, uint32_t count) {
  void *list = configs->list;
  vlot__checker_config config = {.index = index, .count = count};
  config.rows = vlot__alloc_zero(checker->allocator, count, sizeof *config.rows);
  if (config.rows && vlot__alloc_grow(checker->allocator, &list, &configs->capacity,
                                      configs->count + 1, sizeof config)) {
    configs->list = list;
    configs->list[configs->count] = config;
    return &configs->list[configs->count++];
  }
  vlot__alloc_free(checker->allocator, config.rows);
  checker->is_incomplete = true;
  return NULL;
}

/* The configuration that this row goes on with, or begins; NULL: it fits none. */
static vlot__checker_config *place_of(vlot__checker *checker, vlot__checker_configs *configs,
                                      const vlot_event *event) {
  uint64_t index = event->as.config.index;
  uint32_t place = event->as.config.place, count = event->as.config.count;
  if (place >= count) return NULL;
  if (place == 0) {
    forget_from(checker, configs, index); /* told once more */
    return push(checker, configs, index, count);
  }
  vlot__checker_config *newest = configs->count > 0 ? &configs->list[configs->count - 1] : NULL;
  bool goes_on =
      newest && newest->index == index && newest->count == count && newest->known == place;
  return goes_on ? newest : NULL;
}

static bool is_lost(const vlot__checker_member *m, uint64_t disk_id) {
  for (size_t k = 0; k < m->lost_count; k++)
    if (m->lost[k].disk_id == disk_id) return true;
  return false;
}

void vlot__checker_on_config(vlot__checker *checker, vlot__checker_member *m,
                             const vlot_event *event) {
  vlot__checker_configs *configs = m ? &m->configs : &checker->configs;
  vlot__checker_member *member = vlot__checker_member_of(checker, event->peer);
  vlot__checker_config *config = member ? place_of(checker, configs, event) : NULL;
  if (!config) return;
  uint64_t disk_id = event->as.config.disk_id;
  config->rows[config->known++] =
      (vlot__checker_row){.member = member, .disk_id = disk_id, .roles = event->as.config.roles};
  if (member->disk_id == 0 && !is_lost(member, disk_id)) member->disk_id = disk_id;
  if (!m || config->known < config->count) return;
  forget_replaced(checker, configs, m->commit);
  /* who has left and comes back is dealt with afresh */
  for (uint32_t k = 0; k < config->count; k++)
    if (config->rows[k].member->matched_by == m->id) config->rows[k].member->matched_by = 0;
}

void vlot__checker_forget_configs(vlot__checker *checker, vlot__checker_member *m, uint64_t from) {
  forget_from(checker, &m->configs, from);
}

void vlot__checker_free_configs(vlot__checker *checker, vlot__checker_configs *configs) {
  while (configs->count > 0) pop_config(checker, configs);
  vlot__alloc_free(checker->allocator, configs->list);
}

/* --- disks --- */

static void lose(vlot__checker_member *m) {
  for (size_t k = 0; k < m->lost_count; k++) {
    if (m->lost[k].disk_id != m->disk_id) continue;
    if (m->durable_index > m->lost[k].index) m->lost[k].index = m->durable_index;
    return;
  }
  if (m->lost_count == VLOT__CHECKER_LOST_DISKS) {
    m->lost_count--;
    memmove(&m->lost[0], &m->lost[1], m->lost_count * sizeof *m->lost);
  }
  m->lost[m->lost_count++] = (vlot__checker_lost){.disk_id = m->disk_id, .index = m->durable_index};
}

void vlot__checker_wipe(vlot__checker *checker, vlot__checker_member *m) {
  if (m->is_wiped) return;
  lose(m);
  m->disk_id = 0; /* the new one stands in no configuration yet */
  m->is_wiped = true;
  m->durable_term = m->durable_index = m->durable_chain = 0;
  m->durable_vote = 0;
  m->commit_ever = m->commit_term = m->commit_kept = 0;
  m->snapshot = m->snapshot_durable = m->base = m->durable_kept = 0;
  forget_from(checker, &m->configs, 0);
}

/* --- quorums --- */

bool vlot__checker_holds(vlot__checker *checker, const vlot__checker_member *m, uint64_t disk_id,
                         uint64_t index, const vlot__span_entry *entry) {
  vlot__span_entry mine;
  for (size_t k = 0; k < m->lost_count; k++) {
    bool counts = disk_id == 0 || disk_id == m->lost[k].disk_id;
    if (counts && index <= m->lost[k].index) return true;
  }
  uint64_t durable = m->durable_index > m->durable_kept ? m->durable_index : m->durable_kept;
  bool counts = disk_id == 0 || disk_id == m->disk_id;
  if (!counts || index > durable) return false;
  vlot__known known = vlot__checker_look(checker, m, index, &mine);
  return known == VLOT__FORGOTTEN || (known == VLOT__KNOWN && vlot__checker_is_same(&mine, entry));
}

/* NULL: nobody told one. */
static const vlot__checker_config *config_in_force(const vlot__checker *checker,
                                                   const vlot__checker_member *m) {
  const vlot__checker_configs *told[] = {&m->configs, &checker->configs};
  for (size_t who = 0; who < 2; who++)
    for (size_t k = told[who]->count; k > 0; k--)
      if (told[who]->list[k - 1].known == told[who]->list[k - 1].count)
        return &told[who]->list[k - 1];
  return NULL;
}

/* While a configuration is joint, each half needs a quorum of its own. */
static void check_half(vlot__checker *checker, const vlot__checker_config *config, uint32_t role,
                       const vlot__checker_member *m, const vlot_event *event, uint64_t index,
                       const vlot__span_entry *entry) {
  uint32_t voters = 0, holders = 0;
  for (uint32_t k = 0; k < config->count; k++) voters += (config->rows[k].roles & role) != 0;
  uint32_t quorum = voters / 2 + 1;
  if (voters == 0) return;
  for (uint32_t k = 0; k < config->count && holders < quorum; k++)
    if ((config->rows[k].roles & role) &&
        vlot__checker_holds(checker, config->rows[k].member, config->rows[k].disk_id, index, entry))
      holders++;
  if (holders < quorum)
    vlot__checker_report(checker, 10, m, event,
                         "n%" PRIu32 " commits entry %" PRIu64 " of term %" PRIu64 " which %" PRIu32
                         " voters%s have durable; a quorum is %" PRIu32,
                         m->id, index, entry->term, holders,
                         role == VLOT_CONFIG_OLD_VOTER ? " of the old half" : "", quorum);
}

void vlot__checker_check_quorum(vlot__checker *checker, const vlot__checker_member *m,
                                const vlot_event *event, uint64_t index,
                                const vlot__span_entry *entry) {
  const vlot__checker_config *config = config_in_force(checker, m);
  if (!config) return;
  check_half(checker, config, VLOT_CONFIG_VOTER, m, event, index, entry);
  check_half(checker, config, VLOT_CONFIG_OLD_VOTER, m, event, index, entry);
}
