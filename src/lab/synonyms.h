/* What a person who knows Raft types where we have another word. */
#ifndef VLOT_LAB_SYNONYMS_H
#define VLOT_LAB_SYNONYMS_H

/* A line, or its beginning, that does what the word means; NULL: none is known. Static. */
const char *vlot__synonym(const char *word);

#endif
