/* A basin: a few cores afloat in still water. A deterministic test network for cores alone, without
 * a cluster, where nothing moves but what the test moves: time, messages, disks and machines are
 * arrays, and every verb is a function.
 *
 * After every step the laws of Raft are checked over the whole history (basin_laws.c): the
 * invariants I-1 … I-11, I-13, I-18 and I-19 of docs/catalogue.md. A broken law ends the test with
 * the line of the verb that broke it, and a picture of all nodes.
 *
 * Entries of a log that is given before the start (basin_preset) and of a forged append have a
 * content made from (index, term), so that equal positions hold equal entries.
 */
#ifndef VLOT_TEST_BASIN_H
#define VLOT_TEST_BASIN_H

#include "vlot/raft_snapshot.h"

#define BASIN_NODES_MAX 9u
#define BASIN_ANY       0u

typedef struct basin basin;

/* Where the test is: each verb below remembers its caller's line through this. */
basin *basin_at(basin *b, const char *file, int line);
#define BASIN_HERE(b) basin_at((b), __FILE__, __LINE__)

/* --- making, starting, stopping --------------------------------------------------------------- */

/* Members 1 … count, none of them running. like gives periods, limits, switches, seed and
 * allocator; NULL: the defaults with a heartbeat of 1 tick and an election timeout in [10, 20),
 * which tests can count.
 */
basin *basin_open(uint32_t count, const vlot_raft_options *like);
void basin_close(basin *b);

/* count fresh nodes, all started. */
basin *basin_of(uint32_t count);

/* Before its start: what the disk of a node holds. terms: one term per entry, "1 1 4 4 5". */
void basin_preset(basin *b, uint32_t id, uint64_t term, uint32_t vote, const char *terms);

/* The member's disk as the configuration knows it (default 0: any), and as the node's own storage
 * says (default 100 + id). */
void basin_preset_disk(basin *b, uint32_t id, uint64_t configured, uint64_t own);

/* Before any start: the member is a learner. */
void basin_preset_learner(basin *b, uint32_t id);

/* Before its start: it is opened without a configuration, and waits for one. */
void basin_preset_waiting(basin *b, uint32_t id);

/* Before its start: it is no member when the cluster begins, and waits to hear of one that has
 * it. */
void basin_preset_absent(basin *b, uint32_t id);

/* While it is down: it comes back with another disk, that has nothing. */
void basin_wipe(basin *b, uint32_t id, uint64_t disk_id);

/* Start from what the disk holds. A crash loses the writes that are pending. */
#define basin_start(b, id)   basin_start_(BASIN_HERE(b), id)
#define basin_start_all(b)   basin_start_(BASIN_HERE(b), BASIN_ANY)
#define basin_crash(b, id)   basin_crash_(BASIN_HERE(b), id)
#define basin_restart(b, id) (basin_crash(b, id), basin_start(b, id))
void basin_start_(basin *b, uint32_t id);
void basin_crash_(basin *b, uint32_t id);

/* From here on broken laws are not looked for: for tests that forge what no node would say. */
void basin_lawless(basin *b);

/* --- inputs ----------------------------------------------------------------------------------- */

/* Any inputs, as one step; then the disk and the machine do their part, unless they are held. */
#define basin_step(b, id, inputs, count) basin_step_(BASIN_HERE(b), id, inputs, count)
vlot_result basin_step_(basin *b, uint32_t id, const vlot_input *inputs, uint32_t count);

/* Time passes, tick by tick, at one node or (BASIN_ANY) at all of them in the order of their ids.
 * No message moves. */
#define basin_tick(b, id, ticks) basin_tick_(BASIN_HERE(b), id, ticks)
void basin_tick_(basin *b, uint32_t id, uint32_t ticks);

/* Each tick followed by delivering everything. */
#define basin_run(b, ticks) basin_run_(BASIN_HERE(b), ticks)
void basin_run_(basin *b, uint32_t ticks);

