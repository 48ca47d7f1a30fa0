/* What edits make of a configuration: first as wishes that stand in it, then what comes of them.
 * Values only: nothing here changes a core. Section 6 of the paper, thesis 4.
 */
#include "raft/edits.h"

#include "raft/config.h"

static vlot_member *find_edited(vlot__edited *edited, uint32_t id) {
  for (uint32_t k = 0; k < edited->count; k++)
    if (edited->members[k].id == id) return &edited->members[k];
  return NULL;
}

static vlot_result refuse(vlot__edited *edited, vlot_result result, vlot_why why) {
  edited->why = why;
  return result;
}

/* Has a member of this id ever stood in what is still known by this disk? Its promises were given
 * to a cluster that went on without it. */
static bool is_disk_known(const vlot__configs *configs, const vlot_edit *edit) {
  if (edit->disk_id == 0) return false;
  for (size_t k = 0; k < configs->count; k++) {
    const vlot_configuration *configuration = configs->places[k].configuration;
    for (uint32_t half = 0; half < configuration->half_count; half++) {
      const vlot_member *member = vlot__config_member(configuration, half, edit->id);
      if (member && member->disk_id == edit->disk_id) return true;
    }
  }
  return false;
}

static vlot_result add_member(vlot__edited *edited, const vlot__configs *configs,
                              const vlot_edit *edit) {
  if (find_edited(edited, edit->id)) return refuse(edited, VLOT_EXISTS, VLOT_WHY_MEMBER_EXISTS);
  if (edited->count >= VLOT_MEMBERS_MAX)
    return refuse(edited, VLOT_INVALID, VLOT_WHY_TOO_MANY_MEMBERS);
  if (is_disk_known(configs, edit)) return refuse(edited, VLOT_REJECTED, VLOT_WHY_DISK_KNOWN);
  bool is_voter = edit->kind == VLOT_EDIT_ADD_VOTER;
  edited->has_new_voters |= is_voter;
  edited->members[edited->count++] =
      (vlot_member){.id = edit->id,
                    .is_learner = 1,
                    .wish = is_voter ? VLOT_WISH_JOIN : VLOT_WISH_ADD,
                    .disk_id = edit->disk_id};
  return VLOT_OK;
}

static vlot_result change_standing(vlot__edited *edited, vlot_member *member, vlot_edit_kind kind) {
  bool is_promotion = kind == VLOT_EDIT_PROMOTE;
  if ((member->is_learner != 0) != is_promotion)
    return refuse(edited, VLOT_INVALID, VLOT_WHY_NO_EFFECT);
  member->wish = is_promotion ? VLOT_WISH_PROMOTE : VLOT_WISH_DEMOTE;
  edited->has_new_voters |= is_promotion;
  return VLOT_OK;
}

static vlot_result replace_disk(vlot__edited *edited, const vlot__configs *configs,
                                vlot_member *member, const vlot_edit *edit) {
  if (member->disk_id == edit->disk_id) return refuse(edited, VLOT_INVALID, VLOT_WHY_NO_EFFECT);
  if (is_disk_known(configs, edit)) return refuse(edited, VLOT_REJECTED, VLOT_WHY_DISK_KNOWN);
  member->disk_id = edit->disk_id;
  edited->has_new_disks = true;
  return VLOT_OK;
}

static bool stands_twice(const vlot_edit *edits, uint32_t k) {
  for (uint32_t other = 0; other < k; other++)
    if (edits[other].id == edits[k].id) return true;
  return false;
}

