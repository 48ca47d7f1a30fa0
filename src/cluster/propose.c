#include "cluster/propose.h"

#include <string.h>

/* from this size on a command's bytes are shared by all nodes instead of copied along */
enum { SHARED_BYTES = 1024 };

static bool is_shared(const vlot_command *command) {
  return command->owner || command->size >= SHARED_BYTES;
}

size_t vlot__propose_size(const vlot_command *commands, uint32_t count) {
  size_t size = sizeof(vlot__mail_propose);
  for (uint32_t k = 0; k < count; k++)
    size += is_shared(&commands[k]) ? sizeof(vlot__mail_command)
                                    : vlot__propose_command_size(commands[k].size);
  return size;
}

size_t vlot__propose_whole_size(const vlot__mail_propose *mail) {
  const vlot__mail_command *command;
  size_t size = sizeof *mail;
  for (vlot__propose_reader next = vlot__propose_begin(mail);
       (command = vlot__propose_next(&next)) != NULL;)
    size += vlot__propose_command_size(command->size);
  return size;
}

/* The bytes that all nodes will share: the caller's, where they are all of what it owns. */
static vlot_bytes *share(const vlot_allocator *allocator, const vlot_command *command) {
  bool is_whole = command->owner && vlot_bytes_size(command->owner) == command->size;
  return is_whole ? vlot_bytes_retain(command->owner)
                  : vlot_bytes_copy(allocator, command->data, command->size);
}

bool vlot__propose_lay_out(vlot__mail_propose *mail, const vlot_allocator *allocator,
                           const vlot_command *commands) {
  uint8_t *at = vlot__propose_first(mail);
  for (uint32_t k = 0; k < mail->count; k++) {
    if (!is_shared(&commands[k])) {
      at = vlot__propose_put(at, commands[k].data, commands[k].size);
      continue;
    }
    vlot__mail_command *out = (vlot__mail_command *)(void *)at;
    *out = (vlot__mail_command){.size = (uint32_t)commands[k].size,
                                .owner = share(allocator, &commands[k])};
    if (!out->owner) {
      mail->count = k; /* so many hold references */
      vlot__propose_release(mail);
      return false;
    }
    mail->has_owners = 1;
    at += sizeof *out;
  }
  return true;
}

uint8_t *vlot__propose_put(uint8_t *at, const void *data, size_t size) {
  vlot__mail_command command = {.size = (uint32_t)size};
  memcpy(at, &command, sizeof command);
  if (size > 0) memcpy(at + sizeof command, data, size);
  return at + vlot__propose_command_size(size);
}

void vlot__propose_retain(const vlot__mail_propose *mail) {
  const vlot__mail_command *command;
  if (!mail->has_owners) return;
  for (vlot__propose_reader next = vlot__propose_begin(mail);
       (command = vlot__propose_next(&next)) != NULL;)
    (void)vlot_bytes_retain(command->owner);
}

void vlot__propose_release(const vlot__mail_propose *mail) {
  const vlot__mail_command *command;
  if (!mail->has_owners) return;
  for (vlot__propose_reader next = vlot__propose_begin(mail);
       (command = vlot__propose_next(&next)) != NULL;)
    vlot_bytes_release(command->owner);
}
