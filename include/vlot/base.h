/* vlot: what every layer shares. Ids, results, whys, allocator, immutable bytes, assertions,
 * version.
 *
 * Ids       members are uint32_t, 0 is "none"; terms, log indexes and ticks are uint64_t.
 * Results   returned, never printed; the table below names each with its text and what to do.
 * NULL      is allowed where a declaration says so: for options, to ignore what is stored there,
 *           for bytes of size 0, in close, release and retain. For an object, a function or a place
 *           to store in it is a broken duty; bytes of another size that are NULL are VLOT_INVALID.
 * Thread    everything here may be called from any thread unless it says otherwise; nothing of vlot
 *           from a signal handler.
 *
 * asserts  pass NULL only where it is allowed
 */
#ifndef VLOT_BASE_H
#define VLOT_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vlot/version.h"

#if defined(VLOT_SHARED) || defined(VLOT_BUILDING)
#define VLOT_API __attribute__((visibility("default")))
#else
#define VLOT_API
#endif
#define VLOT_MUST_CHECK __attribute__((warn_unused_result))

#ifdef __cplusplus
extern "C" {
#endif

/* --- results ---------------------------------------------------------------------------------- */

/* name, number, text, what the caller should do */
#define VLOT_RESULTS(X)                                                                            \
  X(OK, 0, "ok", "go on")                                                                          \
  X(NOMEM, 1, "out of memory", "nothing has changed; free memory and try again")                   \
  X(INVALID, 2, "argument out of range", "see the message or the declaration for what is allowed") \
  X(NOT_LEADER, 3, "not the leader", "ask the leader, or wait until there is one")                 \
  X(BUSY, 4, "a bound is reached", "wait for answers, then try again")                             \
  X(REJECTED, 5, "certainly not committed", "safe to try again")                                   \
  X(UNKNOWN, 6, "may or may not be committed", "read before trying again")                         \
  X(TIMEOUT, 7, "the deadline passed", "try again or give it more time")                           \
  X(FENCED, 8, "the node is fenced", "look at its evidence; restart it")                           \
  X(CLOSED, 9, "closed or not running", "open or spawn it first")                                  \
  X(NOT_FOUND, 10, "no such thing", "name one that exists")                                        \
  X(EXISTS, 11, "exists already", "use the one that exists")                                       \
  X(DEADLOCK, 12, "called from a thread that would wait for itself", "call from another thread")   \
  X(IO, 13, "storage failed", "the node is fenced; restart it")                                    \
  X(CORRUPT, 14, "bytes that cannot be decoded", "drop them")                                      \
  X(TOO_LARGE, 15, "larger than its limit", "make it smaller or raise the limit")                  \
  X(UNSUPPORTED, 16, "not supported here", "use what the declaration lists")                       \
  X(PENDING, 17, "not finished yet", "it is completed later")                                      \
  X(FAILED, 18, "failed", "see the evidence that goes with it")                                    \
  X(VIOLATED, 19, "a safety property is broken", "report it with seed and options")                \
  X(INTERRUPTED, 20, "interrupted by another thread", "what is under way goes on: take its answer")

typedef enum vlot_result {
#define VLOT_X(name, number, text, advice) VLOT_##name = number,
  VLOT_RESULTS(VLOT_X)
#undef VLOT_X
} vlot_result;

/* Name ("NOT_LEADER"), text and advice of a result, as the table has them. Static strings; a number
 * outside the table gives "?".
 */
VLOT_API const char *vlot_result_name(vlot_result result);
VLOT_API const char *vlot_result_text(vlot_result result);
VLOT_API const char *vlot_result_advice(vlot_result result);

/* Why a call of the calling thread was refused: a sentence that names what was given and what is
 * allowed, or who stands in the way. A result has few names, and many reasons.
 *
 * result   what that call has returned: the last refused one of this thread that returned it is
 *          meant. Ask at once; calls that succeed change nothing
 * returns  never NULL; where there is no more to say, vlot_result_text(). The thread's own, until
 *          its next call that is refused, or its next of this function
 *
 * What became of a command or read that was taken is no refusal of a call: see the answer's why.
 */
VLOT_API const char *vlot_problem(vlot_result result);

/* --- whys: every refusal, drop and transition carries one ------------------------------------- */

#define VLOT_WHYS(X)                                                                     \
  X(NONE, 0, "")                                                                         \
  /* elections */                                                                        \
  X(ELECTION_TIMEOUT, 1, "no word from a leader for one election timeout")               \
  X(HIGHER_TERM, 2, "a message with a higher term arrived")                              \
  X(STALE_TERM, 3, "the message is of an older term")                                    \
  X(LOG_BEHIND, 4, "the candidate's log is behind")                                      \
  X(ALREADY_VOTED, 5, "the vote of this term is given to another")                       \
  X(LEADER_ALIVE, 6, "a leader was heard from less than one election timeout ago")       \
  X(QUORUM_OF_VOTES, 7, "a quorum granted its votes")                                    \
  X(QUORUM_REFUSED, 8, "a quorum refused its votes")                                     \
  X(LEADER_SEEN, 9, "a leader of this term was heard from")                              \
  X(NO_QUORUM_CONTACT, 10, "no quorum was heard from for one election timeout")          \
  X(ASKED, 11, "it was asked to")                                                        \
  X(FORCED, 12, "the election was forced")                                               \
  X(NOT_A_VOTER, 13, "it is not a voter of its configuration")                           \
  X(FOREIGN_DISK, 14, "the disk is not the one the configuration knows for this member") \
  X(NOT_CANDIDATE, 15, "it is no candidate of that campaign any more")                   \
  X(NOT_LEADER, 16, "it is not the leader")                                              \
  X(SINGLE_VOTER, 17, "it is the only voter")                                            \
  X(PRE_VOTES_WON, 18, "a quorum would grant its votes")                                 \
  X(LEADER_FORGOTTEN, 19, "it was told to forget its leader")                            \
  /* replication */                                                                      \
  X(LOG_MISMATCH, 20, "the previous entry is missing or of another term")                \
  X(NEEDS_SNAPSHOT, 21, "the entries it needs are below the leader's base")              \
  X(STALE_REPLY, 22, "the reply is of an earlier request, dealing or state")             \
  X(ENTRY_TOO_LARGE, 23, "the entry is larger than its limit")                           \
  X(TAIL_FULL, 24, "the uncommitted tail is at its limit")                               \
  X(READS_FULL, 25, "too many reads are pending")                                        \
  X(INDEX_LIMIT, 26, "the log index or term is at its limit")                            \
  X(OVERWRITTEN, 27, "another entry was committed at its index")                         \
  X(LEADERSHIP_LOST, 28, "leadership was lost before it was committed")                  \
  X(CONFLICT, 29, "entries of another term were in its place")                           \
  /* broken promises: the node is fenced */                                              \
  X(TWO_LEADERS, 30, "a second leader of the same term was heard from")                  \
  X(COMMITTED_CONFLICT, 31, "a leader wants to overwrite a committed entry")             \
  X(WRITE_FAILED, 32, "a storage write failed")                                          \
  X(TOKEN_UNKNOWN, 33, "storage completed a write that was never asked for")             \
  X(MALFORMED, 34, "the message is malformed")                                           \
  X(NOT_FOR_ME, 35, "the message is addressed to another member")                        \
  X(UNKNOWN_MEMBER, 36, "the sender is no member of the configuration")                  \
  X(VERSION, 37, "unknown format version or kind")                                       \
  X(APPLY_FAILED, 38, "the state machine failed")                                        \
  X(NO_MEMORY, 39, "out of memory")                                                      \
  X(WRITES_FULL, 40, "too many writes wait for the disk")                                \
  X(LOG_FULL, 41, "the log above the snapshot is at its limit")                          \
  X(SNAPSHOT_PARTIAL, 42, "part of the snapshot is missing")                             \
  X(SNAPSHOT_INSTALLING, 43, "a snapshot is being installed")                            \
  X(SNAPSHOT_CORRUPT, 44, "the snapshot is not what its checksum says")                  \
  X(SNAPSHOT_TOO_LARGE, 45, "the snapshot is larger than its limit")                     \
  X(SNAPSHOT_STALE, 46, "a newer state is here already")                                 \
  X(RESTORE_FAILED, 47, "the state machine could not be restored")                       \
  X(SILENCE, 48, "what was sent before is not answered")                                 \
  X(COMMIT_ALONE, 49, "nothing else took the commit index along")                        \
  /* cluster and runtime */                                                              \
  X(LINK_CUT, 50, "the link is cut")                                                     \
  X(LINK_LOSS, 51, "the link lost it")                                                   \
  X(LINK_DUPLICATE, 52, "the link duplicated it")                                        \
  X(MAILBOX_FULL, 53, "the mailbox is full")                                             \
  X(NODE_DOWN, 54, "the node is down")                                                   \
  X(DROPPED, 56, "it was dropped on purpose")                                            \
  X(COPIED, 84, "it was copied on purpose")                                              \
  X(KILLED, 57, "the node was killed")                                                   \
  X(RESTARTED, 58, "the node was restarted")                                             \
  X(NO_LEADER, 59, "no leader is known")                                                 \
  X(DEADLINE, 60, "the deadline passed")                                                 \
  X(CLUSTER_CLOSED, 62, "the cluster was closed")                                        \
  X(SUSPENDED, 65, "the node is suspended")                                              \
  X(QUARANTINED, 66, "user code overran its deadline")                                   \
  X(CRASHED, 67, "the node crashed")                                                     \
  X(START_FAILED, 68, "the node could not start")                                        \
  X(RESTART_INTENSITY, 69, "it was restarted too often")                                 \
  X(PARTITION, 71, "the nodes are partitioned")                                          \
  X(HEALED, 72, "all links were healed")                                                 \
  X(DISK_FAULT, 73, "the disk was changed")                                              \
  X(CLOCK_FAULT, 74, "the node's clock was changed")                                     \
  X(LINK_FAULT, 75, "a link was changed")                                                \
  X(RESUMED, 76, "the node was resumed")                                                 \
  X(STRAGGLER, 78, "the clock waits for a node that is inside a turn")                   \
  X(IS_LEADER, 79, "it is the leader itself")                                            \
  X(DISKS_LOST, 80, "so many disks of voters were lost that no quorum of them is left")  \
  X(REPLY_TOO_LARGE, 81, "the machine's answer is larger than its limit")                \
  X(LINK_IN_DOUBT, 82, "the link has lost something before")                             \
  X(TIMER_FIRED, 83, "its timer was made to fire before its time")                       \
  X(NOTHING_NEW, 85, "nothing was applied behind its newest snapshot")                   \
  X(NO_SNAPSHOT, 86, "it has no snapshot yet")                                           \
  X(SNAPSHOT_FAILED, 87, "the state machine gave no snapshot")                           \
  X(DISK_BUSY, 88, "the disk takes nothing just now")                                    \
  /* membership and leadership */                                                        \
  X(CHANGE_UNDER_WAY, 89, "another change of membership is under way")                   \
  X(NO_ENTRY_OF_TERM, 90, "no entry of this term has committed yet")                     \
  X(NOT_CAUGHT_UP, 91, "it does not catch up with the leader's log")                     \
  X(WOULD_LOSE_QUORUM, 92, "too few of the voters that would be left answer")            \
  X(NO_SUCH_MEMBER, 93, "no such member stands in the configuration")                    \
  X(MEMBER_EXISTS, 94, "a member of this id stands in the configuration")                \
  X(MEMBER_TWICE, 95, "a member stands in two edits of one change")                      \
  X(NO_VOTER_LEFT, 96, "no voter would be left")                                         \
  X(TOO_MANY_MEMBERS, 97, "there would be more members than there may be")               \
  X(NO_EFFECT, 98, "it is so already")                                                   \
  X(CONFIG_CHANGED, 99, "another configuration is in force than was expected")           \
  X(DISK_KNOWN, 100, "a member comes back only with a disk it never had")                \
  X(MIXED_WITH_DISK, 101, "a disk is replaced in a change without new voters")           \
  X(CANCELLED, 102, "it was cancelled")                                                  \
  X(TRANSFER, 103, "leadership is being handed over")                                    \
  X(ELECTED_OTHER, 104, "another was elected meanwhile")                                 \
  X(REMOVED, 105, "it stands in the configuration as a voter no more")                   \
  X(RANK, 106, "a member of higher rank has caught up")

typedef enum vlot_why {
#define VLOT_X(name, number, text) VLOT_WHY_##name = number,
  VLOT_WHYS(VLOT_X)
#undef VLOT_X
} vlot_why;

/* Name ("LOG_BEHIND") and text of a why, as the table has them: a text is a clause without a full
 * stop, that of NONE is empty. Static strings; a number outside the table gives "?".
 */
VLOT_API const char *vlot_why_name(vlot_why why);
VLOT_API const char *vlot_why_text(vlot_why why);

/* --- allocator -------------------------------------------------------------------------------- */

/* Where an instance gets its memory. Borrowed by what it is given to, for that thing's life.
 *
 * resize  as realloc(): memory NULL allocates, size 0 frees and returns NULL; otherwise NULL is a
 *         failure that leaves memory as it was. Alignment as malloc(). Called from any thread, and
 *         with a lock of vlot held
 *
 * asserts  call vlot from no signal handler, allocator or assertion handler: such a call would wait
 *          for a lock that its own thread holds. It is noticed when it does take one meanwhile
 */
typedef struct vlot_allocator {
  void *context; /* the allocator's own, handed to resize */
  void *(*resize)(void *context, void *memory, size_t size);
} vlot_allocator;

/* The allocator that NULL stands for: malloc, realloc and free. Static; never released. */
VLOT_API const vlot_allocator *vlot_allocator_default(void);

/* An allocator over malloc that counts, and that fails on demand: for tests of what happens without
 * memory. A resize of what is allocated already counts as made, and may fail too.
 *
 * open     returns NULL when malloc itself fails
 * get      the allocator to hand on; valid until close
 * fail_at  the n-th allocation from now fails (1: the next; 0: none any more); sticky: and every
 *          later one
 * live     allocations not freed yet
 * made     allocations asked for since open, those that failed included
 * close    NULL is allowed
 * asserts  free all that a fault allocator gave before it is closed
 * thread   any, close excepted: it is the last call, and nobody uses the allocator any more
 */
typedef struct vlot_fault_allocator vlot_fault_allocator;
VLOT_API vlot_fault_allocator *vlot_fault_allocator_open(void);
VLOT_API const vlot_allocator *vlot_fault_allocator_get(vlot_fault_allocator *faults);
VLOT_API void vlot_fault_allocator_fail_at(vlot_fault_allocator *faults, uint64_t n, bool sticky);
VLOT_API uint64_t vlot_fault_allocator_live(const vlot_fault_allocator *faults);
VLOT_API uint64_t vlot_fault_allocator_made(const vlot_fault_allocator *faults);
VLOT_API void vlot_fault_allocator_close(vlot_fault_allocator *faults);

/* --- immutable, reference-counted bytes ------------------------------------------------------- */

/* Bytes whose owners each hold a reference; the last release frees them. Immutable once shared. */
typedef struct vlot_bytes vlot_bytes;

/* Copy [size] bytes.
 *
 * allocator  NULL: the default; borrowed for the life of the bytes
 * data       [size], borrowed for the call; NULL is allowed when size is 0
 * returns    one reference, given back with vlot_bytes_release(); NULL without memory, and when
 *            size is near SIZE_MAX / 2 or above it
 */
VLOT_API vlot_bytes *vlot_bytes_copy(const vlot_allocator *allocator, const void *data,
                                     size_t size);

/* Uninitialised bytes, to be filled before they are shared.
 *
 * allocator  as vlot_bytes_copy()
 * data       out: where [size] bytes are to be written; untouched when NULL is returned
 * returns    as vlot_bytes_copy()
 */
VLOT_API vlot_bytes *vlot_bytes_make(const vlot_allocator *allocator, size_t size, uint8_t **data);

/* What they hold, and how many there are: data is borrowed for as long as the caller has a
 * reference, and is never NULL. bytes must not be NULL.
 */
VLOT_API const uint8_t *vlot_bytes_data(const vlot_bytes *bytes);
VLOT_API size_t vlot_bytes_size(const vlot_bytes *bytes);

/* retain: another reference; returns bytes. release: give one back; with the last one the bytes are
 * freed. NULL is allowed in both.
 *
 * asserts  release each reference to bytes once
 */
VLOT_API vlot_bytes *vlot_bytes_retain(vlot_bytes *bytes);
VLOT_API void vlot_bytes_release(vlot_bytes *bytes);

/* Any bytes as JSON, from which they come back as they were: a string where they are UTF-8 (RFC
 * 3629: no surrogates, nothing longer than it must be), else {"hex":"ff00"}, two digits each. In a
 * string control characters, U+2028 and U+2029 are escaped (\u0000), so that it is one line for
 * every reader. All JSON of vlot has bytes and texts like this; in Python they are
 * bytes.fromhex(value["hex"]) if type(value) is dict else value.encode().
 *
 * bytes    [size] borrowed for the call; NULL: null is written
 * out      [capacity], cut where it is too small, with a zero; NULL with capacity 0
 * returns  the length it has or would have: at most 6 * size + 12
 */
VLOT_API size_t vlot_json_bytes(const void *bytes, size_t size, char *out, size_t capacity);

/* --- assertions ------------------------------------------------------------------------------- */

typedef enum vlot_failure_kind {
  VLOT_FAILURE_DUTY = 1, /* a caller did not do what "asserts" asks for at a declaration */
  VLOT_FAILURE_BUG = 2   /* vlot's own logic is broken; or something wrote over its memory */
} vlot_failure_kind;

/* What an assertion found. Borrowed for the handler's call; file and text are static. */
typedef struct vlot_failure {
  vlot_failure_kind kind;
  int line;
  const char *file; /* from the root of vlot's sources, as src/raft/log.c */
  /* DUTY: what the caller must do, as the header says it. BUG: what is broken */
  const char *text;
  const char *evidence; /* BUG: numbers that show how, as "node 1, term 4"; else "" */
} vlot_failure;

/* Called on the thread where an assertion failed. It must not return: the process is aborted if it
 * does. It may be called with a lock of vlot held, and so must not call back into vlot (as an
 * allocator).
 */
typedef void (*vlot_assert_handler)(const vlot_failure *failure);

/* Set the handler of the process: the one global of the library.
 *
 * handler  NULL: the default, which prints one line to stderr and aborts
 * returns  the previous one, the default included
 */
VLOT_API vlot_assert_handler vlot_assert_set_handler(vlot_assert_handler handler);

/* Report a failure, as vlot's own assertions do: calls the handler, and aborts if it returns.
 *
 * failure  handed to the handler as it is
 */
VLOT_API __attribute__((noreturn)) void vlot_assert_failed(const vlot_failure *failure);

/* --- version ---------------------------------------------------------------------------------- */

/* "0.1.0": of the library that is linked, as VLOT_VERSION_STRING is of the headers. Static. */
VLOT_API const char *vlot_version_string(void);

#ifdef __cplusplus
}
#endif

#endif