static vlot_result take(vlot__edited *edited, const vlot__configs *configs, const vlot_edit *edits,
                        uint32_t k) {
  const vlot_edit *edit = &edits[k];
  bool has_disk = edit->kind == VLOT_EDIT_ADD_VOTER || edit->kind == VLOT_EDIT_ADD_LEARNER ||
                  edit->kind == VLOT_EDIT_REPLACE_DISK;
  if (edit->id == 0 || (!has_disk && edit->disk_id != 0))
    return refuse(edited, VLOT_INVALID, VLOT_WHY_NONE);
  if (stands_twice(edits, k)) return refuse(edited, VLOT_INVALID, VLOT_WHY_MEMBER_TWICE);
  vlot_member *member = find_edited(edited, edit->id);
  switch ((vlot_edit_kind)edit->kind) {
  case VLOT_EDIT_ADD_VOTER:
  case VLOT_EDIT_ADD_LEARNER: return add_member(edited, configs, edit);
  case VLOT_EDIT_PROMOTE:
  case VLOT_EDIT_DEMOTE:
    return member ? change_standing(edited, member, (vlot_edit_kind)edit->kind)
                  : refuse(edited, VLOT_NOT_FOUND, VLOT_WHY_NO_SUCH_MEMBER);
  case VLOT_EDIT_REMOVE:
    if (!member) return refuse(edited, VLOT_NOT_FOUND, VLOT_WHY_NO_SUCH_MEMBER);
    member->wish = VLOT_WISH_REMOVE;
    return VLOT_OK;
  case VLOT_EDIT_REPLACE_DISK:
    return member ? replace_disk(edited, configs, member, edit)
                  : refuse(edited, VLOT_NOT_FOUND, VLOT_WHY_NO_SUCH_MEMBER);
  }
  return refuse(edited, VLOT_INVALID, VLOT_WHY_NONE);
}

vlot_result vlot__edits_take(vlot__edited *edited, const vlot__configs *configs,
                             const vlot_edit *edits, uint32_t count) {
  edited->why = VLOT_WHY_NONE;
  edited->accepted = 0;
  if (count == 0 || !edits) return VLOT_INVALID;
  for (uint32_t k = 0; k < count; k++, edited->accepted++) {
    vlot_result result = take(edited, configs, edits, k);
    if (result != VLOT_OK) return result;
  }
  if (edited->has_new_voters && edited->has_new_disks)
    return refuse(edited, VLOT_INVALID, VLOT_WHY_MIXED_WITH_DISK);
  for (uint32_t k = 0; k < edited->count; k++) {
    vlot_member member = edited->members[k];
    if (vlot__edits_fulfil(&member) && !member.is_learner) return VLOT_OK;
  }
  return refuse(edited, VLOT_INVALID, VLOT_WHY_NO_VOTER_LEFT);
}

/* --- what comes of wishes --------------------------------------------------------------------- */

bool vlot__edits_fulfil(vlot_member *member) {
  vlot_wish wish = (vlot_wish)member->wish;
  member->wish = VLOT_WISH_NONE;
  switch (wish) {
  case VLOT_WISH_NONE:
  case VLOT_WISH_ADD: return true;
  case VLOT_WISH_JOIN:
  case VLOT_WISH_PROMOTE: member->is_learner = 0; return true;
  case VLOT_WISH_DEMOTE: member->is_learner = 1; return true;
  case VLOT_WISH_REMOVE: return false;
  }
  return true;
}

bool vlot__edits_renounce(vlot_member *member) {
  vlot_wish wish = (vlot_wish)member->wish;
  member->wish = VLOT_WISH_NONE;
  return wish != VLOT_WISH_JOIN && wish != VLOT_WISH_ADD;
}

uint32_t vlot__edits_resolve(const vlot_member *members, uint32_t count,
                             bool (*resolve)(vlot_member *member), vlot_member *out) {
  uint32_t kept = 0;
  for (uint32_t k = 0; k < count; k++) {
    vlot_member member = members[k];
    if (resolve(&member)) out[kept++] = member;
  }
  return kept;
}

/* --- one step or two -------------------------------------------------------------------------- */

static uint32_t missing_voters(const vlot_member *of, uint32_t of_count, const vlot_member *in,
                               uint32_t in_count) {
  uint32_t missing = 0;
  for (uint32_t k = 0; k < of_count; k++) {
    bool is_there = of[k].is_learner;
    for (uint32_t n = 0; n < in_count && !is_there; n++)
      is_there = in[n].id == of[k].id && !in[n].is_learner && in[n].disk_id == of[k].disk_id;
    missing += !is_there;
  }
  return missing;
}

uint32_t vlot__edits_distance(const vlot_member *one, uint32_t one_count, const vlot_member *other,
                              uint32_t other_count) {
  return missing_voters(one, one_count, other, other_count) +
         missing_voters(other, other_count, one, one_count);
}
