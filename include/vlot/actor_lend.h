/* vlot/actor_lend.h: a thread that would wait runs the turns of parked actors instead of waking
 * their threads.
 *
 * While a thread lends itself, mail that it sends to a parked actor of that system (from outside,
 * or in a turn that it runs) does not wake the actor's own thread: the lender has promised to run
 * that turn, or to wake the thread when it ends. What others send to such an actor relies on the
 * same promise. Promises are the lender's, a few at a time; an actor beyond them is woken as ever.
 *
 *   vlot_lend lend;
 *   vlot_lend_begin(&lend, system);
 *   vlot_lend_add(&lend, actor);                  the one whose answer is waited for
 *   while (!has_answer() && vlot_lend_run(&lend)) continue;
 *   vlot_lend_end(&lend);
 *
 * An actor is left alone while it is held, suspended or ending, while a timer of it is armed, and
 * for good after vlot_actor_keep_turns(): then its own thread is woken, or has been.
 *
 * Thread  a lender is one thread's, from begin to end. That thread holds no lock that a behaviour
 *         may take, has the stack that one needs, and does not leave a turn by longjmp,
 *         pthread_exit() or cancellation (which is the caller's to switch off).
 */
#ifndef VLOT_ACTOR_LEND_H
#define VLOT_ACTOR_LEND_H

#include "vlot/actor.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { VLOT_LEND_ACTORS = 16 }; /* promised at once */

/* On the lender's stack; its fields are the library's. */
typedef struct vlot_lend {
  const vlot_actor_system *system; /* NULL: it only puts off */
  struct vlot_lend *outer;         /* what this thread lent before */
  uint32_t count;
  uint32_t put_off;                     /* so many wake-ups were */
  uint32_t next;                        /* where it looks first */
  vlot_actor *actors[VLOT_LEND_ACTORS]; /* [count] a reference each */
} vlot_lend;

/* Begin. system: whose actors; only its address is looked at. */
VLOT_API void vlot_lend_begin(vlot_lend *lend, const vlot_actor_system *system);

/* Promise for one more actor, whether it has mail or not.
 *
 * returns  false: it may not be lent to now, or there are VLOT_LEND_ACTORS already
 */
VLOT_API bool vlot_lend_add(vlot_lend *lend, vlot_actor *actor);

/* Run one turn of one of them that is parked and has mail, here and now. Does not wait for anybody;
 * takes as long as the turn.
 *
 * returns  a turn was run; false: none has mail that nobody else is at
 */
VLOT_API bool vlot_lend_run(vlot_lend *lend);

/* Withdraw the promises: who has mail still, and no other lender, is woken. */
VLOT_API void vlot_lend_end(vlot_lend *lend);

/* For a thread that sends now and lends itself at once behind that: between begin and end nothing
 * is promised; the threads of parked actors that it sends to are woken by the next mail of others,
 * or by vlot_actor_remind(). end: is there such a thread? */
VLOT_API void vlot_lend_put_off_begin(vlot_lend *lend);
VLOT_API bool vlot_lend_put_off_end(vlot_lend *lend);

/* Wake the thread of an actor whose wake-up was put off, if it still has that mail.
 *
 * is_first_look  only note that it was looked at: the second look wakes. So whoever looks from time
 *                to time wakes nobody who was put off a moment ago
 * returns        there is such mail
 * thread         any; never blocks
 */
VLOT_API bool vlot_actor_remind(vlot_actor *actor, bool is_first_look);

/* No other thread runs its turns from now on; vlot_actor_run() still does. Any thread, self too. */
VLOT_API void vlot_actor_keep_turns(vlot_actor *actor);

#ifdef __cplusplus
}
#endif

#endif
