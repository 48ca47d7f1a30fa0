/* Events as JSON, as sentences, and as the words of the event hash. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "json.h"
#include "vlot/event.h"

enum { ROOM = 2048 };

typedef enum part {
  PART_step,
  PART_message,
  PART_change,
  PART_slice,
  PART_client,
  PART_config
} part;

static const struct kind {
  uint16_t number;
  part part;
  const char *name;
} kinds[] = {
#define VLOT_X(name, number, text, body) {number, PART_##body, text},
    VLOT_EVENTS(VLOT_X)
#undef VLOT_X
};
enum { KINDS = sizeof kinds / sizeof *kinds };

/* Small, plausible numbers everywhere. */
static vlot_event sample(const struct kind *kind, uint32_t message_kind) {
  vlot_event event = {.sequence = 5,
                      .lamport = 9,
                      .action = 70,
                      .tick = 30,
                      .message = 17,
                      .node = 2,
                      .incarnation = 1};
  event.kind = kind->number;
  event.peer = 1;
  event.why = VLOT_WHY_LOG_BEHIND;
  event.cause = vlot_event_id(1, 4);
  switch (kind->part) {
  case PART_step:
    event.as.step.before =
        (vlot_brief){.term = 2, .last_index = 3, .commit_index = 2, .vote = 1, .role = 0};
    event.as.step.after =
        (vlot_brief){.term = 3, .last_index = 4, .commit_index = 3, .vote = 2, .role = 2};
    break;
  case PART_message:
    event.as.message.kind = message_kind;
    event.as.message.flags = VLOT_MESSAGE_OK;
    event.as.message.term = 3;
    event.as.message.index = 4;
    event.as.message.log_term = 2;
    event.as.message.commit = 6;
    event.as.message.request_id = 8;
    event.as.message.entries = 1;
    event.as.message.from = kind->number == VLOT_EVENT_RECEIVED ? 1 : 2;
    break;
  case PART_change:
    /* the kind of a message, the number of a lint */
    event.as.change.from = kind->number == VLOT_EVENT_IGNORED || kind->number == VLOT_EVENT_LINT;
    event.as.change.to = 1;
    event.as.change.term = 3;
    break;
  case PART_slice:
    event.as.slice.first = 4;
    event.as.slice.count = 2;
    event.as.slice.term = 3;
    event.as.slice.chain = 0xfedcba9876543210u;
    event.as.slice.hash = 0x123;
    break;
  case PART_client:
    event.as.client.sequence = 11;
    event.as.client.index = 12;
    event.as.client.term = 3;
    event.as.client.client = 4;
    event.as.client.count = 2;
    event.as.client.result = VLOT_UNKNOWN;
    break;
  case PART_config:
    event.as.config.index = 7;
    event.as.config.disk_id = 0xabcdef;
    event.as.config.place = 1;
    event.as.config.count = 3;
    event.as.config.roles = VLOT_CONFIG_VOTER;
    break;
  }
  return event;
}

static const char *json_of(const vlot_event *event, char out[ROOM]) {
  size_t size = vlot_event_json(event, out, ROOM);
  cr_assert_lt(size, (size_t)ROOM);
  cr_assert_eq(strlen(out), size);
  cr_assert(json_is_valid(out, size), "%s", out);
  cr_assert_null(strchr(out, '\n'));
  return out;
}

static const char *text_of(const vlot_event *event, char out[ROOM]) {
  size_t size = vlot_event_text(event, out, ROOM);
  cr_assert_lt(size, (size_t)ROOM);
  cr_assert_eq(strlen(out), size);
  return out;
}

Test(event, every_kind_has_a_name) {
  for (int k = 0; k < KINDS; k++) {
    cr_assert_str_eq(vlot_event_kind_name((vlot_event_kind)kinds[k].number), kinds[k].name);
    for (int other = 0; other < k; other++) cr_assert_str_neq(kinds[k].name, kinds[other].name);
  }
  cr_assert_str_eq(vlot_event_kind_name((vlot_event_kind)0), "?");
  cr_assert_str_eq(vlot_event_kind_name(VLOT_EVENT_KINDS), "?");
  cr_assert_str_eq(vlot_event_kind_name((vlot_event_kind)-1), "?");
}

