/* A PROPOSE mail from inside: how the commands lie behind its header. Nobody else knows.
 *
 * Each is a header, then its bytes, padded to 8; or, where the bytes are shared by all nodes, the
 * header alone, which holds a reference.
 */
#ifndef VLOT_CLUSTER_PROPOSE_H
#define VLOT_CLUSTER_PROPOSE_H

#include "cluster/mail.h"
#include "vlot/raft.h"

typedef struct vlot__mail_command {
  vlot_bytes *owner; /* holds a reference; the data is all of it. NULL: the bytes follow */
  uint32_t size;
  uint32_t reserved;
} vlot__mail_command;

/* --- laying out ------------------------------------------------------------------------------- */

/* Bytes that commands [count] need, with the mail's header. None is larger than an entry may be,
 * here and below: who hands them in was refused else. */
size_t vlot__propose_size(const vlot_command *commands, uint32_t count);

/* Lay commands [mail->count] out behind the header, in room of that size; large ones become shared
 * bytes. False without memory, with no reference held. */
VLOT_MUST_CHECK bool vlot__propose_lay_out(vlot__mail_propose *mail,
                                           const vlot_allocator *allocator,
                                           const vlot_command *commands);

/* One by one: bytes that a command of a size takes with its own header; lay one out whose bytes
 * are copied, and where the next goes. The first goes to vlot__propose_first(). */
static inline size_t vlot__propose_command_size(size_t size) {
  return sizeof(vlot__mail_command) + vlot__padded(size);
}
/* Bytes that the mail would take if no command of it were shared, as in a replay. What bounds the
 * memory of mail, or decides what goes together, counts these. */
size_t vlot__propose_whole_size(const vlot__mail_propose *mail);
static inline uint8_t *vlot__propose_first(vlot__mail_propose *mail) {
  return (uint8_t *)(mail + 1);
}
uint8_t *vlot__propose_put(uint8_t *at, const void *data, size_t size);

/* --- reading ---------------------------------------------------------------------------------- */

static inline const uint8_t *vlot__propose_data(const vlot__mail_command *command) {
  return command->owner ? vlot_bytes_data(command->owner) : (const uint8_t *)(command + 1);
}

/* for (next = vlot__propose_begin(mail); (command = vlot__propose_next(&next)) != NULL;) */
typedef struct vlot__propose_reader {
  const uint8_t *at;
  uint32_t left;
} vlot__propose_reader;

static inline vlot__propose_reader vlot__propose_begin(const vlot__mail_propose *mail) {
  return (vlot__propose_reader){.at = (const uint8_t *)(mail + 1), .left = mail->count};
}

static inline const vlot__mail_command *vlot__propose_next(vlot__propose_reader *reader) {
  if (reader->left == 0) return NULL;
  const vlot__mail_command *command = (const vlot__mail_command *)(const void *)reader->at;
  reader->left--;
  reader->at += sizeof *command + (command->owner ? 0 : vlot__padded(command->size));
  return command;
}

/* --- references ------------------------------------------------------------------------------- */

void vlot__propose_retain(const vlot__mail_propose *mail);
void vlot__propose_release(const vlot__mail_propose *mail);

#endif
