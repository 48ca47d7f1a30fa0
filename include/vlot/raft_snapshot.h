/* vlot/raft_snapshot.h: a machine's state at one index of the log, as an object that logs, messages
 * and disks share (section 7 of the paper, thesis 5). The core moves pieces of it and never looks
 * inside; what they are made of (memory, a file, a database) is its maker's business.
 *
 * Life       made by who took it, or by a core from the chunks of a leader; immutable from then on,
 *            reference-counted, freed with its last reference. A chunk that travels within the
 *            process is the object itself with an offset and a length: nothing is copied
 * Use        docs/decisions/snapshots.md: what a driver does when, and what a crash leaves
 * Thread     any: whoever has a reference may look and read, several at once
 */
#ifndef VLOT_RAFT_SNAPSHOT_H
#define VLOT_RAFT_SNAPSHOT_H

#include "vlot/base.h"
#include "vlot/raft.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What a snapshot says of itself; with it goes which one it is. */
typedef struct vlot_snapshot_head {
  uint64_t index; /* of the last entry it stands for; 1 … */
  uint64_t term;  /* of that entry; 1 … */
  /* hash over all entries up to index, as whoever observes logs computes it, so that members with
   * different bases compare; the core hands it on. 0: nobody does */
  uint64_t chain;
  uint64_t size;     /* bytes of its content */
  uint64_t checksum; /* vlot_snapshot_checksum() of its content */
  /* in force at index: vlot_raft_configuration_at(). Retained by who keeps the head; borrowed with
   * what vlot_snapshot_get() gives */
  vlot_configuration *configuration;
} vlot_snapshot_head;

/* Content that is read when it is needed.
 *
 * read     copy [length] bytes from offset on to out; the range lies inside of size. Anything but
 *          VLOT_OK: it cannot be read, and out means nothing. Never called by a core, only by
 *          vlot_snapshot_read(), vlot_snapshot_verify() and vlot_message_encode(); from any thread,
 *          several at once
 * release  once, with the snapshot's last reference; NULL: there is nothing to release
 */
typedef struct vlot_snapshot_content {
  void *context; /* handed to both */
  vlot_result (*read)(void *context, uint64_t offset, uint32_t length, uint8_t *out);
  void (*release)(void *context);
} vlot_snapshot_content;

/* Make one whose content lies in memory, or is read when it is needed.
 *
 * allocator  NULL: the default; borrowed for the snapshot's life
 * head       copied, its configuration retained; size and checksum are believed:
 *            vlot_snapshot_verify() asks
 * bytes      [head->size], retained
 * content    copied; taken over unless NULL is returned: then release is not called
 * returns    one reference, given back with vlot_snapshot_release(); NULL without memory, and where
 *            index, term or configuration is none, or bytes have another size
 */
VLOT_API vlot_snapshot *vlot_snapshot_make(const vlot_allocator *allocator,
                                           const vlot_snapshot_head *head, vlot_bytes *bytes);
VLOT_API vlot_snapshot *vlot_snapshot_make_from(const vlot_allocator *allocator,
                                                const vlot_snapshot_head *head,
                                                const vlot_snapshot_content *content);

/* retain: another reference; returns snapshot. release: give one back. NULL is allowed in both.
 *
 * asserts  release each reference to a snapshot once
 */
VLOT_API vlot_snapshot *vlot_snapshot_retain(vlot_snapshot *snapshot);
VLOT_API void vlot_snapshot_release(vlot_snapshot *snapshot);

/* Its head; borrowed for as long as the caller has a reference. */
VLOT_API const vlot_snapshot_head *vlot_snapshot_get(const vlot_snapshot *snapshot);

/* Its content where all of it lies in memory, borrowed likewise; NULL: it is read. */
VLOT_API vlot_bytes *vlot_snapshot_bytes(const vlot_snapshot *snapshot);

/* Copy [length] bytes from offset on to out.
 *
 * returns  VLOT_OK; VLOT_INVALID: the range is not inside of what is here; what content.read says
 */
VLOT_API VLOT_MUST_CHECK vlot_result vlot_snapshot_read(const vlot_snapshot *snapshot,
                                                        uint64_t offset, uint32_t length,
                                                        uint8_t *out);

/* Is its content what its head says? Reads all of it.
 *
 * returns  VLOT_OK; VLOT_CORRUPT: it has another checksum; VLOT_NOMEM; what content.read says
 */
VLOT_API VLOT_MUST_CHECK vlot_result vlot_snapshot_verify(const vlot_snapshot *snapshot);

#define VLOT_SNAPSHOT_CHECKSUM ((uint64_t)0xcbf29ce484222325u) /* of no bytes */

/* The checksum of bytes that come in any number of pieces: begin with VLOT_SNAPSHOT_CHECKSUM and
 * hand each result on to the next. It is FNV-1a in 64 bits: it tells damage, not malice.
 *
 * data  [size], borrowed for the call; may be NULL where size is 0
 */
VLOT_API uint64_t vlot_snapshot_checksum(uint64_t before, const void *data, size_t size);

#ifdef __cplusplus
}
#endif

#endif