Test(event, every_kind_is_valid_json_and_a_sentence_without_gaps) {
  char out[ROOM], wanted[64];
  for (int k = 0; k < KINDS; k++) {
    for (uint32_t message = 1; message <= VLOT_MESSAGE_APPEND_REPLY; message++) {
      for (uint32_t why = 0; why <= VLOT_WHY_IS_LEADER; why++) {
        vlot_event event = sample(&kinds[k], message);
        event.why = strcmp(vlot_why_name((vlot_why)why), "?") != 0 ? (uint16_t)why : 0;
        snprintf(wanted, sizeof wanted, "\"event\":\"%s\"", kinds[k].name);
        cr_assert_not_null(strstr(json_of(&event, out), wanted), "%s", out);
        cr_assert_null(strchr(out, '?'), "%s", out);
        cr_assert_gt(strlen(text_of(&event, out)), 8);
        cr_assert_null(strchr(out, '?'), "%s", out);
      }
    }
  }
}

Test(event, extreme_numbers_and_unknown_kinds_are_still_valid_json) {
  char out[ROOM];
  for (uint32_t kind = 0; kind < 70; kind++) {
    vlot_event event;
    memset(&event, 0xff, sizeof event);
    event.kind = (uint16_t)kind;
    json_of(&event, out);
    cr_assert_gt(strlen(text_of(&event, out)), 0);
    memset(&event, 0, sizeof event);
    event.kind = (uint16_t)kind;
    json_of(&event, out);
    cr_assert_gt(strlen(text_of(&event, out)), 0);
  }
}

static void check_json(uint16_t number, uint32_t message_kind, const char *wanted) {
  char out[ROOM];
  for (int k = 0; k < KINDS; k++) {
    if (kinds[k].number != number) continue;
    vlot_event event = sample(&kinds[k], message_kind);
    json_of(&event, out);
    cr_expect_not_null(strstr(out, wanted), "%s lacks %s", out, wanted);
  }
}

Test(event, json_names_what_a_reader_looks_for) {
  check_json(VLOT_EVENT_SENT, VLOT_MESSAGE_APPEND,
             "{\"seq\":5,\"lamport\":9,\"action\":70,\"tick\":30,\"node\":2,\"inc\":1,\"cause\":[1,"
             "4],\"event\":\"sent\","
             "\"message\":17,\"kind\":\"AppendEntries\",\"from\":2,\"to\":1,\"term\":3,\"request\":"
             "8,\"prev_index\":4,"
             "\"prev_term\":2,\"entries\":1,\"commit\":6,\"why\":\"LOG_BEHIND\"}");
  check_json(VLOT_EVENT_RECEIVED, VLOT_MESSAGE_APPEND_REPLY,
             "\"from\":1,\"to\":2,\"term\":3,\"request\":8,\"prev_index\":6,\"match_index\":4,"
             "\"success\":true");
  check_json(VLOT_EVENT_SENT, VLOT_MESSAGE_VOTE, "\"kind\":\"RequestVote\"");
  check_json(VLOT_EVENT_SENT, VLOT_MESSAGE_VOTE, "\"last_index\":4,\"last_term\":2");
  check_json(VLOT_EVENT_SENT, VLOT_MESSAGE_VOTE_REPLY, "\"success\":true");
  check_json(VLOT_EVENT_STEP, 0,
             "\"before\":{\"role\":\"follower\",\"term\":2,\"vote\":1,\"last\":3,\"commit\":2},"
             "\"after\":{\"role\":\"candidate\",\"term\":3,\"vote\":2,\"last\":4,\"commit\":3}");
  check_json(VLOT_EVENT_CAMPAIGN, 0, "\"campaign\":\"pre_vote\",\"last_index\":1,\"term\":3");
  check_json(VLOT_EVENT_STEP_DOWN, 0, "\"why\":\"LOG_BEHIND\"");
  check_json(VLOT_EVENT_APPEND, 0,
             "\"first\":4,\"count\":2,\"term\":3,\"chain\":\"fedcba9876543210\"");
  check_json(VLOT_EVENT_TRUNCATE, 0, "\"event\":\"truncate\"");
  check_json(VLOT_EVENT_DURABLE, 0,
             "\"durable_before\":0,\"durable_after\":1,\"term\":3,\"vote\":1");
  check_json(VLOT_EVENT_COMMIT, 0, "\"first\":4,\"count\":2");
  check_json(VLOT_EVENT_APPLY, 0, "\"hash\":\"0000000000000123\"");
  check_json(VLOT_EVENT_RESTART, 0, "\"disk\":\"keep\"");
  check_json(
      VLOT_EVENT_ANSWER, 0,
      "\"client\":4,\"client_seq\":11,\"count\":2,\"index\":12,\"term\":3,\"result\":\"UNKNOWN\"");
}