/* One input that asks for something, and its outcome. */
#define basin_campaign(b, id)      basin_ask_(BASIN_HERE(b), id, VLOT_INPUT_CAMPAIGN)
#define basin_force_elect(b, id)   basin_ask_(BASIN_HERE(b), id, VLOT_INPUT_ELECT)
#define basin_step_down(b, id)     basin_ask_(BASIN_HERE(b), id, VLOT_INPUT_STEP_DOWN)
#define basin_forget_leader(b, id) basin_ask_(BASIN_HERE(b), id, VLOT_INPUT_FORGET_LEADER)
#define basin_propose(b, id, text) basin_propose_(BASIN_HERE(b), id, text)
#define basin_read(b, id, tag)     basin_read_(BASIN_HERE(b), id, tag)
vlot_outcome basin_ask_(basin *b, uint32_t id, vlot_input_kind kind);
vlot_outcome basin_propose_(basin *b, uint32_t id,
                            const char *text); /* words become one command each */
vlot_outcome basin_read_(basin *b, uint32_t id, uint64_t tag);

/* Edits, one per word: +4 add a voter, ?4 a learner, ^4 promote, v4 demote, -4 remove, *2:202
 * replace the disk; +4:104 by that disk. A first word "joint" demands two steps, "at:7" expects the
 * configuration of index 7. */
#define basin_change_members(b, id, edits, tag) basin_change_members_(BASIN_HERE(b), id, edits, tag)
vlot_outcome basin_change_members_(basin *b, uint32_t id, const char *edits, uint64_t tag);
#define basin_cancel_change(b, id) basin_ask_(BASIN_HERE(b), id, VLOT_INPUT_CANCEL_CHANGE)

/* to 0: the best; ticks 0: one election timeout. */
#define basin_transfer(b, id, to, ticks, tag) basin_transfer_(BASIN_HERE(b), id, to, ticks, tag)
vlot_outcome basin_transfer_(basin *b, uint32_t id, uint32_t to, uint32_t ticks, uint64_t tag);
#define basin_ranks(b, id, ranks, count) basin_ranks_(BASIN_HERE(b), id, ranks, count)
vlot_outcome basin_ranks_(basin *b, uint32_t id, const vlot_rank *ranks, uint32_t count);

#define basin_switches(b, id, switches) basin_switches_(BASIN_HERE(b), id, switches)
void basin_switches_(basin *b, uint32_t id, uint32_t switches);

/* Campaign at id, deliver everything, and it must lead. */
#define basin_make_leader(b, id) basin_make_leader_(BASIN_HERE(b), id)
void basin_make_leader_(basin *b, uint32_t id);

/* --- messages in flight: oldest first; from, to, kind: BASIN_ANY for each --------------------- */

/* Deliver those in flight now, or (all) also those that follow from them; returns how many. */
#define basin_deliver(b, from, to, kind)     basin_deliver_(BASIN_HERE(b), from, to, kind)
#define basin_deliver_one(b, from, to, kind) basin_deliver_one_(BASIN_HERE(b), from, to, kind)
#define basin_deliver_all(b)                 basin_deliver_all_(BASIN_HERE(b))
uint32_t basin_deliver_(basin *b, uint32_t from, uint32_t to, uint32_t kind);
uint32_t basin_deliver_one_(basin *b, uint32_t from, uint32_t to, uint32_t kind);
uint32_t basin_deliver_all_(basin *b);

/* Up to [most] of the messages for a node as one step, with whatever may precede them. */
#define basin_deliver_group(b, to, most) basin_deliver_group_(BASIN_HERE(b), to, most)
uint32_t basin_deliver_group_(basin *b, uint32_t to, uint32_t most);

uint32_t basin_drop(basin *b, uint32_t from, uint32_t to, uint32_t kind);
uint32_t basin_duplicate(basin *b, uint32_t from, uint32_t to,
                         uint32_t kind); /* the copies go to the end */
uint32_t basin_hold(basin *b, uint32_t from, uint32_t to,
                    uint32_t kind); /* out of sight of the verbs above */
