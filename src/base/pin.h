/* Code that a thread will come back to must stay where it is. */
#ifndef VLOT_BASE_PIN_H
#define VLOT_BASE_PIN_H

/* The shared object that vlot's code stands in (libvlot, or a plug-in that it is linked into) is
 * not unloaded any more, whatever dlclose() is told. Nothing happens in a program that is linked
 * statically, which nothing can be unloaded from. Any thread.
 */
void vlot__pin_code(void);

#endif