static void check_text(uint16_t number, uint32_t message_kind, vlot_why why, const char *wanted) {
  char out[ROOM];
  for (int k = 0; k < KINDS; k++) {
    if (kinds[k].number != number) continue;
    vlot_event event = sample(&kinds[k], message_kind);
    event.why = (uint16_t)why;
    cr_expect_str_eq(text_of(&event, out), wanted);
  }
}

Test(event, sentences_say_who_does_what_and_why) {
  check_text(VLOT_EVENT_LEADER, 0, VLOT_WHY_QUORUM_OF_VOTES,
             "n2 becomes leader of term 3: a quorum granted its votes");
  check_text(VLOT_EVENT_SENT, VLOT_MESSAGE_APPEND, VLOT_WHY_NONE,
             "n2 sends n1 AppendEntries of term 3 (1 entry after 4 of term 2, commit 6)");
  check_text(VLOT_EVENT_DROPPED, VLOT_MESSAGE_VOTE_REPLY, VLOT_WHY_LINK_LOSS,
             "Dropped on its way from n2 to n1: VoteReply of term 3 (granted): the link lost it");
  check_text(VLOT_EVENT_APPEND, 0, VLOT_WHY_NONE, "n2 appends entries 4 to 5 of term 3");
  check_text(VLOT_EVENT_TRUNCATE, 0, VLOT_WHY_CONFLICT,
             "n2 removes entries 4 to 5: entries of another term were in its place");
  check_text(VLOT_EVENT_STEP, 0, VLOT_WHY_NONE,
             "n2 takes a step as follower and becomes candidate: term 2 to 3, vote n2, last 3 to "
             "4, commit 2 to 3");
}

Test(event, entries_known_as_committed_may_be_of_several_terms) {
  char out[ROOM];
  vlot_event event = {.kind = VLOT_EVENT_COMMIT, .node = 4};
  event.as.slice.first = 2;
  event.as.slice.count = 2;
  event.as.slice.term = 2;
  cr_expect_str_eq(text_of(&event, out),
                   "n4 knows entries 2 to 3 as committed, the last of term 2");
  event.as.slice.count = 1;
  cr_expect_str_eq(text_of(&event, out), "n4 knows entry 2 of term 2 as committed");
}

Test(event, a_violation_says_which_property_is_broken_and_where) {
  char out[ROOM];
  vlot_event event = {.kind = VLOT_EVENT_VIOLATION, .peer = 3};
  event.as.change.from = 4;
  cr_expect_str_eq(text_of(&event, out),
                   "Broken: I-4 at n3: a leader lacks an entry that was committed before its term");
  cr_expect_not_null(strstr(json_of(&event, out), "\"invariant\":4,\"peer\":3"), "%s", out);
  event.as.change.from = VLOT_REPLICA_HASH;
  cr_expect_str_eq(text_of(&event, out),
                   "Broken: R-1 at n3: machines that applied the same entries differ");
}

Test(event, a_configuration_says_of_each_member_what_it_is) {
  static const struct {
    uint32_t node, roles;
    const char *sentence, *json;
  } rows[] = {
      {0, VLOT_CONFIG_VOTER,
       "The configuration from index 7 on: n3 votes, with disk 00000000000000ab",
       "\"member\":3,\"index\":7,\"disk\":\"00000000000000ab\",\"roles\":[\"voter\"],\"place\":1,"
       "\"count\":4"},
      {0, VLOT_CONFIG_LEARNER,
       "The configuration from index 7 on: n3 learns, with disk 00000000000000ab",
       "\"roles\":[\"learner\"]"},
      {2, VLOT_CONFIG_OLD_VOTER,
       "n2's configuration from index 7 on: n3 votes in the old half, with disk 00000000000000ab",
       "\"roles\":[\"old_voter\"]"},
      {2, VLOT_CONFIG_VOTER | VLOT_CONFIG_OLD_VOTER,
       "n2's configuration from index 7 on: n3 votes in both halves, with disk 00000000000000ab",
       "\"roles\":[\"voter\",\"old_voter\"]"},
  };
  char out[ROOM];
  for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
    vlot_event event = {.kind = VLOT_EVENT_CONFIG, .node = rows[k].node, .peer = 3};
    event.as.config.index = 7;
    event.as.config.disk_id = 0xab;
    event.as.config.place = 1;
    event.as.config.count = 4;
    event.as.config.roles = rows[k].roles;
    cr_expect_str_eq(text_of(&event, out), rows[k].sentence);
    cr_expect_not_null(strstr(json_of(&event, out), rows[k].json), "%s", out);
  }
}