uint32_t basin_release(basin *b, uint32_t from, uint32_t to, uint32_t kind);
uint32_t basin_count(const basin *b, uint32_t from, uint32_t to, uint32_t kind);

/* The newest message in flight that fits; NULL. Borrowed until a verb moves messages. */
const vlot_message *basin_peek(const basin *b, uint32_t from, uint32_t to, uint32_t kind);

/* The k-th oldest message in flight of all, held or not; NULL. Then: it alone is delivered, dropped
 * or duplicated. */
const vlot_message *basin_in_flight(const basin *b, uint32_t k);
uint32_t basin_in_flight_count(const basin *b);
#define basin_deliver_kth(b, k) basin_deliver_kth_(BASIN_HERE(b), k)
void basin_deliver_kth_(basin *b, uint32_t k);
void basin_drop_kth(basin *b, uint32_t k);
void basin_duplicate_kth(basin *b, uint32_t k);

/* Links: a message over a cut link is lost when it would be delivered. */
void basin_cut(basin *b, uint32_t from, uint32_t to);
void basin_cut_both(basin *b, uint32_t one, uint32_t other);
void basin_isolate(basin *b, uint32_t id);
void basin_heal(basin *b);

/* Hand a message to its receiver as if it had come from the network. */
#define basin_inject(b, message) basin_inject_(BASIN_HERE(b), message)
vlot_result basin_inject_(basin *b, const vlot_message *message);

/* A message that no node sent. disk of the sender, request 1, dealing 1 for appends. terms: of the
 * entries after prev. */
vlot_message basin_forge(basin *b, vlot_message_kind kind, uint32_t from, uint32_t to,
                         uint64_t term);
vlot_message basin_forge_append(basin *b, uint32_t from, uint32_t to, uint64_t term,
                                uint64_t prev_index, uint64_t prev_term, uint64_t commit,
                                const char *terms);
vlot_message basin_forge_vote(basin *b, uint32_t from, uint32_t to, uint64_t term,
                              uint64_t last_index, uint64_t last_term);

/* The reply that would answer a request as asked, if its receiver said so: OK with a match, or a
 * refusal. */
vlot_message basin_forge_reply(const vlot_message *request, uint64_t term, bool is_ok,
                               uint64_t match_index);

/* --- disks and machines ----------------------------------------------------------------------- */

/* Held: writes stay pending until they are stored by hand. Not held (the default): STORED follows
 * in a step of its own. */
void basin_hold_disk(basin *b, uint32_t id);
#define basin_release_disk(b, id) basin_release_disk_(BASIN_HERE(b), id)
void basin_release_disk_(basin *b, uint32_t id);
#define basin_store_one(b, id) basin_store_(BASIN_HERE(b), id, 1) /* the oldest pending write */
#define basin_store_all(b, id) \
  basin_store_(BASIN_HERE(b), id, UINT32_MAX) /* one STORED for all of them */
#define basin_fail_write(b, id) basin_fail_write_(BASIN_HERE(b), id)
uint32_t basin_store_(basin *b, uint32_t id, uint32_t most);
vlot_result basin_fail_write_(basin *b, uint32_t id);
uint32_t basin_pending_writes(const basin *b, uint32_t id);

/* Held: APPLIED is said by hand. */
void basin_hold_machine(basin *b, uint32_t id);
#define basin_apply_to(b, id, index) basin_apply_to_(BASIN_HERE(b), id, index)
void basin_apply_to_(basin *b, uint32_t id, uint64_t index);

/* --- snapshots: a machine's state is its text, basin_applied() -------------------------------- */

/* Of what the node's machine has applied; a reference for the caller. */
vlot_snapshot *basin_image(basin *b, uint32_t id);

/* Say TAKEN; basin_snapshot: of an image, with [keep] entries kept below it. Its outcome must be
 * OK. */
#define basin_take(b, id, snapshot, compact_to) basin_take_(BASIN_HERE(b), id, snapshot, compact_to)
#define basin_snapshot(b, id, keep)             basin_snapshot_(BASIN_HERE(b), id, keep)
vlot_outcome basin_take_(basin *b, uint32_t id, vlot_snapshot *snapshot, uint64_t compact_to);
void basin_snapshot_(basin *b, uint32_t id, uint64_t keep);