Test(event, changes_of_members_and_leaders_are_told_in_words) {
  static const struct {
    uint16_t kind, why;
    uint32_t peer;
    uint64_t from, to;
    const char *text, *json;
  } cases[] = {
      {VLOT_EVENT_RECONFIGURED, 0, 2, 0, 7, "n2 counts by the configuration of entry 7 (was 0)",
       "\"reconfigured\",\"leader\":2,\"config_before\":0,\"config_after\":7,\"term\":3"},
      {VLOT_EVENT_RECONFIGURED, VLOT_WHY_CONFLICT, 0, 7, 4,
       "n2 counts by the configuration of entry 4 (was 7): ", "\"config_after\":4"},
      {VLOT_EVENT_RECONFIGURED, 0, 1, 0, 7,
       "n2 counts by the configuration of entry 7 (was 0), of n1", "\"leader\":1"},
      {VLOT_EVENT_ROUND, 0, 4, 2, 90, "n2 catches n4 up, round 2, to 90",
       "\"round\",\"peer\":4,\"round\":2,\"end\":90,\"term\":3"},
      {VLOT_EVENT_ROUND, 0, 4, 0, 90, "n2 has caught n4 up, to 90", "\"round\":0"},
      {VLOT_EVENT_ROUND, VLOT_WHY_NOT_CAUGHT_UP, 4, 0, 0,
       "n2 gives up catching up new voters, because of n4: it does not catch up",
       "\"why\":\"NOT_CAUGHT_UP\""},
      {VLOT_EVENT_ROUND, VLOT_WHY_CANCELLED, 0, 0, 0,
       "n2 gives up catching up new voters: it was cancelled", "\"why\":\"CANCELLED\""},
      {VLOT_EVENT_TRANSFER, 0, 0, 0, 5, "n2 hands leadership of term 3 over to n5",
       "\"transfer\",\"target_before\":0,\"target_after\":5,\"term\":3"},
      {VLOT_EVENT_TRANSFER, VLOT_WHY_DEADLINE, 0, 5, 0,
       "n2's handing over to n5 is at an end: ", "\"why\":\"DEADLINE\""},
  };
  char text[ROOM], json[ROOM];
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    vlot_event event = {.node = 2, .kind = cases[k].kind, .why = cases[k].why};
    event.peer = cases[k].peer;
    event.as.change.from = cases[k].from;
    event.as.change.to = cases[k].to;
    event.as.change.term = 3;
    vlot_event_text(&event, text, sizeof text);
    vlot_event_json(&event, json, sizeof json);
    cr_expect(strstr(text, cases[k].text), "'%s' is not '%s'", text, cases[k].text);
    cr_expect(strstr(json, cases[k].json), "%s has no %s", json, cases[k].json);
    cr_expect(vlot_event_is_rare(&event));
  }
}

Test(event, a_fault_says_what_is_so_from_now_on) {
  static const struct {
    vlot_why why;
    uint32_t peer;
    uint64_t from, to, term;
    const char *wanted;
  } faults[] = {
      {VLOT_WHY_DISK_FAULT, 1, 0, 0, 0, "The disk of n1 is well"},
      {VLOT_WHY_DISK_FAULT, 1, 0, 5, 0, "The disk of n1 takes up to 5 ticks for a write"},
      {VLOT_WHY_DISK_FAULT, 1, 0, 1, 1,
       "The disk of n1 completes no write, takes up to 1 tick for a write"},
      {VLOT_WHY_DISK_FAULT, 1, 0, 0, 2, "The disk of n1 is full: writes fail"},
      {VLOT_WHY_DISK_FAULT, 1, 1, 0, 0, "The disk of n1 fails the next write"},
      {VLOT_WHY_DISK_FAULT, 1, 3, 0, 0, "The disk of n1 fails write number 3 from now"},
      {VLOT_WHY_CLOCK_FAULT, 2, 0, 0, 0, "The clock of n2 stands still"},
      {VLOT_WHY_CLOCK_FAULT, 2, 0, 1000, 0, "The clock of n2 is exact"},
      {VLOT_WHY_CLOCK_FAULT, 2, 0, 1500, 0,
       "The clock of n2 runs at 1500 thousandths of the speed of the others"},
      {VLOT_WHY_LINK_FAULT, 3, 1, 1, 0, "The link from n1 to n3 is cut"},
      {VLOT_WHY_HEALED, 3, 1, 0, 0, "The link from n1 to n3 is clean"},
      {VLOT_WHY_HEALED, 3, 0, 0, 0, "Every link to n3 is clean"},
      {VLOT_WHY_LINK_FAULT, 0, 1, 1, 0, "Every link from n1 is cut"},
      {VLOT_WHY_LINK_FAULT, 0, 0, 0, 0,
       "Every link may lose, delay, reorder or duplicate messages"},
      {VLOT_WHY_HEALED, 0, 0, 0, 0, "The network is changed: all links were healed"},
      {VLOT_WHY_PARTITION, 0, 0, 0, 0, "The network is changed: the nodes are partitioned"},
  };
  char out[ROOM];
  for (size_t k = 0; k < sizeof faults / sizeof *faults; k++) {
    vlot_event event = {
        .kind = VLOT_EVENT_FAULT, .why = (uint16_t)faults[k].why, .peer = faults[k].peer};
    event.as.change.from = faults[k].from;
    event.as.change.to = faults[k].to;
    event.as.change.term = faults[k].term;
    cr_expect_str_eq(text_of(&event, out), faults[k].wanted);
  }
}

Test(event, who_is_fenced_says_what_it_knows_in_words) {
  char out[ROOM];
  vlot_event event = {.kind = VLOT_EVENT_FENCED, .node = 1, .why = VLOT_WHY_WRITE_FAILED};
  event.as.change.from = UINT64_C(4294967299);
  cr_expect_str_eq(text_of(&event, out),
                   "n1 is fenced and takes no input any more: a storage write failed");
  event.why = VLOT_WHY_COMMITTED_CONFLICT;
  event.peer = 2;
  event.as.change.from = 3;
  event.as.change.to = 5;
  event.as.change.term = 4;
  cr_expect_str_eq(
      text_of(&event, out),
      "n1 is fenced and takes no input any more (n2 sent another entry 3 in term 4, and up to 5 is "
      "committed): a leader wants to overwrite a committed entry");
}

Test(event, text_that_does_not_fit_is_cut_and_its_length_is_told) {
  for (int k = 0; k < KINDS; k++) {
    vlot_event event = sample(&kinds[k], VLOT_MESSAGE_APPEND);
    char whole[ROOM], cut[ROOM];
    for (int is_json = 0; is_json < 2; is_json++) {
      size_t (*face)(const vlot_event *, char *, size_t) =
          is_json ? vlot_event_json : vlot_event_text;
      size_t length = face(&event, whole, sizeof whole);
      for (size_t room = 0; room <= length + 1; room++) {
        memset(cut, '#', sizeof cut);
        cr_assert_eq(face(&event, room > 0 ? cut : NULL, room), length);
        cr_assert_eq(cut[room], '#');
        if (room == 0) continue;
        size_t kept = room <= length ? room - 1 : length;
        cr_assert_eq(memcmp(cut, whole, kept), 0);
        cr_assert_eq(cut[kept], '\0');
      }
    }
  }
}

/* --- words --- */

typedef struct place {
  size_t offset;
  size_t size;
} place;

#define PLACE(member) \
  { offsetof(vlot_event, member), sizeof((vlot_event *)0)->member }

static const place heads[] = {PLACE(sequence), PLACE(lamport), PLACE(action), PLACE(cause),
                              PLACE(tick),     PLACE(message), PLACE(node),   PLACE(incarnation),
                              PLACE(peer),     PLACE(kind),    PLACE(why)};
static const place steps[] = {PLACE(as.step.before.term),         PLACE(as.step.before.last_index),
                              PLACE(as.step.before.commit_index), PLACE(as.step.before.vote),
                              PLACE(as.step.before.role),         PLACE(as.step.after.term),
                              PLACE(as.step.after.last_index),    PLACE(as.step.after.commit_index),
                              PLACE(as.step.after.vote),          PLACE(as.step.after.role)};