/* Before its start: what the disk holds, retained; base: the log's, at most the snapshot's
 * index. */
void basin_preset_snapshot(basin *b, uint32_t id, vlot_snapshot *snapshot, uint64_t base);

/* Held: RESTORED is said by hand. Not held: it follows, as what verify() finds. */
void basin_hold_restore(basin *b, uint32_t id);
#define basin_release_restore(b, id) basin_release_restore_(BASIN_HERE(b), id)
void basin_release_restore_(basin *b, uint32_t id);
#define basin_restored(b, id, result) basin_restored_(BASIN_HERE(b), id, result)
vlot_outcome basin_restored_(basin *b, uint32_t id, vlot_result result);
vlot_snapshot *basin_restoring(const basin *b, uint32_t id); /* borrowed; NULL: nothing */
uint32_t basin_swaps(const basin *b, uint32_t id);           /* since its start */

/* From here on chunks are encoded and decoded on their way: none is a part of the sender's own. */
void basin_by_wire(basin *b);

/* A chunk that no node sent, of a snapshot that is borrowed until it is delivered. */
vlot_message basin_forge_chunk(basin *b, uint32_t from, uint32_t to, uint64_t term,
                               vlot_snapshot *snapshot, uint64_t offset, uint32_t length);

/* A snapshot that no node took: of all members, with this text. A reference for the caller. */
vlot_snapshot *basin_forge_snapshot(basin *b, uint64_t index, uint64_t term, const char *text);

vlot_snapshot *basin_disk_snapshot(const basin *b, uint32_t id); /* borrowed; NULL: none */

/* --- looking ---------------------------------------------------------------------------------- */

vlot_raft *basin_core(const basin *b, uint32_t id); /* NULL: not running */
vlot_raft_status basin_status(const basin *b, uint32_t id);
vlot_progress basin_progress(const basin *b, uint32_t leader, uint32_t peer);
bool basin_is_up(const basin *b, uint32_t id);
uint64_t basin_now(const basin *b, uint32_t id);

/* The leader of the highest term among the nodes that run; 0: none. */
uint32_t basin_leader(const basin *b);

/* "1 1 4 5": the terms of the log. "x y": the commands handed to the machine in this incarnation; a
 * no-op shows as nothing. Borrowed until the same is asked of the same node.
 */
const char *basin_log(basin *b, uint32_t id);
const char *basin_disk_log(basin *b, uint32_t id);
const char *basin_applied(basin *b, uint32_t id);
vlot_hard_state basin_disk_hard(const basin *b, uint32_t id);

/* The configuration in force: "1 2 3"; a learner is 4?, and what it wishes follows: 4?+ to join,
 * 4?^ to be promoted, 4?= to stay, 2v to be demoted, 2- to go; joint: "1 2 4 | 1 2 3". Borrowed
 * likewise. */
const char *basin_members(basin *b, uint32_t id);

/* What became of a change or transfer; false: nothing yet. */
bool basin_late_answer(const basin *b, uint32_t id, uint64_t tag, vlot_late_answer *answer);

/* Answers and lost proposals of a node since its start. */
bool basin_read_answer(const basin *b, uint32_t id, uint64_t tag, vlot_read_answer *answer);
uint32_t basin_lost_count(const basin *b, uint32_t id);
vlot_lost basin_lost(const basin *b, uint32_t id, uint32_t k);

/* Changes of a node since its start or since basin_forget_changes(): how many of a kind; the newest
 * of a kind (zeros: none). */
uint32_t basin_changes(const basin *b, uint32_t id, vlot_change_kind kind);
vlot_change basin_change(const basin *b, uint32_t id, vlot_change_kind kind);
void basin_forget_changes(basin *b, uint32_t id);

/* Ends the test with a picture of all nodes. */
__attribute__((noreturn, format(printf, 2, 3))) void basin_fail(const basin *b, const char *format,
                                                                ...);

#endif