static const place messages[] = {
    PLACE(as.message.kind),       PLACE(as.message.flags),    PLACE(as.message.term),
    PLACE(as.message.index),      PLACE(as.message.log_term), PLACE(as.message.commit),
    PLACE(as.message.request_id), PLACE(as.message.entries),  PLACE(as.message.from)};
static const place changes[] = {PLACE(as.change.from), PLACE(as.change.to), PLACE(as.change.term)};
static const place slices[] = {PLACE(as.slice.first), PLACE(as.slice.count), PLACE(as.slice.term)};
static const place clients[] = {PLACE(as.client.sequence), PLACE(as.client.index),
                                PLACE(as.client.term),     PLACE(as.client.client),
                                PLACE(as.client.count),    PLACE(as.client.result)};
static const place configs[] = {PLACE(as.config.index), PLACE(as.config.disk_id),
                                PLACE(as.config.place), PLACE(as.config.count),
                                PLACE(as.config.roles)};
static const place unobserved[] = {PLACE(as.slice.chain), PLACE(as.slice.hash)};

static const struct places {
  const place *list;
  size_t count;
} parts[] = {
    [PART_step] = {steps, sizeof steps / sizeof *steps},
    [PART_message] = {messages, sizeof messages / sizeof *messages},
    [PART_change] = {changes, sizeof changes / sizeof *changes},
    [PART_slice] = {slices, sizeof slices / sizeof *slices},
    [PART_client] = {clients, sizeof clients / sizeof *clients},
    [PART_config] = {configs, sizeof configs / sizeof *configs},
};

static bool have_same_words(const vlot_event *one, const vlot_event *other) {
  uint64_t words[2][VLOT_EVENT_WORDS];
  uint32_t counts[2] = {vlot_event_words(one, words[0]), vlot_event_words(other, words[1])};
  cr_assert_leq(counts[0], VLOT_EVENT_WORDS);
  return counts[0] == counts[1] && memcmp(words[0], words[1], counts[0] * sizeof words[0][0]) == 0;
}

/* Every bit of every place, one at a time. */
static void check_places(const vlot_event *event, const place *list, size_t count,
                         bool is_semantic) {
  for (size_t k = 0; k < count; k++) {
    for (size_t bit = 0; bit < 8 * list[k].size; bit++) {
      vlot_event changed = *event;
      ((unsigned char *)&changed)[list[k].offset + bit / 8] ^= (unsigned char)(1u << bit % 8);
      cr_assert_eq(have_same_words(event, &changed), !is_semantic, "kind %u, offset %zu, bit %zu",
                   event->kind, list[k].offset, bit);
    }
  }
}

Test(event, any_change_of_what_happened_changes_the_words) {
  for (int k = 0; k < KINDS; k++) {
    for (int is_large = 0; is_large < 2; is_large++) {
      vlot_event event = sample(&kinds[k], VLOT_MESSAGE_APPEND);
      if (is_large) {
        memset(&event, 0xa5, sizeof event);
        event.kind = kinds[k].number;
      }
      check_places(&event, heads, sizeof heads / sizeof *heads, true);
      check_places(&event, parts[kinds[k].part].list, parts[kinds[k].part].count, true);
    }
  }
}

Test(event, what_only_an_observer_knows_is_not_in_the_words) {
  for (int k = 0; k < KINDS; k++) {
    if (kinds[k].part != PART_slice) continue;
    vlot_event event = sample(&kinds[k], 0);
    check_places(&event, unobserved, 2, false);
  }
}

Test(event, padding_and_unused_parts_are_not_in_the_words) {
  for (int k = 0; k < KINDS; k++) {
    vlot_event event = sample(&kinds[k], VLOT_MESSAGE_APPEND), dirty;
    memset(&dirty, 0xff, sizeof dirty);
    memcpy(&dirty, &event, offsetof(vlot_event, as));
    const struct places *used = &parts[kinds[k].part];
    for (size_t p = 0; p < used->count; p++)
      memcpy((char *)&dirty + used->list[p].offset, (char *)&event + used->list[p].offset,
             used->list[p].size);
    cr_assert(have_same_words(&event, &dirty), "kind %u", event.kind);
  }
}
